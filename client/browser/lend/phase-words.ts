/** A word for each phase. Apart from the sentences: pages with the chip alone don't load those. */
import type { LendPhase } from './lend.ts';

/** It was started and may compute: the panel shows what it does, not what it would. */
export function isStarted(phase: LendPhase): boolean {
  return phase !== 'off' && phase !== 'failed' && phase !== 'elsewhere';
}

/** The word beside the dot. */
export function phaseWord({
  phase,
  connected,
}: {
  readonly phase: LendPhase;
  readonly connected: boolean;
}): string {
  switch (phase) {
    case 'off':
    case 'failed':
      return 'Not contributing';
    case 'elsewhere':
      return 'Contributing in another tab';
    case 'starting':
      return 'Starting';
    case 'connecting':
      return 'Connecting';
    case 'idle':
      return connected ? 'Waiting for work' : 'Offline';
    case 'computing':
      return connected ? 'Contributing' : 'Contributing, offline';
    case 'paused':
      return 'Paused';
    case 'recovering':
      return 'Recovering';
    case 'stopping':
      return 'Stopping';
  }
}
