/** Where an axis of time has its labels: full hours and days by the visitor's own clock. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEPS_MS = [
  5 * MINUTE_MS,
  10 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  DAY_MS,
  2 * DAY_MS,
];

export interface TimeTick {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly text: string;
}

/** @param count about as many at most */
export function timeTicks(fromMs: number, windowSeconds: number, count: number): readonly TimeTick[] {
  const length = windowSeconds * 1000;
  const step = STEPS_MS.find((candidate) => length / candidate <= count) ?? DAY_MS;
  const format = new Intl.DateTimeFormat(
    undefined,
    step >= DAY_MS
      ? { weekday: 'short', day: 'numeric' }
      : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  );
  const midnight = new Date(fromMs);
  midnight.setHours(0, 0, 0, 0);
  const found: TimeTick[] = [];
  for (let time = midnight.getTime(); time <= fromMs + length; time += step) {
    if (time >= fromMs) found.push({ time, text: format.format(time) });
  }
  return found;
}
