/** The sentence that the page opens with. */
import type { ClusterStatus, NodeStatus } from '../../../protocol/http.ts';
import { grouped } from '../format/figures.ts';
import { lateLeases } from './late-leases.ts';

/** `38 devices, 2 jobs running, 1 lease late.` */
export function headline(cluster: ClusterStatus, nodes: readonly NodeStatus[]): string {
  const { running, pending } = cluster.jobs;
  const late = lateLeases(nodes, Date.parse(cluster.now)).length;
  const parts = [
    count(cluster.workers.connected, 'device', 'devices'),
    running === 0 && pending === 0 ? 'no job to run' : `${count(running, 'job', 'jobs')} running`,
    ...(running === 0 && pending > 0 ? [`${grouped(pending)} waiting`] : []),
    ...(late === 0 ? [] : [`${count(late, 'lease', 'leases')} late`]),
  ];
  return `${parts.join(', ')}.`;
}

function count(n: number, one: string, many: string): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}
