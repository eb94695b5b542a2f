/** A result of any workload, taken apart for showing: figures, and lists that are tables. */
import { grouped } from '../format/figures.ts';

export interface ResultTable {
  readonly title: string;
  /** Rows of the whole list; the last of them are shown. */
  readonly total: number;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ResultFigures {
  readonly figures: readonly (readonly [name: string, value: string])[];
  readonly tables: readonly ResultTable[];
}

const MAX_ROWS = 12;
const MAX_ENTRIES = 8;

type Json = Readonly<Record<string, unknown>>;

export function resultFigures(result: Json): ResultFigures {
  const figures: [string, string][] = [];
  const tables: ResultTable[] = [];
  for (const [name, value] of Object.entries(result)) {
    const title = name.replaceAll('_', ' ');
    if (!Array.isArray(value)) {
      figures.push([title, text(value)]);
      continue;
    }
    const list: unknown[] = value;
    const records = list.filter(isRecord);
    if (records.length === 0 || records.length < list.length) figures.push([title, entries(list)]);
    else tables.push(tableOf(title, records));
  }
  return { figures, tables };
}

function tableOf(title: string, records: readonly Json[]): ResultTable {
  const columns = Object.keys(records[0] ?? {});
  return {
    title,
    total: records.length,
    columns: columns.map((name) => name.replaceAll('_', ' ')),
    rows: records.slice(-MAX_ROWS).map((record) => columns.map((name) => text(record[name]))),
  };
}

function entries(list: readonly unknown[]): string {
  if (list.length === 0) return 'none';
  const shown = list.slice(0, MAX_ENTRIES).map(text).join(', ');
  return list.length > MAX_ENTRIES ? `${shown} … (${list.length} entries)` : shown;
}

function text(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (isRecord(value)) {
    return Object.entries(value)
      .map(([name, inner]) => `${name} ${text(inner)}`)
      .join(', ');
  }
  if (typeof value === 'number') return Number.isInteger(value) ? grouped(value) : String(value);
  if (typeof value === 'string') return /^\d+$/.test(value) ? grouped(BigInt(value)) : value;
  return JSON.stringify(value);
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
