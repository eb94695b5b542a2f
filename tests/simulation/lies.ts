/**
 * What liars send. A **contradiction** is refused by sums and recomputed maxima alone. A **plausible** lie
 * passes every such check: only a second answer to the same range can show it. All liars tell the same lies,
 * so two of them agree.
 */
import type { Range } from '../../protocol/range.ts';
import type { Template } from './jobs.ts';

type Json = Record<string, unknown>;

export class Lies {
  readonly #plausible = new Map<string, unknown>();

  /** Undefined if no small change passes the checks. */
  plausible(job: Template, range: Range, aggregate: unknown): unknown {
    const key = `${job.name} ${range.start} ${range.end}`;
    if (!this.#plausible.has(key)) this.#plausible.set(key, findPlausible(job, range, aggregate));
    return this.#plausible.get(key);
  }

  contradiction(aggregate: unknown): unknown {
    if (!isJson(aggregate)) return null;
    for (const [name, value] of Object.entries(aggregate)) {
      if (typeof value === 'string') return { ...aggregate, [name]: String(BigInt(value) + 1n) };
      if (typeof value === 'number') return { ...aggregate, [name]: value + 1 };
    }
    return { ...aggregate, invented: 1 };
  }
}

function findPlausible(job: Template, range: Range, aggregate: unknown): unknown {
  if (!isJson(aggregate)) return undefined;
  const { workload, parameters } = job;
  const truth = JSON.stringify(aggregate);
  for (const lie of variations(aggregate)) {
    if (JSON.stringify(lie) === truth) continue;
    try {
      const decoded = workload.decode(parameters, range, JSON.parse(JSON.stringify(lie)));
      if (workload.check(parameters, range, decoded).length === 0) return lie;
    } catch {
      // Refused by its form: the next one.
    }
  }
  return undefined;
}

/** Small changes, those most likely to pass first. */
function* variations(aggregate: Json): Generator<Json> {
  for (const [name, value] of Object.entries(aggregate)) {
    if (!Array.isArray(value)) continue;
    const entries: readonly unknown[] = value;
    for (let i = 0; i + 1 < entries.length; i++) {
      for (const step of [1n, -1n]) {
        const moved = moveOne(entries, i, step);
        if (moved === undefined) continue;
        // A histogram of delays has the sum of all delays beside it.
        const sum = aggregate['delay_sum'];
        const sums = typeof sum === 'string' ? { delay_sum: String(BigInt(sum) + step) } : {};
        yield { ...aggregate, ...sums, [name]: moved };
      }
      // A record that is kept secret.
      if (isJson(entries[i])) yield { ...aggregate, [name]: entries.filter((_, index) => index !== i) };
    }
  }
  for (const [name, value] of Object.entries(aggregate)) {
    if (typeof value !== 'string' || !/^[1-9][0-9]*$/.test(value)) continue;
    yield { ...aggregate, [name]: String(BigInt(value) - 1n) };
    yield { ...aggregate, [name]: String(BigInt(value) + 1n) };
  }
}

/** One unit from entry i to the next (step 1), or from the next to entry i (step −1). */
function moveOne(entries: readonly unknown[], i: number, step: bigint): unknown[] | undefined {
  const [a, b] = [entries[i], entries[i + 1]];
  if (typeof a !== 'string' || typeof b !== 'string') return undefined;
  const from = BigInt(a) - step;
  const to = BigInt(b) + step;
  if (from < 0n || to < 0n) return undefined;
  return entries.map((entry, index) => (index === i ? String(from) : index === i + 1 ? String(to) : entry));
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
