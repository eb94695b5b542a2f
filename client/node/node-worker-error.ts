/** Why a worker could not start on this machine. The message says what to do. */
export type NodeWorkerProblem =
  /** No GPU, or none that may be used. */
  | 'no_gpu'
  /** GPU_DEVICES names adapters that there are not. */
  | 'gpu_devices'
  /** Its own port. */
  | 'port'
  /** DATA_DIR can't be written. */
  | 'data_dir';

export class NodeWorkerError extends Error {
  readonly kind: NodeWorkerProblem;

  constructor(kind: NodeWorkerProblem, message: string) {
    super(message);
    this.name = 'NodeWorkerError';
    this.kind = kind;
  }
}
