/** What the outside sees of the cluster and its workers. Reads only. */
import { JOB_STATES, WORKER_STATES } from '../../protocol/http.ts';
import type { ClusterStatus, NodeStatus } from '../../protocol/http.ts';
import { WORKER_KINDS } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { ConnectedWorkers } from '../cluster.ts';
import type { Core } from './core.ts';
import type { JobReads } from './job-reads.ts';
import type { JobTable } from './job-table.ts';
import type { Node } from './nodes.ts';
import { rangeJson, time } from './views.ts';

/** Jobs listed with what they wait for. */
const MAX_WAITING_SHOWN = 100;

export function nodeStatus(node: Node, nowMs: number): NodeStatus {
  const { hello, facts } = node;
  return {
    node_id: node.id,
    kind: hello.kind,
    host: hello.host,
    own: facts.own,
    state: node.state,
    device: hello.device,
    tags: [...facts.tags],
    priority: facts.priority,
    software: hello.software,
    rate_per_second: node.ratePerSecond,
    busy_fraction: node.busyFraction,
    batches_done: node.batchesDone,
    units_done: node.unitsDone.toString(),
    errors: node.errors,
    leases: leasesOf(node),
    activity: node.activity.text(nowMs, node.link !== undefined && !node.silent),
    health_url: hello.health_url,
    connected_at: time(node.connectedAt),
    last_heartbeat: time(node.lastSeen),
  };
}

/** A worker computes its leases one after the other, in their order, the first since its latest result. */
function leasesOf(node: Node): NodeStatus['leases'] {
  let free: number | undefined = node.answeredAt;
  return [...node.leases].map((lease) => {
    const { expectedMs, grantedAt } = lease;
    free =
      free === undefined || expectedMs === undefined ? undefined : Math.max(free, grantedAt) + expectedMs;
    return {
      ...rangeJson(lease.range),
      lease_id: lease.id,
      job_id: lease.job.id,
      since: time(grantedAt),
      expected_at: free === undefined ? null : time(free),
    };
  });
}

/** Those heard of last, in the order of the table. */
export function recentNodes(core: Core, limit: number): { nodes: readonly NodeStatus[]; total: number } {
  const all = [...core.nodes.all];
  const chosen =
    all.length <= limit
      ? undefined
      : new Set(all.toSorted((a, b) => b.lastSeen - a.lastSeen).slice(0, limit));
  const shown = chosen === undefined ? all : all.filter((node) => chosen.has(node));
  const now = core.now();
  return { nodes: shown.map((node) => nodeStatus(node, now)), total: all.length };
}

/** Of the whole cluster: each once, where it is or was last; those heard of last, if there are more. */
export async function everyNode(
  core: Core,
  limit: number,
): Promise<{ readonly nodes: readonly NodeStatus[]; readonly total: number }> {
  const here = recentNodes(core, limit);
  if (!core.elsewhere.shared) return here;
  const there = await core.elsewhere.nodes(Number.isFinite(limit) ? limit : null);
  const found = new Map<string, NodeStatus>();
  for (const node of [...here.nodes, ...there.nodes]) {
    const known = found.get(node.node_id);
    if (known === undefined || isNewer(node, known)) found.set(node.node_id, node);
  }
  const all = [...found.values()];
  const twice = here.nodes.length + there.nodes.length - all.length;
  const total = here.total + there.total - twice;
  if (all.length <= limit) return { nodes: all, total };
  const newest = all.toSorted((a, b) => (a.last_heartbeat < b.last_heartbeat ? 1 : -1)).slice(0, limit);
  return { nodes: newest, total };
}

function isNewer(a: NodeStatus, b: NodeStatus): boolean {
  const [aIsGone, bIsGone] = [a.state === 'offline', b.state === 'offline'];
  return aIsGone === bIsGone ? a.last_heartbeat > b.last_heartbeat : bIsGone;
}

export function workersByState(core: Core): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(WORKER_STATES.map((state) => [state, 0]));
  for (const node of core.nodes.all) counts.set(node.state, (counts.get(node.state) ?? 0) + 1);
  return counts;
}

/** Every pair of kind and owner, also where nobody is: a gauge that vanishes says nothing. */
export function connectedWorkers(core: Core): readonly ConnectedWorkers[] {
  const groups = WORKER_KINDS.flatMap((kind) =>
    [true, false].map((own) => ({ kind, own, workers: 0, busy: 0 })),
  );
  for (const { facts, link, busyFraction } of core.nodes.all) {
    const group = groups.find(({ kind, own }) => kind === facts.kind && own === facts.own);
    if (link === undefined || group === undefined) continue;
    group.workers += 1;
    group.busy += busyFraction ?? 0;
  }
  return groups;
}

type Workers = Omit<ClusterStatus['workers'], 'expected'>;

/** Those of this coordinator. */
export function localWorkers(core: Core): Workers {
  const kinds = new Map<string, number>(WORKER_KINDS.map((kind) => [kind, 0]));
  for (const node of core.nodes.all) {
    if (node.link !== undefined) kinds.set(node.facts.kind, (kinds.get(node.facts.kind) ?? 0) + 1);
  }
  return {
    connected: core.nodes.connected,
    by_kind: Object.fromEntries(kinds),
    by_state: Object.fromEntries(workersByState(core)),
  };
}

export function sumWorkers(all: readonly Workers[]): Workers {
  const added = (records: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const record of records)
      for (const [name, count] of Object.entries(record)) sums[name] = (sums[name] ?? 0) + count;
    return sums;
  };
  return {
    connected: all.reduce((sum, { connected }) => sum + connected, 0),
    by_kind: added(all.map(({ by_kind: kinds }) => kinds)),
    by_state: added(all.map(({ by_state: states }) => states)),
  };
}

export function sumThroughput(all: readonly ClusterStatus['throughput'][]): ClusterStatus['throughput'] {
  const lines = new Map<string, ClusterStatus['throughput'][number]>();
  for (const { type, kind, units_per_second: rate, variants } of all.flat()) {
    const key = `${kind} ${type}`;
    const line = lines.get(key) ?? { type, kind, units_per_second: 0, variants: [] };
    lines.set(key, line);
    line.units_per_second += rate;
    for (const { variant, units_per_second: units } of variants) {
      const known = line.variants.find((each) => each.variant === variant);
      if (known === undefined) line.variants.push({ variant, units_per_second: units });
      else known.units_per_second += units;
    }
  }
  return [...lines.values()];
}

export function overview(core: Core, jobs: JobTable, reads: JobReads, draining: boolean): ClusterStatus {
  const { config } = core.dependencies;
  const now = core.now();
  const { elsewhere } = core;
  return {
    now: time(now),
    version: config.softwareVersion,
    protocol: PROTOCOL_VERSION,
    uptime_seconds: (now - core.startedAt) / 1000,
    draining,
    store: core.storeAvailable ? 'ok' : 'unavailable',
    workers: {
      expected: config.expectedWorkers(),
      ...sumWorkers([localWorkers(core), elsewhere.workers]),
    },
    jobs: jobsByState(jobs),
    throughput: sumThroughput([core.throughput.current(now), elsewhere.throughput]),
    waiting: waiting(jobs, reads),
  };
}

function jobsByState(jobs: JobTable): ClusterStatus['jobs'] {
  const counts = { pending: 0, running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const states of jobs.counts.values()) {
    for (const state of JOB_STATES) counts[state] += states.get(state) ?? 0;
  }
  return counts;
}

function waiting(jobs: JobTable, reads: JobReads): ClusterStatus['waiting'] {
  const found: ClusterStatus['waiting'] = [];
  for (const job of jobs.all) {
    if (found.length >= MAX_WAITING_SHOWN) break;
    const { waitingFor } = reads.outlook(job);
    if (waitingFor !== null) found.push({ job_id: job.id, waiting_for: waitingFor });
  }
  return found;
}
