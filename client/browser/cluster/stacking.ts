/** Throughput of one workload as layers by kind of worker, one on the other. */
import type { Throughput } from '../../../protocol/http.ts';
import type { WorkerKind } from '../../../protocol/messages.ts';

/** From the bottom up: what is there all the time stands on the ground. */
export const STACK_ORDER = ['node-gpu', 'browser-gpu', 'cpu'] as const satisfies readonly WorkerKind[];

export interface Layer {
  readonly kind: WorkerKind;
  /** Units per second of each bucket. */
  readonly rates: readonly number[];
  /** Sums of the layers below, and with this one. */
  readonly bottom: readonly number[];
  readonly top: readonly number[];
}

/** @returns kinds that computed anything in the window, from the bottom up */
export function stack({ series }: Throughput, type: string): readonly Layer[] {
  const layers: Layer[] = [];
  for (const kind of STACK_ORDER) {
    const rates = series.find((line) => line.type === type && line.kind === kind)?.units_per_second;
    if (rates === undefined || rates.every((rate) => rate === 0)) continue;
    const bottom = layers.at(-1)?.top ?? rates.map(() => 0);
    layers.push({ kind, rates, bottom, top: rates.map((rate, i) => rate + (bottom[i] ?? 0)) });
  }
  return layers;
}

/** Workloads that were computed in the window. */
export function typesOf({ series }: Throughput): readonly string[] {
  const busy = series.filter(({ units_per_second }) => units_per_second.some((rate) => rate > 0));
  return [...new Set(busy.map(({ type }) => type))].sort();
}

/** Numbers or roots computed in the whole window. */
export function unitsOf(
  { series, bucket_seconds, window_seconds, from }: Throughput,
  type: string,
  nowMs: number,
): number {
  const lastBegins = Date.parse(from) / 1000 + window_seconds - bucket_seconds;
  const lastSeconds = Math.min(bucket_seconds, Math.max(1, nowMs / 1000 - lastBegins));
  let units = 0;
  for (const line of series) {
    if (line.type !== type) continue;
    line.units_per_second.forEach((rate, i) => {
      units += rate * (i === line.units_per_second.length - 1 ? lastSeconds : bucket_seconds);
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
