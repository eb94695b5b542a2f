/** What simulated workers count. Tallies of several processes add up. */
import { z } from 'zod';
import { Latencies, latencyCounts } from './latencies.ts';

/**
 * lease: asked for alone, until the answer · submit: from sending a result until it is acknowledged as durable, with the
 * next lease · due: the same from the moment at which it was to be sent, so that no slow answer hides those behind it ·
 * connect: from dialling to the welcome · reconnect: from a loss to the next welcome
 */
export const TIMES = ['lease', 'submit', 'due', 'connect', 'reconnect'] as const;
export type TimeKind = (typeof TIMES)[number];

/**
 * joined, left, vanished: simulated visitors that came, said goodbye, went without a word · lost: connections that ended
 * under a worker · leases · acknowledged: results, once each · duplicate: of these, counted before, this one or another
 * worker's · resent: of these, on a later connection than the first · unanswered: given up with a worker that vanished ·
 * revoked: leases taken back
 */
export const COUNTS = [
  ...(['joined', 'left', 'vanished', 'lost'] as const),
  ...(['leases', 'acknowledged', 'duplicate', 'resent', 'unanswered', 'revoked'] as const),
] as const;
export type CountKind = (typeof COUNTS)[number];

/** Kinds of errors come from closed sets, but their texts hold what the system says. */
const MOST_KINDS = 100;

const count = z.number().int().min(0);
const UNITS = ['accepted', 'duplicate', 'superseded', 'unanswered'] as const;
const units = z.string().regex(/^\d+$/);

/** Duplicates whose ranges are kept. */
const MOST_DUPLICATES = 10_000;

export const tallyState = z.object({
  counts: z.record(z.enum(COUNTS), count),
  /** Units of results by their answer, and of those given up unanswered. */
  units: z.object({ accepted: units, duplicate: units, superseded: units, unanswered: units }),
  /** Ranges of the first duplicates: whoever was counted instead, each is in the job. */
  duplicates: z.array(z.object({ start: units, end: units })),
  /** What a worker was refused or waited for in vain, by kind. */
  errors: z.record(z.string(), count),
  /** How connections ended and attempts failed, by kind. */
  ends: z.record(z.string(), count),
  times: z.record(z.enum(TIMES), latencyCounts),
  /** Of the generator, since it last counted from 0. */
  cpu_seconds: z.number(),
  result_bytes: count,
});
export type TallyState = z.infer<typeof tallyState>;

export class Tally {
  readonly counts = perKind(COUNTS, () => 0);
  readonly times = perKind(TIMES, () => new Latencies());
  readonly errors = new Map<string, number>();
  readonly ends = new Map<string, number>();
  readonly units = { accepted: 0n, duplicate: 0n, superseded: 0n, unanswered: 0n };
  readonly duplicates: { readonly start: string; readonly end: string }[] = [];
  cpuSeconds = 0;
  /** Of one of them, as JSON. */
  resultBytes = 0;

  count(kind: CountKind): void {
    this.counts[kind] += 1;
  }

  error(kind: string): void {
    add(this.errors, kind, 1);
  }

  end(kind: string): void {
    add(this.ends, kind, 1);
  }

  duplicate(range: { readonly start: string; readonly end: string }): void {
    if (this.duplicates.length < MOST_DUPLICATES) this.duplicates.push(range);
  }

  get errorCount(): number {
    return [...this.errors.values()].reduce((sum, value) => sum + value, 0);
  }

  state(): TallyState {
    return {
      counts: this.counts,
      units: {
        accepted: String(this.units.accepted),
        duplicate: String(this.units.duplicate),
        superseded: String(this.units.superseded),
        unanswered: String(this.units.unanswered),
      },
      duplicates: this.duplicates,
      errors: Object.fromEntries(this.errors),
      ends: Object.fromEntries(this.ends),
      times: {
        lease: this.times.lease.counts(),
        submit: this.times.submit.counts(),
        due: this.times.due.counts(),
        connect: this.times.connect.counts(),
        reconnect: this.times.reconnect.counts(),
      },
      cpu_seconds: this.cpuSeconds,
      result_bytes: this.resultBytes,
    };
  }

  /** Takes away what `earlier`, a state of the same counting, had. Duplicates stay: ranges are not counted. */
  minus(earlier: TallyState): void {
    for (const kind of COUNTS) this.counts[kind] -= earlier.counts[kind];
    for (const kind of TIMES) this.times[kind].minus(earlier.times[kind]);
    for (const [kind, value] of Object.entries(earlier.errors)) add(this.errors, kind, -value);
    for (const [kind, value] of Object.entries(earlier.ends)) add(this.ends, kind, -value);
    for (const kind of UNITS) this.units[kind] -= BigInt(earlier.units[kind]);
    this.cpuSeconds -= earlier.cpu_seconds;
  }

  merge(state: TallyState): void {
    for (const kind of COUNTS) this.counts[kind] += state.counts[kind];
    for (const kind of TIMES) this.times[kind].merge(state.times[kind]);
    for (const [kind, value] of Object.entries(state.errors)) add(this.errors, kind, value);
    for (const [kind, value] of Object.entries(state.ends)) add(this.ends, kind, value);
    for (const kind of UNITS) this.units[kind] += BigInt(state.units[kind]);
    for (const range of state.duplicates) this.duplicate(range);
    this.cpuSeconds += state.cpu_seconds;
    this.resultBytes = Math.max(this.resultBytes, state.result_bytes);
  }
}

function add(map: Map<string, number>, kind: string, value: number): void {
  const key = map.has(kind) || map.size < MOST_KINDS ? kind : 'others';
  map.set(key, (map.get(key) ?? 0) + value);
}

function perKind<K extends string, V>(kinds: readonly K[], make: () => V): Record<K, V>;
function perKind<V>(kinds: readonly string[], make: () => V): Record<string, V> {
  return Object.fromEntries(kinds.map((kind) => [kind, make()]));
}
