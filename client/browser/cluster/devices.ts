/** Devices: their kinds in words, their order, their lanes. */
import type { JobStatus, NodeStatus } from '../../../protocol/http.ts';
import type { WorkerKind } from '../../../protocol/messages.ts';

export const KIND_NAMES: Readonly<Record<WorkerKind, string>> = {
  'browser-gpu': 'browser GPU',
  'node-gpu': 'server GPU',
  cpu: 'CPU',
};

const KIND_ORDER: readonly WorkerKind[] = ['node-gpu', 'browser-gpu', 'cpu'];

/** This one, then connected before gone, by kind and name: rates change too often to sort rows by. */
export function devicesInOrder(
  nodes: readonly NodeStatus[],
  ownNodeId: string | undefined,
): readonly NodeStatus[] {
  const rank = (node: NodeStatus) => (node.node_id === ownNodeId ? 0 : node.state === 'offline' ? 2 : 1);
  return nodes.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind) ||
      a.node_id.localeCompare(b.node_id),
  );
}

/** What the worker's rate counts: the unit of the job it computes; undefined while it computes nothing known. */
export function rateUnit({ leases }: NodeStatus, jobs: readonly JobStatus[]): string | undefined {
  const [lease] = leases;
  return lease === undefined ? undefined : jobs.find(({ job_id }) => job_id === lease.job_id)?.unit;
}

export interface LaneRun {
  /** Slots from the oldest. */
  readonly from: number;
  readonly to: number;
  /** gone: not connected. Else busy tenths, 0 idle … 9 busy all the time. */
  readonly level: number | 'gone';
}

/** Equal neighbours as one. @param activity one character for each slot, `-` or a digit */
export function laneRuns(activity: string): readonly LaneRun[] {
  const runs: LaneRun[] = [];
  Array.from(activity).forEach((character, slot) => {
    const level = character === '-' ? 'gone' : Number(character);
    const last = runs.at(-1);
    if (last?.level === level) runs[runs.length - 1] = { ...last, to: slot + 1 };
    else runs.push({ from: slot, to: slot + 1, level });
  });
  return runs;
}

/** The lane in words. @param slotSeconds length of a slot */
export function laneText(activity: string, slotSeconds: number): string {
  const minutes = (slots: number) => Math.round((slots * slotSeconds) / 60);
  const there = Array.from(activity).filter((character) => character !== '-');
  const busy = there.reduce((sum, character) => sum + Number(character) / 9, 0);
  if (there.length === 0) return 'not connected in the last hour';
  return `connected ${minutes(there.length)} min of the last hour, computing ${minutes(busy)} min`;
}
