/** The last minute of this device: its seconds on a time axis, and its gaps in words. */
import type { LentSecond, PauseCause } from './lend.ts';

export const MINUTE_S = 60;
/** A second that computed less than this share of it counts as none. */
const IDLE = 0.005;

export interface Slot {
  readonly rate_per_second: number;
  readonly busy: number;
  readonly paused: readonly PauseCause[];
}

/** Sixty slots, oldest first; undefined where nothing is known: before the start, or the page was asleep. */
export function slotsOf(minute: readonly LentSecond[], now: number): readonly (Slot | undefined)[] {
  const slots: (Slot | undefined)[] = Array.from({ length: MINUTE_S }, () => undefined);
  for (const second of minute) {
    const age = Math.floor((now - second.at) / 1000);
    if (age >= 0 && age < MINUTE_S) slots[MINUTE_S - 1 - age] = second;
  }
  return slots;
}

/** Mean of the seconds that are known: 0 … 1; undefined without any. */
export function busyShare(slots: readonly (Slot | undefined)[]): number | undefined {
  const known = slots.filter((slot) => slot !== undefined);
  if (known.length === 0) return undefined;
  return known.reduce((sum, { busy }) => sum + busy, 0) / known.length;
}

export interface Gap {
  /** Undefined: nothing paused it; it had no work. */
  readonly cause: PauseCause | undefined;
  readonly seconds: number;
  /** It reaches to now. */
  readonly lasts: boolean;
}

/** The gaps, newest first. What was before the first second of computing is none. */
export function gapsOf(slots: readonly (Slot | undefined)[]): readonly Gap[] {
  const gaps: Gap[] = [];
  let computed = false;
  let seconds = 0;
  let votes = new Map<PauseCause, number>();
  const close = (lasts: boolean) => {
    if (seconds > 0 && computed) {
      const [most] = [...votes].toSorted(([, a], [, b]) => b - a);
      gaps.unshift({ cause: most?.[0], seconds, lasts });
    }
    seconds = 0;
    votes = new Map();
  };
  for (const slot of slots) {
    if (slot === undefined || slot.busy < IDLE) {
      // A page that was asleep counts to the gap that it fell asleep in.
      if (computed) seconds++;
      for (const cause of slot?.paused ?? []) votes.set(cause, (votes.get(cause) ?? 0) + 1);
    } else {
      close(false);
      computed = true;
    }
  }
  close(true);
  return gaps;
}

const WHY: Readonly<Record<PauseCause, (length: string) => string>> = {
  user: (length) => `you paused it for ${length}`,
  battery: (length) => `the device ran on battery for ${length}, so it waited`,
  hidden: (length) => `you switched tabs for ${length}, so it waited`,
  typing: (length) => `you typed or scrolled for ${length}, so it waited`,
  pressure: (length) => `the device was under load for ${length}, so it waited`,
};

/** "The gap: you switched tabs for 6 s, so it waited." Undefined without a gap. A gap that lasts is told elsewhere. */
export function gapSentence(gaps: readonly Gap[]): string | undefined {
  // A second without work between two batches is no gap worth a sentence.
  const past = gaps.filter(({ lasts, cause, seconds }) => !lasts && (cause !== undefined || seconds > 1));
  const [newest, ...older] = past;
  if (newest === undefined) return undefined;
  const length = `${newest.seconds} s`;
  const why =
    newest.cause === undefined ? `there was nothing to compute for ${length}` : WHY[newest.cause](length);
  return `The ${older.length === 0 ? '' : 'last '}gap: ${why}.`;
}
