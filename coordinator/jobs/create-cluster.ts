/** Puts the core together over a store, and replays what the store holds. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ClusterError } from '../../protocol/errors.ts';
import type { JobStatus } from '../../protocol/http.ts';
import type { AccessRecords, Actor, Cluster, ClusterGauges } from '../cluster.ts';
import type { StoredJob } from '../store/store.ts';
import { FairQueue } from '../scheduler/fair-queue.ts';
import { Committer } from './committer.ts';
import type { Core, Limits } from './core.ts';
import type { ClusterDependencies } from './dependencies.ts';
import { Disputes } from './disputes.ts';
import { Folding } from './folding.ts';
import { restoreJob } from './job.ts';
import type { Job } from './job.ts';
import { DEFAULT_JOB_RULES } from './job-rules.ts';
import { JobTable } from './job-table.ts';
import { LeaseBook } from './lease-book.ts';
import { Leasing } from './leasing.ts';
import { NodeTable } from './nodes.ts';
import { Outlooks } from './outlook.ts';
import {
  connectedWorkers,
  everyNode,
  nodeStatus,
  overview,
  recentNodes,
  workersByState,
} from './cluster-views.ts';
import { ALONE } from './elsewhere.ts';
import { JobReads } from './job-reads.ts';
import { RecentBatches } from './recent-batches.ts';
import { Recovery } from './recovery.ts';
import { Replicas } from '../replicas/replicas.ts';
import { Retention } from './retention.ts';
import { Sessions } from './sessions.ts';
import { Settlement } from './settlement.ts';
import { JobControl } from './job-control.ts';
import { ThroughputMeter, throughputHistory } from './throughput.ts';
import { TimeLimits } from './time-limits.ts';
import { TokenSigner } from './token.ts';
import { Trials } from './trials.ts';
import { Waker } from './waker.ts';
import { Watchers } from './watchers.ts';

const SWEEP_MS = 1000;
/** When the only coordinator stops, another needs about this time to start. */
const RESTART_MS = 2000;
/** Workers that come back in a second: a handshake costs some 0.5 ms, and others want to be served meanwhile. */
const COMING_BACK_PER_SECOND = 1000;

/** The core, and what is for those that start it. */
export interface StartedCluster extends Cluster {
  readonly gauges: ClusterGauges;
  readonly records: AccessRecords;
  /** Called when another coordinator has changed keys. */
  onKeysChanged(listener: () => void): void;
  /** Called once another coordinator owns what this one owned: it can do nothing any more. */
  onFenced(listener: () => void): void;
}

/**
 * Starts the core: raises nothing, listens to nothing, but replays the store and sets its timer.
 * @throws ClusterError store_unavailable if the store cannot be read
 */
export async function createCluster(dependencies: ClusterDependencies): Promise<StartedCluster> {
  const { store, runtime, log, observer, config, recompute } = dependencies;
  const limits: Limits = {
    targetMs: config.targetMs ?? 10_000,
    heartbeatMs: config.heartbeatMs ?? 10_000,
    silentAfterMs: config.silentAfterMs ?? 30_000,
    maxWorkers: config.maxWorkers ?? 20_000,
  };
  const now = () => runtime.now();
  const throughput = new ThroughputMeter();
  const watchers = new Watchers(log);
  let stopping: string | null = null;
  let fenced: () => void = () => undefined;
  const committer = new Committer({
    store,
    runtime,
    observer,
    log,
    turn: dependencies.turn ?? (() => setImmediate()),
    onFenced: () => {
      stopping = 'another coordinator has taken over';
      fenced();
    },
    extras: () => throughput.drain(now()),
  });
  const core: Core = {
    dependencies,
    limits,
    rules: { ...DEFAULT_JOB_RULES, ...config.rules },
    committer,
    nodes: new NodeTable(),
    queue: new FairQueue<Job>(),
    signer: new TokenSigner(store.tokenKey),
    throughput,
    batches: new RecentBatches(),
    watchers,
    elsewhere: ALONE,
    get storeAvailable() {
      return committer.available && core.elsewhere.reachable;
    },
    startedAt: now(),
    now,
  };
  const waker = new Waker(core);
  const jobs = new JobTable(core, waker, dependencies.randomBytes ?? ((length) => randomBytes(length)));
  const book = new LeaseBook(core, waker, (lease) => {
    trials.failed(lease, 'silent', 'nothing more was heard of it');
  });
  const folding = new Folding(core, jobs);
  const control = new JobControl(core, jobs, book, folding);
  const trials = new Trials(core, control);
  const leasing = new Leasing(core, jobs, book, waker);
  const disputes = new Disputes(core);
  const onCovered = (job: Job) => control.complete(job);
  const settlement = new Settlement(core, { jobs, book, folding, disputes, trials, onCovered });
  const sessions = new Sessions(core, {
    jobs,
    book,
    leasing,
    settlement,
    waker,
    draining: () => stopping !== null,
    trials,
  });
  const timeLimits = new TimeLimits(core, jobs, control);
  const retention = new Retention(core, jobs);
  const reads = new JobReads(core, jobs, new Outlooks(core, jobs));

  const recovery = new Recovery(core, waker);
  let keysChanged: () => void = () => undefined;
  const replicas =
    store.replicas === null
      ? undefined
      : new Replicas(core, store.replicas, {
          ...{ jobs, book, folding, recovery, waker, settlement, sessions, onCovered },
          onKeys: () => keysChanged(),
        });
  if (replicas !== undefined) core.elsewhere = replicas;
  const restored: Job[] = [];
  const unknown: { readonly id: string; readonly why: string }[] = [];
  for (const active of await store.loadActive()) {
    const { type, workloadVersion, id } = active.job.record;
    const workload = dependencies.workloads.get(type);
    if (workload === undefined || workload.version !== workloadVersion) {
      // While versions differ, another coordinator may know it.
      if (replicas !== undefined) continue;
      const known = workload === undefined ? 'none' : `version ${workload.version}`;
      unknown.push({
        id,
        why: `this coordinator knows ${known} of ${type}, the job needs ${workloadVersion}`,
      });
      continue;
    }
    restored.push(restoreJob(standingStill(active.job, now()), active, workload, now()));
  }
  jobs.load(restored, await store.countJobs(), await store.nextJobSeq());
  for (const { id, why } of unknown) await control.failUnknown(id, why);
  recovery.hold(restored);
  for (const job of restored) {
    folding.restored(job);
    if (job.isCoveredHere) control.complete(job);
  }
  await replicas?.start();
  if (store.existed) committer.note({ kind: 'event', at: now(), event: 'restarted', nodeId: null });

  let cancelSweep = runtime.setTimer(SWEEP_MS, sweep);
  function sweep(): void {
    cancelSweep = runtime.setTimer(SWEEP_MS, sweep);
    try {
      sessions.sweep();
      book.sweep();
      folding.sweep();
      recovery.sweep();
      timeLimits.sweep();
      retention.sweep();
      replicas?.sweep();
    } catch (error) {
      log.error({ err: error }, 'the periodic sweep failed; it is tried again in a second');
    }
  }

  const refuseWhenStopping = (): void => {
    if (stopping !== null) throw new ClusterError('not_ready', `${stopping}: try again soon`);
  };
  const act = async (jobId: string, event: 'cancel' | 'pause' | 'resume', by: Actor): Promise<JobStatus> => {
    refuseWhenStopping();
    await control.request(jobId, event, by);
    return reads.status(jobId);
  };

  return {
    submit: async (body, { by, idempotencyKey }) => {
      refuseWhenStopping();
      const { jobId, job } = await jobs.submit(body, by, idempotencyKey);
      const { status, queue_position: position } = await reads.status(job?.id ?? jobId);
      return { job_id: jobId, status, queue_position: position };
    },
    status: (jobId) => reads.status(jobId),
    results: (jobId) => reads.results(jobId),
    coverage: (jobId) => reads.coverage(jobId),
    list: (query) => reads.list(query),
    cancel: (jobId, by) => act(jobId, 'cancel', by),
    pause: (jobId, by) => act(jobId, 'pause', by),
    resume: (jobId, by) => act(jobId, 'resume', by),
    owner: (jobId) => reads.owner(jobId),
    connect: (hello, link, own) => sessions.connect(hello, link, own),
    handBack: (body) => sessions.handBack(body),
    nodes: () => [...core.nodes.all].map((node) => nodeStatus(node, now())),
    recentNodes: (limit) => recentNodes(core, limit),
    allNodes: (limit = Number.POSITIVE_INFINITY) => everyNode(core, limit),
    node: (nodeId) => {
      const node = core.nodes.get(nodeId);
      if (node === undefined) throw unknownNode(nodeId);
      return nodeStatus(node, now());
    },
    findNode: async (nodeId) => {
      const here = core.nodes.get(nodeId);
      if (here !== undefined && !here.offline) return nodeStatus(here, now());
      const there = await core.elsewhere.node(nodeId);
      if (there !== undefined) return there;
      if (here === undefined) throw unknownNode(nodeId);
      return nodeStatus(here, now());
    },
    overview: () => overview(core, jobs, reads, stopping !== null),
    batches: (after, limit) => {
      core.elsewhere.watchBatches();
      return core.batches.after(after, limit, now());
    },
    throughput: (windowSeconds) => throughputHistory(store, windowSeconds, now()),
    watch: (listener) => watchers.watch(listener),
    notReady: () => stopping ?? (core.storeAvailable ? null : 'the store cannot be written'),
    close: async () => {
      if (stopping === 'the coordinator is stopping') return;
      stopping = 'the coordinator is stopping';
      cancelSweep();
      for (const node of core.nodes.all) node.link?.drain(comeBackAfterMs(core, replicas?.count ?? 0));
      await replicas?.stop();
      await committer.close();
      await recompute.close();
      await store.close();
    },
    records: {
      loadKeys: () => store.loadKeys(),
      listAudit: (page) => store.listAudit(page),
      write: (changes) => committer.write(changes, () => undefined),
      note: (change) => committer.note(change),
    },
    onKeysChanged: (listener) => {
      keysChanged = listener;
    },
    onFenced: (listener) => {
      fenced = listener;
      if (committer.fenced) listener();
    },
    gauges: {
      jobs: () => jobs.counts,
      workers: () => workersByState(core),
      connected: () => connectedWorkers(core),
      leases: () => book.live,
      queueDepth: () => ({ jobs: jobs.line.size, results: committer.waitingResults }),
      storeAvailable: () => core.storeAvailable,
      replicas: () => 1 + (replicas?.count ?? 0),
    },
  };
}

function unknownNode(nodeId: string): ClusterError {
  return new ClusterError('not_found', `no worker named ${nodeId} is known`);
}

/** Spread over as long as it takes to serve them all; at once begins only who has somewhere to go. */
function comeBackAfterMs(core: Core, others: number): number {
  const spreadMs = (core.nodes.connected / COMING_BACK_PER_SECOND) * 1000;
  return Math.ceil((others > 0 ? 0 : RESTART_MS) + spreadMs * core.dependencies.runtime.random());
}

/** The time in which no coordinator ran is no running time of the job (time-limits.ts). */
function standingStill(job: StoredJob, nowMs: number): StoredJob {
  if (job.progress.runningSince === null) return job;
  return { ...job, progress: { ...job.progress, runningSince: nowMs } };
}
