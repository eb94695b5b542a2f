/** Which faults, when, and for how long: drawn from a seed. */
export const KINDS = [
  'coordinator killed',
  'coordinator terminated',
  'coordinator stopped',
  'coordinator cut off from the database',
  'database killed',
  'nginx killed',
  'workers killed',
  'workers cut off from nginx',
] as const;
export type FaultKind = (typeof KINDS)[number];

export interface DrawnFault {
  readonly kind: FaultKind;
  /** After the moment of its group. */
  readonly delay_ms: number;
  /** Until it is healed. */
  readonly lasts_ms: number;
  /** 0 ≤ lot < 1: which of those that it may hit. */
  readonly lot: number;
}

/** Faults that come together, or nearly. */
export interface FaultGroup {
  /** Share of the job that is done by then. */
  readonly moment: number;
  readonly faults: readonly DrawnFault[];
}

/** The job goes on for a while after the last one. */
const LAST_MOMENT = 0.85;
const LEAST_MS = 200;
const MOST_MS = 8000;
const MOST_DELAY_MS = 2000;
/** Of groups: how many have more than one fault, and of these, more than two. */
const MORE_SHARE = 0.4;

/** Every kind comes before one comes again. */
export function drawFaults(random: () => number, count: number): readonly FaultGroup[] {
  const kinds: FaultKind[] = [];
  while (kinds.length < count) kinds.push(...shuffled(random, KINDS));
  const faults = kinds.slice(0, count).map((kind) => ({
    kind,
    lasts_ms: LEAST_MS + random() * (MOST_MS - LEAST_MS),
    lot: random(),
  }));
  const groups: DrawnFault[][] = [];
  while (faults.length > 0) {
    const size = random() >= MORE_SHARE ? 1 : random() >= MORE_SHARE ? 2 : 3;
    groups.push(
      faults
        .splice(0, size)
        .map((fault, place) => ({ ...fault, delay_ms: place === 0 ? 0 : random() * MOST_DELAY_MS })),
    );
  }
  return groups.map((each, index) => ({
    moment: ((index + random()) / groups.length) * LAST_MOMENT,
    faults: each,
  }));
}

function shuffled<T>(random: () => number, items: readonly T[]): T[] {
  const rest = [...items];
  const drawn: T[] = [];
  while (rest.length > 0) drawn.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return drawn;
}
