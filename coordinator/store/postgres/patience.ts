/**
 * Which of the other coordinators are dead: those that gave no sign over several looks that would have seen one.
 * Pure: it is told the time.
 */
export interface Sign {
  readonly epoch: number;
  /** Whether it has ever beaten. */
  readonly begun: boolean;
  /** Null: not since the database crashed. */
  readonly beats: number | null;
  readonly commits: number;
}

/** A death takes that many looks without a sign, beside the first one. */
const LEAST_LOOKS = 3;
/**
 * Looks are a second apart. After a longer gap (the database was away, this process stood still) the others may have
 * been kept from giving signs as well.
 */
const GAP_MS = 2000;
/** Times the usual patience, after a gap: the others come back after different waits. */
const AFTER_GAP = 2;
/** Times the usual patience, before the first beat: a coordinator reads its jobs before it begins. */
const BEFORE_FIRST_BEAT = 10;

interface Silence {
  readonly sign: Sign;
  readonly since: number;
  readonly patienceMs: number;
  looks: number;
}

export class Patience {
  readonly #patienceMs: number;
  readonly #silences = new Map<number, Silence>();
  #lastLook: number | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /**
   * @param now milliseconds of a clock that never jumps
   * @param signs of all others that there are
   * @returns the epochs of the dead
   */
  look(now: number, signs: readonly Sign[]): readonly number[] {
    const afterGap = this.#lastLook !== undefined && now - this.#lastLook > GAP_MS;
    this.#lastLook = now;
    const there = new Set(signs.map(({ epoch }) => epoch));
    for (const epoch of this.#silences.keys()) if (!there.has(epoch)) this.#silences.delete(epoch);
    return signs.flatMap((sign) => {
      const silence = this.#silences.get(sign.epoch);
      if (afterGap || silence === undefined || !isSame(silence.sign, sign)) {
        const times = !sign.begun ? BEFORE_FIRST_BEAT : afterGap ? AFTER_GAP : 1;
        this.#silences.set(sign.epoch, { sign, since: now, patienceMs: times * this.#patienceMs, looks: 0 });
        return [];
      }
      silence.looks += 1;
      const isDead = silence.looks >= LEAST_LOOKS && now - silence.since >= silence.patienceMs;
      return isDead ? [sign.epoch] : [];
    });
  }
}

function isSame(a: Sign, b: Sign): boolean {
  return a.beats === b.beats && a.commits === b.commits;
}
