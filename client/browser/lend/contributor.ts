/** Starts and stops the computing thread. Loaded by the click. */
import { proxy, releaseProxy, wrap } from 'comlink';
import type { WorkerStatus } from '../../worker-status.ts';
import type { Contribution, ContributionEnd } from './contribution.ts';

export interface RunningContribution {
  readonly ended: Promise<ContributionEnd>;
  stop(): Promise<void>;
}

export function startContribution(
  onDevice: (description: string) => void,
  onStatus: (status: WorkerStatus) => void,
): RunningContribution {
  const thread = new Worker(new URL('./contribution-thread.ts', import.meta.url), { type: 'module' });
  const contribution = wrap<Contribution>(thread);
  const died = new Promise<ContributionEnd>((resolve) => {
    const die = (message: string) => resolve({ problem: 'broken', message });
    thread.addEventListener('error', (event) => die(event.message));
    thread.addEventListener('messageerror', () => die('a message could not be read'));
  });
  const ran = contribution
    .run(location.origin, proxy(onDevice), proxy(onStatus))
    .catch((error: unknown): ContributionEnd => ({
      problem: 'broken',
      message: error instanceof Error ? error.message : String(error),
    }));
  const ended = Promise.race([ran, died]).finally(() => {
    contribution[releaseProxy]();
    thread.terminate();
  });
  return { ended, stop: () => contribution.stop() };
}
