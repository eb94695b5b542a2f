/** Tables of plain text: one header line, columns as wide as their content, nothing else. */

export interface Column<R> {
  readonly title: string;
  readonly align?: 'right';
  readonly text: (row: R) => string;
}

export function table<R>(rows: readonly R[], columns: readonly Column<R>[]): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => text(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => width(line[i] ?? ''))));
  return cells
    .map((line) =>
      line
        .map((cell, i) => {
          const fill = ' '.repeat((widths[i] ?? 0) - width(cell));
          return columns[i]?.align === 'right' ? fill + cell : cell + fill;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Name and value, one pair a line. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): string {
  const longest = Math.max(0, ...entries.map(([name]) => width(name)));
  return entries.map(([name, value]) => `${name}${' '.repeat(longest - width(name))}  ${value}`).join('\n');
}

/** Code points, which is what terminals show for all that is printed here. */
const width = (text: string) => Array.from(text).length;

/** What others named (jobs, devices) must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}
