/** Reads what a worker claims to have computed, and looks for contradictions in it. */
import { ClusterError } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { EncodedParameters, Recompute } from './truth.ts';

/** Up to so many steps of recomputation are done on arrival; more go to the recomputing thread. */
const CHEAP_STEPS = 200_000;

/**
 * @returns the aggregate, free of contradictions as far as `Workload.check` can see
 * @throws ClusterError result_contradicts; limit_reached, internal if the check needed the other thread
 */
export async function readClaims(
  workload: Workload,
  p: unknown,
  parameters: EncodedParameters,
  range: Range,
  json: unknown,
  recompute: Recompute,
): Promise<unknown> {
  const aggregate = workload.decode(p, range, json);
  const problems =
    (workload.checkSteps?.(p, aggregate) ?? 0) > CHEAP_STEPS
      ? await recompute.check(workload.type, parameters, range, json)
      : workload.check(p, range, aggregate);
  if (problems.length > 0) {
    throw new ClusterError('result_contradicts', `the result contradicts itself: ${problems.join('; ')}`);
  }
  return aggregate;
}
