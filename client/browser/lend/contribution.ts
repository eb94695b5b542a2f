/** What the page and its computing thread say to each other. Everything that computes is behind it. */
import type { WorkerEnd, WorkerStatus } from '../../worker-status.ts';

/** Each cause by itself: the page has one sentence and one action for each. */
export type ContributionProblem =
  /** Plain HTTP beyond localhost: browsers give such pages no GPU. */
  | 'insecure'
  | 'no_webgpu'
  /** There is WebGPU, and no GPU that it would use. */
  | 'no_adapter'
  /** The device was lost again and again. */
  | 'device_lost'
  /** It failed its known answers. */
  | 'unfit'
  /** The page is older than the coordinator, or younger. */
  | 'outdated'
  | 'refused'
  /** The computing thread could not be loaded, or died. */
  | 'broken';

export interface ContributionEnd {
  /** Undefined: it was stopped. */
  readonly problem: ContributionProblem | undefined;
  readonly message: string;
}

export interface Contribution {
  /**
   * Computes until `stop`, or until it can't go on.
   * @param origin of the coordinator
   * @param onStatus called at most a few times a second
   * @param onDevice called once with the name of the GPU
   */
  run(
    origin: string,
    onDevice: (description: string) => void,
    onStatus: (status: WorkerStatus) => void,
  ): Promise<ContributionEnd>;
  /** Hands back what is done. */
  stop(): Promise<void>;
}

export function endOf(end: WorkerEnd): ContributionEnd {
  const { message } = end;
  switch (end.kind) {
    case 'stopped':
      return { problem: undefined, message };
    case 'protocol_mismatch':
      return { problem: 'outdated', message };
    case 'refused':
    case 'unfit':
    case 'device_lost':
      return { problem: end.kind, message };
  }
}
