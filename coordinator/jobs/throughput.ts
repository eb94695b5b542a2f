/** Units computed over time, by workload, its variants and worker kind: the last minute in memory, minutes in the store. */
import type { ClusterStatus, Throughput } from '../../protocol/http.ts';
import { WORKER_KINDS } from '../../protocol/messages.ts';
import type { WorkerKind } from '../../protocol/messages.ts';
import type { Change, Store } from '../store/store.ts';
import { KEPT_MINUTES } from '../store/store.ts';
import { SlidingRate } from './rate.ts';

const MINUTE_MS = 60_000;
const MAX_POINTS = 360;
const MAX_EVENTS = 1000;

/** Units of one kind of work, by one kind of worker. */
export interface Counted {
  readonly type: string;
  /** Of the workload; empty: it has none. */
  readonly variant: string;
  readonly kind: WorkerKind;
}

interface Counter extends Counted {
  readonly rate: SlidingRate;
  /** Not yet in the store. */
  units: number;
}

export class ThroughputMeter {
  readonly #counters = new Map<string, Counter>();

  add(counted: Counted, units: number, nowMs: number): void {
    const { type, variant, kind } = counted;
    const key = `${kind} ${type} ${variant}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = { type, variant, kind, rate: new SlidingRate(MINUTE_MS, 30), units: 0 };
      this.#counters.set(key, counter);
    }
    counter.rate.add(nowMs, units);
    counter.units += units;
  }

  /** What was counted since the last call, to be stored. */
  drain(nowMs: number): Change[] {
    const minute = Math.floor(nowMs / MINUTE_MS);
    const changes: Change[] = [];
    for (const counter of this.#counters.values()) {
      if (counter.units === 0) continue;
      const { type, variant, kind, units } = counter;
      changes.push({ kind: 'computed', minute, type, variant, workerKind: kind, units });
      counter.units = 0;
    }
    return changes;
  }

  current(nowMs: number): ClusterStatus['throughput'] {
    const rates = new Map<string, ClusterStatus['throughput'][number]>();
    for (const { type, variant, kind, rate } of this.#counters.values()) {
      const unitsPerSecond = rate.perSecond(nowMs);
      if (unitsPerSecond === undefined) continue;
      const line = { variant: nullIfNone(variant), units_per_second: unitsPerSecond };
      const known = rates.get(`${kind} ${type}`);
      if (known === undefined) {
        rates.set(`${kind} ${type}`, { type, kind, units_per_second: unitsPerSecond, variants: [line] });
      } else {
        known.units_per_second += unitsPerSecond;
        known.variants.push(line);
      }
    }
    return [...rates.values()];
  }
}

function nullIfNone(variant: string): string | null {
  return variant === '' ? null : variant;
}

/** The last `windowSeconds`, in at most 360 points of whole minutes. Longer windows are cut to what is kept. */
export async function throughputHistory(
  store: Store,
  windowSeconds: number,
  nowMs: number,
): Promise<Throughput> {
  const minutes = Math.min(Math.max(Math.ceil(windowSeconds / 60), 1), KEPT_MINUTES);
  const perBucket = Math.ceil(minutes / MAX_POINTS);
  const buckets = Math.ceil(minutes / perBucket);
  // The minute that is not over yet is the end of the last bucket.
  const from = Math.floor(nowMs / MINUTE_MS) + 1 - buckets * perBucket;
  const [rows, events] = await Promise.all([
    store.computed(from, perBucket, buckets),
    store.events(from * MINUTE_MS, MAX_EVENTS),
  ]);
  const series = new Map<string, Throughput['series'][number]>();
  for (const { bucket, type, variant, workerKind, units } of rows) {
    const kind = WORKER_KINDS.find((known) => known === workerKind);
    if (kind === undefined) continue;
    const key = `${type} ${kind}`;
    let line = series.get(key);
    if (line === undefined) {
      line = { type, kind, units_per_second: new Array<number>(buckets).fill(0), variants: [] };
      series.set(key, line);
    }
    let own = line.variants.find((known) => known.variant === nullIfNone(variant));
    if (own === undefined) {
      own = { variant: nullIfNone(variant), units_per_second: new Array<number>(buckets).fill(0) };
      line.variants.push(own);
    }
    const endMs = Math.min((from + (bucket + 1) * perBucket) * MINUTE_MS, nowMs);
    const seconds = (endMs - (from + bucket * perBucket) * MINUTE_MS) / 1000;
    const rate = units / Math.max(seconds, 1);
    own.units_per_second[bucket] = rate;
    line.units_per_second[bucket] = (line.units_per_second[bucket] ?? 0) + rate;
  }
  return {
    window_seconds: buckets * perBucket * 60,
    bucket_seconds: perBucket * 60,
    from: new Date(from * MINUTE_MS).toISOString(),
    to: new Date(nowMs).toISOString(),
    series: [...series.values()],
    events: events.map(({ at, event, nodeId }) => ({
      at: new Date(at).toISOString(),
      event,
      node_id: nodeId,
    })),
  };
}
