/** Which number is explored, and what is known of its path. */
import { batch, signal } from '@preact/signals';
import { parseNumber } from '../format/parse-number.ts';
import type { InverseTree } from './inverse-tree.ts';
import { STARTS, STARTS_BELOW, growTree, spreadStarts } from './inverse-tree.ts';
import { pathOf } from './long-paths.ts';
import { runInSlices } from './slices.ts';
import type { Trajectory } from './trajectory.ts';

const NEIGHBOURS = [-2n, -1n, 1n, 2n, 3n];

/** As it stands in the field. */
export const typed = signal('27');
export const problem = signal<string | undefined>(undefined);
/** The last text that could be read, and what belongs to it. */
export const shownText = signal('27');
export const path = signal<Trajectory | undefined>(undefined);
export const neighbours = signal<readonly Trajectory[]>([]);
/** The step that is pointed at. */
export const pointedStep = signal<number | undefined>(undefined);
export const tree = signal<InverseTree | undefined>(undefined);

let running = new AbortController();

/** Reads the field's text; if it is a number from 1 on, its path replaces the one before. */
export async function explore(text: string): Promise<void> {
  typed.value = text;
  const read = parseNumber(text);
  if ('problem' in read || read.value < 1n) {
    problem.value = 'problem' in read ? read.problem : 'Enter a number of 1 or more: 0 never leaves 0.';
    return;
  }
  problem.value = undefined;
  const n = read.value;
  running.abort();
  running = new AbortController();
  const { signal: stop } = running;
  const walked = await pathOf(n, stop);
  if (walked === undefined) return;
  batch(() => {
    shownText.value = text;
    path.value = walked;
    neighbours.value = [];
    pointedStep.value = undefined;
  });
  const beside: Trajectory[] = [];
  for (const offset of NEIGHBOURS) {
    if (n + offset < 1n) continue;
    const other = await pathOf(n + offset, stop);
    if (other === undefined) return;
    beside.push(other);
  }
  neighbours.value = beside;
}

export async function growMergedPaths(): Promise<void> {
  tree.value = await runInSlices(growTree(spreadStarts(STARTS, STARTS_BELOW)));
}
