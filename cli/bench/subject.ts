/** One program with one case, ready to compute, and how its rate is measured. Runs in a process of its own. */
import type { Range } from '../../protocol/range.ts';
import type { Case } from './cases.ts';
import type { Fields } from './comparison.ts';

export interface Spent {
  /** Numbers or threads. */
  readonly work: number;
  readonly seconds: number;
  /** Beside it: CPU time of the host that prepares and folds what a GPU computes. */
  readonly hostSeconds: number;
}

export interface Subject {
  /** How `seconds` are measured. */
  readonly clock: Clock;
  /** Of the calls that find out how long they are to be. */
  readonly firstCall: bigint;
  /** No call may be longer, in units of the range. */
  readonly longestCall: bigint;
  /** The result of a range. */
  fields(range: Range): Promise<Fields>;
  /** Computes a range as a worker would, without making a result of it. */
  compute(range: Range): Promise<Spent>;
  close(): void;
}

export type Clock = 'CPU time' | 'wall time of dispatches';

/** A rate, from calls that follow each other. */
export interface Measured extends Spent {
  /** Of the range. */
  readonly units: number;
  readonly wallSeconds: number;
  readonly clock: Clock;
}

/** A call lasts so long: about what a worker's pieces last. */
export const CPU_CALL_S = 0.1;
export const GPU_CALL_S = 0.05;
/** A first call may build tables and compile. */
const GROWTH = 4n;

/** How long calls must be to last `call_s`, found by calls that grow; they warm the program up as well. */
export async function fittingCall(subject: Subject, test: Case, call_s: number): Promise<bigint> {
  const most = subject.longestCall < test.span ? subject.longestCall : test.span;
  let length = subject.firstCall < most ? subject.firstCall : most;
  for (;;) {
    await subject.compute({ start: test.start, end: test.start + length });
    const { seconds } = await subject.compute({ start: test.start, end: test.start + length });
    if (seconds >= call_s || length >= most) return length;
    const factor = seconds > call_s / 4 ? 2n : GROWTH;
    length = length * factor < most ? length * factor : most;
  }
}

/** Calls from `start` on until they have taken `seconds`. */
export async function measure(
  subject: Subject,
  start: bigint,
  call: bigint,
  seconds: number,
): Promise<Measured> {
  const begun_ms = performance.now();
  let at = start;
  let total: Spent = { work: 0, seconds: 0, hostSeconds: 0 };
  do {
    const spent = await subject.compute({ start: at, end: at + call });
    at += call;
    total = {
      work: total.work + spent.work,
      seconds: total.seconds + spent.seconds,
      hostSeconds: total.hostSeconds + spent.hostSeconds,
    };
  } while (total.seconds < seconds);
  return {
    ...total,
    units: Number(at - start),
    wallSeconds: (performance.now() - begun_ms) / 1000,
    clock: subject.clock,
  };
}
