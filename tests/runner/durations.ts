/** How long each file took last time, so that the longest start first and both lanes end together. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const FILE = join('.cache', 'test-durations.json');
const durations = z.record(z.string(), z.number());

export type Durations = ReadonlyMap<string, number>;

/** Milliseconds by name; empty on a fresh checkout. */
export function readDurations(root: string): Durations {
  try {
    return new Map(Object.entries(durations.parse(JSON.parse(readFileSync(join(root, FILE), 'utf8')))));
  } catch {
    return new Map();
  }
}

/** Adds to what is known. A checkout that can't be written is none the worse for it. */
export function keepDurations(root: string, measured: Durations): void {
  const all = Object.fromEntries([...readDurations(root), ...measured]);
  try {
    mkdirSync(dirname(join(root, FILE)), { recursive: true });
    writeFileSync(join(root, FILE), JSON.stringify(all));
  } catch {
    // Only the order of the next run depends on it.
  }
}

/** Longest first. What was never run counts by where it lies: whole clusters are slow, units are not. */
export function longestFirst<T extends { readonly name: string }>(
  tasks: readonly T[],
  known: Durations,
): T[] {
  const expected = ({ name }: T) => known.get(name) ?? guess(name);
  return tasks.toSorted((a, b) => expected(b) - expected(a));
}

function guess(name: string): number {
  if (name === 'eslint') return 130_000;
  // Base images, images, and a cluster of them: first of all, so that it does not end last.
  if (name === 'tests/deploy/docker-cluster.test.ts') return 300_000;
  if (/^tests\/(cluster|simulation|browser|deploy)\//.test(name) || name === 'tests/conformance.test.ts')
    return 50_000;
  return name.startsWith('tsc') ? 10_000 : 1000;
}
