/** Rates and ratios for people: one table a workload, a row for each place, a column for each program. */
import { scaled } from '../quantities.ts';
import { significant } from '../report.ts';
import { table, type Column } from '../table.ts';
import type { KernelRates, Rate } from './kernels.ts';
import { BENCH_WORKLOADS } from './names.ts';
import type { Skipped } from './programs.ts';
import type { Ratio } from './ratios.ts';

interface Row {
  readonly name: string;
  readonly rates: ReadonlyMap<string, Rate>;
}

interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
}

export function kernelTables({ rates }: KernelRates): readonly Table[] {
  return BENCH_WORKLOADS.flatMap((workload) => {
    const here = rates.filter((rate) => rate.workload === workload);
    if (here.length === 0) return [];
    const titles = [...new Set(here.map(({ title }) => title))];
    const rows = [...new Set(here.map(({ place }) => place))].map((place) => ({
      name: place,
      rates: new Map(here.filter((rate) => rate.place === place).map((rate) => [rate.title, rate])),
    }));
    const columns = [
      { title: workload === 'thread' ? 'set' : 'at', text: ({ name }: Row) => name },
      ...titles.map((title) => ({
        title,
        align: 'right' as const,
        text: (row: Row) => rateText(row.rates.get(title)),
      })),
    ];
    return [{ title: `${workload}, ${here[0]?.unit ?? ''}`, rows, columns }];
  });
}

/** `15.6 G ±3 %`: the median, and by how much the rounds differ from it at most, in all. */
function rateText(rate: Rate | undefined): string {
  if (rate === undefined) return '–';
  if (rate.median === 0) return 'left to the CPU';
  const host = rate.hostShare >= 0.005 ? `, host ${(rate.hostShare * 100).toFixed(0)} %` : '';
  return `${scaled(rate.median)} ±${((rate.spread * 100) / 2).toFixed(0)} %${host}`;
}

const ratioColumns: readonly Column<Ratio>[] = [
  { title: 'ratio', text: ({ what }) => what },
  { title: 'found', align: 'right', text: ({ found }) => significant(found.median) },
  {
    title: '±',
    align: 'right',
    text: ({ found }) => (found.spread === 0 ? '' : `${((found.spread * 100) / 2).toFixed(0)} %`),
  },
  { title: 'at least', align: 'right', text: ({ atLeast }) => (atLeast === null ? '' : String(atLeast)) },
  { title: 'go for', align: 'right', text: ({ goFor }) => (goFor === null ? '' : String(goFor)) },
  { title: '', text: verdict },
];

function verdict({ found: { median }, atLeast, goFor }: Ratio): string {
  if (atLeast === null || goFor === null) return '';
  return median < atLeast ? 'missed' : median < goFor ? 'reached' : 'all of it';
}

export interface KernelFindings {
  readonly kernels: KernelRates;
  readonly skipped: readonly Skipped[];
  readonly core: number | undefined;
}

/** What is to be known beside the tables. */
export function kernelNotes({ kernels, skipped, core }: KernelFindings): string[] {
  const clocks = [...new Set(kernels.rates.map(({ clock }) => clock))];
  const pinned = core === undefined ? 'threads not pinned' : `threads pinned to core ${core}`;
  return [
    `median of ${kernels.rates[0]?.samples.length ?? 0} rounds; ${clocks.join(' and ')}; ${pinned}`,
    `${kernels.compared.length} times programs computed the same range, with the same results`,
    ...skipped.map(({ title, reason }) => `skipped: ${title}: ${reason}`),
    ...kernels.unable.map(({ case: name, title, reason }) => `skipped: ${name}, ${title}: ${reason}`),
  ];
}

export function kernelText(findings: KernelFindings): string[] {
  return [
    ...kernelTables(findings.kernels).map(({ title, rows, columns }) => `${title}\n${table(rows, columns)}`),
    kernelNotes(findings).join('\n'),
  ];
}

export const ratiosText = (ratios: readonly Ratio[]): string => `Ratios\n${table(ratios, ratioColumns)}`;

export function kernelMarkdown(findings: KernelFindings): string[] {
  return [
    ...kernelTables(findings.kernels).map(({ title, rows, columns }) => markdownTable(title, rows, columns)),
    kernelNotes(findings)
      .map((line) => `- ${line}`)
      .join('\n'),
  ];
}

export const ratiosMarkdown = (ratios: readonly Ratio[]): string =>
  markdownTable('Ratios', ratios, ratioColumns);

function markdownTable<R>(title: string, rows: readonly R[], columns: readonly Column<R>[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(columns.map((column) => column.title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map((row) => line(columns.map(({ text }) => text(row)))),
  ].join('\n');
}
