/** Batches that take much longer than their worker's rate promised. */
import type { NodeStatus } from '../../../protocol/http.ts';

/** A batch is about ten seconds of work: half as long again is no news. */
const LEAST_LATE_MS = 10_000;

export interface LateLease {
  readonly node: NodeStatus;
  readonly lease: NodeStatus['leases'][number];
  readonly late_ms: number;
}

/** @param nowMs by the coordinator's clock */
export function lateLeases(nodes: readonly NodeStatus[], nowMs: number): readonly LateLease[] {
  const late = nodes.flatMap((node) =>
    node.leases.flatMap((lease) => {
      if (lease.expected_at === null || node.state === 'paused') return [];
      const expected = Date.parse(lease.expected_at);
      const allowed = Math.max(LEAST_LATE_MS, expected - Date.parse(lease.since));
      const late_ms = nowMs - expected;
      return late_ms > allowed ? [{ node, lease, late_ms }] : [];
    }),
  );
  return late.sort((a, b) => b.late_ms - a.late_ms);
}
