/** Exports as RFC 4180: commas, CRLF, a header line. All fields are numbers or words without commas. */
import type { Sliced } from './slices.ts';
import type { Trajectory } from './trajectory.ts';
import { valuesFrom } from './trajectory.ts';

const ROWS = 16;
const END = '\r\n';

/** Every step with every digit; the parts of one file. */
export function* stepsCsv(path: Trajectory): Sliced<string[]> {
  const parts = [`step,value,parity${END}`];
  for (let from = 0; from <= path.steps; from += ROWS) {
    let text = '';
    valuesFrom(path, from, ROWS).forEach((value, i) => {
      text += `${from + i},${value},${path.odd[from + i] === 1 ? 'odd' : 'even'}${END}`;
    });
    parts.push(text);
    yield from;
  }
  return parts;
}

export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [header, ...rows].map((row) => row.join(',') + END).join('');
}
