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
}

export function startContribution(
  options: ContributionOptions,
  events: ContributionEvents,
): RunningContribution {
  const thread = new Worker(new URL('./contribution-thread.ts', import.meta.url), { type: 'module' });
  const contribution = wrap<Contribution>(thread);
  let over = false;
  const died = new Promise<ContributionEnd>((resolve) => {
    const die = (message: string) => resolve({ problem: 'broken', message });
    thread.addEventListener('error', (event) => die(event.message));
    thread.addEventListener('messageerror', () => die('a message could not be read'));
  });
  const ran = contribution.run(options, proxy(events)).catch((error: unknown) => broken(error));
  const ended = Promise.race([ran, died]).finally(() => {
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
  };
}

function broken(error: unknown): ContributionEnd {
  return { problem: 'broken', message: error instanceof Error ? error.message : String(error) };
}
