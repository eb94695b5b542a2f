/** Results of different programs for the same range: every field that two of them tell must be the same. */
import type { Range } from '../../protocol/range.ts';

/** A result as a program tells it; numbers of any size as decimal text. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Answer {
  /** Who says so. */
  readonly program: string;
  readonly fields: Fields;
}

/** Two programs computed different things: none of their figures means anything. */
export class ResultsDiffer extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ResultsDiffer';
  }
}

/**
 * Holds all answers against the first.
 * @throws ResultsDiffer, which names the case, the range, the field, both programs and what each says
 */
export function compareAnswers(what: string, range: Range, answers: readonly Answer[]): void {
  const [first, ...others] = answers;
  if (first === undefined) return;
  for (const other of others) {
    const shared = Object.keys(other.fields).filter((field) => field in first.fields);
    if (shared.length === 0) throw new ResultsDiffer(`${what}: ${other.program} tells nothing to compare`);
    for (const field of shared) {
      const expected = canonical(first.fields[field]);
      const found = canonical(other.fields[field]);
      if (found === expected) continue;
      throw new ResultsDiffer(
        `${what}, [${range.start}, ${range.end}): ${field} is ${shortened(found)} by ${other.program}, ` +
          `but ${shortened(expected)} by ${first.program}`,
      );
    }
  }
}

/** Text that is the same for the same value: `5` and `"5"` are, and the order of an object's fields is nothing. */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, entry]) => `${name}:${canonical(entry)}`).join(',')}}`;
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return `${value}`;
  throw new TypeError(`a result holds a ${typeof value}`);
}

const shortened = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/**
 * How much work the fields of a range stand for: numbers, or threads, of which an oversize tree has as many as are
 * needed to know it. The same for every program, so rates are comparable where trees differ.
 */
export function workOf(fields: Fields, maxThreads: number): number {
  if ('oversize' in fields) return Number(fields['threads']) + Number(fields['oversize']) * (maxThreads + 1);
  return Number(fields['count']);
}
