/** Throughput of units that are alike as layers by kind of worker, one on the other. */
import type { Throughput } from '../../../protocol/http.ts';
import type { WorkerKind } from '../../../protocol/messages.ts';

/** From the bottom up: what is there all the time stands on the ground. */
export const STACK_ORDER = ['node-gpu', 'browser-gpu', 'cpu'] as const satisfies readonly WorkerKind[];

/** What is drawn together: units of one workload and one of its variants. Others are another amount of work. */
export interface Work {
  readonly type: string;
  /** null: the workload has none, or they were not told apart. */
  readonly variant: string | null;
}

/** `collatz-verify`, `thread`. */
export function workKey({ type, variant }: Work): string {
  return variant === null ? type : `${type}-${variant}`;
}

export interface Layer {
  readonly kind: WorkerKind;
  /** Units per second of each bucket. */
  readonly rates: readonly number[];
  /** Sums of the layers below, and with this one. */
  readonly bottom: readonly number[];
  readonly top: readonly number[];
}

/** @returns kinds that computed anything in the window, from the bottom up */
export function stack({ series }: Throughput, work: Work): readonly Layer[] {
  const layers: Layer[] = [];
  for (const kind of STACK_ORDER) {
    const rates = linesOf(series, work).find((line) => line.kind === kind)?.rates;
    if (rates === undefined || rates.every((rate) => rate === 0)) continue;
    const bottom = layers.at(-1)?.top ?? rates.map(() => 0);
    layers.push({ kind, rates, bottom, top: rates.map((rate, i) => rate + (bottom[i] ?? 0)) });
  }
  return layers;
}

/** What was computed in the window. */
export function worksOf({ series }: Throughput): readonly Work[] {
  const works = series.flatMap(({ type, variants }) =>
    variants
      .filter(({ units_per_second }) => units_per_second.some((rate) => rate > 0))
      .map(({ variant }): Work => ({ type, variant })),
  );
  const byKey = new Map(works.map((work) => [workKey(work), work]));
  return [...byKey.values()].toSorted((a, b) => (workKey(a) < workKey(b) ? -1 : 1));
}

/** Units per second of each kind of worker. */
export function linesOf<R>(
  series: readonly {
    readonly type: string;
    readonly kind: WorkerKind;
    readonly variants: readonly { readonly variant: string | null; readonly units_per_second: R }[];
  }[],
  work: Work,
): readonly { readonly kind: WorkerKind; readonly rates: R }[] {
  return series
    .filter(({ type }) => type === work.type)
    .flatMap(({ kind, variants }) =>
      variants
        .filter(({ variant }) => variant === work.variant)
        .map(({ units_per_second }) => ({ kind, rates: units_per_second })),
    );
}

/** Numbers or roots computed in the whole window. */
export function unitsOf(
  { series, bucket_seconds, window_seconds, from, to }: Throughput,
  work: Work,
): number {
  const lastBegins = Date.parse(from) / 1000 + window_seconds - bucket_seconds;
  const lastSeconds = Math.min(bucket_seconds, Math.max(1, Date.parse(to) / 1000 - lastBegins));
  let units = 0;
  for (const { rates } of linesOf(series, work)) {
    rates.forEach((rate, i) => {
      units += rate * (i === rates.length - 1 ? lastSeconds : bucket_seconds);
    });
  }
  return units;
}

/** Round steps, about `count` of them, that reach past `max`: 0, 1, 2 … */
export function ticks(max: number, count: number): readonly number[] {
  if (!(max > 0)) return [0];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough) ?? rough;
  const steps = Math.ceil(max / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, i) => i * step);
}

/**
 * Moves labels apart, as little as needed, within [low, high].
 * @param wanted positions in ascending order
 * @param apart least distance; more labels than fit stand closer
 */
export function spread(
  wanted: readonly number[],
  apart: number,
  low: number,
  high: number,
): readonly number[] {
  const gap = wanted.length > 1 ? Math.min(apart, (high - low) / (wanted.length - 1)) : apart;
  const placed: number[] = [];
  for (const at of wanted) placed.push(Math.max(at, low, (placed.at(-1) ?? -Infinity) + gap));
  let ceiling = high;
  for (let i = placed.length - 1; i >= 0; i--) {
    placed[i] = Math.min(placed[i] ?? ceiling, ceiling);
    ceiling = (placed[i] ?? ceiling) - gap;
  }
  return placed;
}

const AXIS_SCALES = [
  { factor: 1e12, name: 'trillion ' },
  { factor: 1e9, name: 'billion ' },
  { factor: 1e6, name: 'million ' },
  { factor: 1e3, name: 'thousand ' },
] as const;

/** In what the axis counts, so that its figures are short. */
export function axisScale(top: number): { readonly factor: number; readonly name: string } {
  return AXIS_SCALES.find(({ factor }) => top >= factor) ?? { factor: 1, name: '' };
}
