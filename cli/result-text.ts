/** A job's result for people. Any workload's: figures, then what has a table, then what is too long for one. */
import type { JobResults } from '../protocol/http.ts';
import { grouped } from './quantities.ts';
import { pairs, printable, table } from './table.ts';

/** The last rows are the largest records; the whole is in --json. */
const MAX_ROWS = 12;

export function resultText({ result, partial, covered, status }: JobResults): string {
  if (result === null) return `Nothing is computed yet (${status}).`;
  const scalars: [string, string][] = [];
  const tables: string[] = [];
  for (const [name, value] of Object.entries(result)) {
    const title = name.replaceAll('_', ' ');
    if (!Array.isArray(value)) {
      scalars.push([title, figure(value)]);
      continue;
    }
    const rows: unknown[] = value;
    const records = rows.filter(isRecord);
    if (records.length === 0 || records.length < rows.length) scalars.push([title, plainList(rows)]);
    else tables.push(recordTable(title, records));
  }
  const head = partial ? [`Partial result over ${coveredText(covered)}:`, ''] : [];
  return [...head, pairs(scalars), ...tables.flatMap((text) => ['', text])].join('\n');
}

type Json = Record<string, unknown>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** 12 345; `n 27, delay 111`; none. */
export function figure(value: unknown): string {
  if (value === null) return 'none';
  if (isRecord(value)) {
    return Object.entries(value)
      .map(([name, inner]) => `${name} ${figure(inner)}`)
      .join(', ');
  }
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))) return grouped(value);
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function plainList(values: readonly unknown[]): string {
  if (values.length === 0) return 'none';
  const shown = values.slice(0, 8).map(figure).join(', ');
  return values.length > 8 ? `${shown}, … (${values.length} entries; all of them with --json)` : shown;
}

function recordTable(title: string, records: readonly Json[]): string {
  const names = Object.keys(records[0] ?? {});
  const shown = records.slice(-MAX_ROWS);
  const columns = names.map((name) => ({
    title: name.replaceAll('_', ' '),
    align: 'right' as const,
    text: (row: Json) => figure(row[name]),
  }));
  const more = records.length > shown.length ? `, the last ${shown.length}; all of them with --json` : '';
  return `${title} (${records.length}${more})\n${table(shown, columns)}`;
}

function coveredText(covered: JobResults['covered']): string {
  const [first] = covered;
  if (first === undefined) return 'nothing';
  const range = `[${grouped(first.start)}, ${grouped(first.end)})`;
  return covered.length === 1 ? range : `${range} and ${covered.length - 1} more ranges`;
}
