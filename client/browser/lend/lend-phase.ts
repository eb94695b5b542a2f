/** The one word for what this device does. */
import type { WorkerStatus } from '../../worker-status.ts';
import type { LendPhase, PauseCause } from './lend.ts';

/** What the page itself is about; `running`: the computing thread reports. */
export type Stage = 'off' | 'elsewhere' | 'starting' | 'running' | 'stopping' | 'failed';

export function phaseOf(
  stage: Stage,
  status: Pick<WorkerStatus, 'state' | 'message' | 'recovering'> | undefined,
  paused_by: readonly PauseCause[],
): LendPhase {
  if (stage !== 'running' && stage !== 'starting') return stage;
  if (paused_by.length > 0) return 'paused';
  if (status === undefined) return 'starting';
  if (status.recovering) return 'recovering';
  switch (status.state) {
    case 'testing':
      return status.message === undefined ? 'starting' : 'connecting';
    case 'connecting':
    case 'idle':
    case 'computing':
    case 'stopping':
      return status.state;
    case 'paused':
      // It was told to go on and says so with its next report.
      return 'idle';
    case 'ended':
      return 'stopping';
  }
}
