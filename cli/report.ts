/** What a measurement found: as text, as Markdown for docs/measurements.md, and as JSON. */
import { availableParallelism, cpus } from 'node:os';
import manifest from '../package.json' with { type: 'json' };
import { table } from './table.ts';

export interface Figure {
  /** `statistics at 2^40` */
  readonly what: string;
  readonly value: number;
  /** `numbers/s`, `ms`, `MB`, `%`, `x`. */
  readonly unit: string;
  /** What it is compared with, or how it was measured. */
  readonly note?: string;
}

export interface Report {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** Which machine the figures are of. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, Node ${process.version}, threads-cluster ${manifest.version}`;
}

const columns = [
  { title: '', text: ({ what }: Figure) => what },
  {
    title: 'value',
    align: 'right' as const,
    text: ({ value, unit }: Figure) => `${significant(value)} ${unit}`,
  },
  { title: '', text: ({ note }: Figure) => note ?? '' },
];

export function reportText({ title, figures }: Report): string {
  return `${title}\n${table(figures, columns)}`;
}

export function reportMarkdown({ title, figures }: Report): string {
  const rows = figures.map((figure) => `| ${columns.map(({ text }) => text(figure)).join(' | ')} |`);
  return [`### ${title}`, '', '| what | value | |', '|---|---:|---|', ...rows].join('\n');
}

/** Three digits that mean something, in groups: 12 300 000, 4.56, 0.0123. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000
    ? String(rounded).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ' ')
    : String(rounded);
}

/** The value below which `share` of the sorted values lie; NaN without any. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
