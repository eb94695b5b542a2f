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
  /**
   * Whether the database still has the session that gave the latest beat. False is no proof: a connection may be lost. Nor is
   * true: its number may be another session's by now, which costs time alone.
   */
  readonly connected: boolean;
}

/** A death takes that many looks without a sign, beside the first one. */
const LEAST_LOOKS = 3;
/**
 * The system ends a dead process's connections at once, so who has no session is given less: looks that found neither
 * session nor sign, and the part of the usual patience that must pass. Who lives and has lost its connection beats on a new
 * one, at once or a second later. After a gap, or if one's own session is another one than at the look before, the others may
 * be kept from that as well, and nobody is hurried.
 */
const LEAST_LOOKS_GONE = 2;
const PATIENCE_GONE = 0.5;
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
  /** Whether less is given to it while it has no session. */
  hurried: boolean;
  looks: number;
  /** The latest ones in a row that found no session. */
  looksGone: number;
}

export class Patience {
  readonly #patienceMs: number;
  readonly #silences = new Map<number, Silence>();
  #lastLook: number | undefined;
  #session: number | undefined;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /**
   * @param now milliseconds of a clock that never jumps
   * @param session of the one that looks
   * @param signs of all others that there are
   * @returns the epochs of the dead
   */
  look(now: number, session: number, signs: readonly Sign[]): readonly number[] {
    const afterGap = this.#lastLook !== undefined && now - this.#lastLook > GAP_MS;
    this.#lastLook = now;
    if (session !== this.#session) for (const silence of this.#silences.values()) silence.hurried = false;
    this.#session = session;
    const there = new Set(signs.map(({ epoch }) => epoch));
    for (const epoch of this.#silences.keys()) if (!there.has(epoch)) this.#silences.delete(epoch);
    return signs.flatMap((sign) => {
      const silence = this.#silences.get(sign.epoch);
      if (afterGap || silence === undefined || !isSame(silence.sign, sign)) {
        const times = !sign.begun ? BEFORE_FIRST_BEAT : afterGap ? AFTER_GAP : 1;
        const patienceMs = times * this.#patienceMs;
        const begins = { since: now, looks: 0, looksGone: 0 };
        this.#silences.set(sign.epoch, { sign, patienceMs, hurried: !afterGap, ...begins });
        return [];
      }
      silence.looks += 1;
      silence.looksGone = sign.connected ? 0 : silence.looksGone + 1;
      const silentMs = now - silence.since;
      const isSilent = silence.looks >= LEAST_LOOKS && silentMs >= silence.patienceMs;
      const isGone = silence.looksGone >= LEAST_LOOKS_GONE && silentMs >= PATIENCE_GONE * silence.patienceMs;
      return isSilent || (silence.hurried && isGone) ? [sign.epoch] : [];
    });
  }
}

function isSame(a: Sign, b: Sign): boolean {
  return a.beats === b.beats && a.commits === b.commits;
}
