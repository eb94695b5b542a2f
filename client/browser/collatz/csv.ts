/** Exports as RFC 4180: commas, CRLF, a header line. All fields are numbers or words without commas. */
import type { Sliced } from './slices.ts';
import type { Trajectory } from './trajectory.ts';
import { valuesFrom } from './trajectory.ts';

const ROWS = 16;
/** Text that becomes one piece of a file: turning megabytes into bytes at once would hold up the page. */
const PIECE = 1 << 17;
const END = '\r\n';

/** Every step with every digit; the pieces of one file. */
export function* stepsCsv(path: Trajectory): Sliced<Blob[]> {
  const pieces: Blob[] = [];
  let text = `step,value,parity${END}`;
  for (let from = 0; from <= path.steps; from += ROWS) {
    valuesFrom(path, from, ROWS).forEach((value, i) => {
      text += `${from + i},${value},${path.odd[from + i] === 1 ? 'odd' : 'even'}${END}`;
    });
    if (text.length > PIECE) {
      pieces.push(new Blob([text]));
      text = '';
    }
    yield from;
  }
  pieces.push(new Blob([text]));
  return pieces;
}

export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [header, ...rows].map((row) => row.join(',') + END).join('');
}
