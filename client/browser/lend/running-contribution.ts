/** Starts the computing thread and talks to it. Loaded by the click. */
import { proxy, releaseProxy, wrap } from 'comlink';
import type {
  Contribution,
  ContributionEnd,
  ContributionEvents,
  ContributionOptions,
} from './contribution.ts';

export interface RunningContribution {
  readonly ended: Promise<ContributionEnd>;
  setPaused(paused: boolean): void;
  setShare(share: number): void;
  setPieceScale(scale: number): void;
  stop(): void;
  /** The page ends now, or is kept for a return: sends what is done, as far as the thread has told, and ends it. */
  leave(): void;
}

export function startContribution(
  options: ContributionOptions,
  events: Omit<ContributionEvents, 'handBack'>,
): RunningContribution {
  const thread = new Worker(new URL('./contribution-thread.ts', import.meta.url), { type: 'module' });
  const contribution = wrap<Contribution>(thread);
  let over = false;
  const died = new Promise<ContributionEnd>((resolve) => {
    const die = (message: string) => resolve({ problem: 'broken', message });
    thread.addEventListener('error', (event) => die(event.message));
    thread.addEventListener('messageerror', () => die('a message could not be read'));
  });
  let handBack: string | undefined;
  const told: ContributionEvents = {
    device: (device) => events.device(device),
    report: (report) => events.report(report),
    handBack: (body) => {
      handBack = body;
    },
  };
  const ran = contribution.run(options, proxy(told)).catch((error: unknown) => broken(error));
  let leaveWith: (end: ContributionEnd) => void = () => undefined;
  const left = new Promise<ContributionEnd>((resolve) => {
    leaveWith = resolve;
  });
  const ended = Promise.race([ran, died, left]).finally(() => {
    over = true;
    contribution[releaseProxy]();
    thread.terminate();
  });
  /** A thread that has ended answers nothing any more. */
  const tell = (call: () => Promise<void>) => {
    if (!over) call().catch(() => undefined);
  };
  return {
    ended,
    setPaused: (paused) => tell(() => contribution.setPaused(paused)),
    setShare: (share) => tell(() => contribution.setShare(share)),
    setPieceScale: (scale) => tell(() => contribution.setPieceScale(scale)),
    stop: () => tell(() => contribution.stop()),
    leave() {
      if (over) return;
      over = true;
      // First: what it did after its last word would be counted beside what is sent here, or be thrown away.
      thread.terminate();
      if (handBack !== undefined) sendLast(handBack);
      leaveWith({ problem: undefined, message: 'the page was left' });
    },
  };
}

/** The browser carries it after the page has gone. As JSON: plain text would go with `Origin: null`, which is refused. */
function sendLast(body: string): void {
  navigator.sendBeacon('/api/hand-back', new Blob([body], { type: 'application/json' }));
}

function broken(error: unknown): ContributionEnd {
  return { problem: 'broken', message: error instanceof Error ? error.message : String(error) };
}
