/** What the core asks of trusted computing: the coordinator's own CPU (recompute.ts), or a test's. */
import type { Range } from '../../protocol/range.ts';

/** Parameters as `Workload.encodeParameters` gives them. */
export type EncodedParameters = Readonly<Record<string, string | number>>;

export interface Recompute {
  /**
   * The exact aggregate of `range`, as `Workload.encode` gives it.
   * @throws ClusterError limit_reached when too much waits already, internal when it cannot be computed
   */
  compute(type: string, parameters: EncodedParameters, range: Range): Promise<unknown>;
  /**
   * `Workload.check` in another thread, for aggregates whose claims are expensive to recompute.
   * @throws ClusterError as compute
   */
  check(
    type: string,
    parameters: EncodedParameters,
    range: Range,
    aggregate: unknown,
  ): Promise<readonly string[]>;
  close(): Promise<void>;
}
