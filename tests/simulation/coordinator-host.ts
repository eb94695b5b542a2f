/** The machine that the coordinator runs on: starts the real core over the real store, kills it, starts it again. */
import type { WorkerLink, WorkerSession } from '../../coordinator/cluster.ts';
import type { Cluster, Observer } from '../../coordinator/cluster.ts';
import { WorkerRequests } from '../../coordinator/gateway/requests.ts';
import { createCluster } from '../../coordinator/jobs/create-cluster.ts';
import type { Log } from '../../coordinator/log.ts';
import { openSqliteStore } from '../../coordinator/store/sqlite.ts';
import type { Change, Store } from '../../coordinator/store/store.ts';
import type { Recompute } from '../../coordinator/verify/truth.ts';
import { ClusterError } from '../../protocol/errors.ts';
import { hello as helloSchema } from '../../protocol/messages.ts';
import type { RequestName } from '../../protocol/messages.ts';
import { submission as submissionSchema } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { simulatedWorkloads } from './jobs.ts';
import type { Chance } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import { FaultyStore } from './faulty-store.ts';
import type { StoreFaults } from './faulty-store.ts';
import type { Ledger } from './ledger.ts';
import type { ClientSide, Listener, ServerSide } from './network.ts';
import { ProcessTime } from './process-time.ts';
import type { Programs } from './programs.ts';
import type { Trace } from './trace.ts';

const HEARTBEAT_MS = 10_000;
const REQUEST_LIMITS = { inFlight: 32, strikesPerMinute: 20, hurriedPerMinute: 200 };

export interface CoordinatorParts {
  readonly dataDir: string;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly programs: Programs;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly storeFaults: StoreFaults;
  /** Whether a worker is one of the operator's own. */
  readonly isOwn: (nodeId: string) => boolean;
  /** How long a batch should take. */
  readonly target_ms: number;
  /** The process died: everything connected to it is cut off. */
  readonly onCrash: () => void;
}

interface Running {
  readonly time: ProcessTime;
  readonly cluster: Cluster;
}

export class CoordinatorHost implements Listener {
  readonly #parts: CoordinatorParts;
  #starting: ProcessTime | undefined;
  #disk: Store | undefined;
  #running: Running | undefined;
  crashes = 0;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
  }

  /** Undefined while it is down. */
  get cluster(): Cluster | undefined {
    return this.#running?.cluster;
  }

  /** @throws StartError as the real start does */
  async start(): Promise<void> {
    const { clock, chance, dataDir, ledger, trace, storeFaults, programs, target_ms } = this.#parts;
    const time = new ProcessTime(clock, chance.fork('coordinator').unit);
    this.#starting = time;
    const disk = await openSqliteStore(dataDir);
    this.#disk = disk;
    const store = new FaultyStore(disk, time, chance.fork('store'), storeFaults, {
      committed: (changes) => {
        for (const change of changes) traceChange(trace, change);
        ledger.committed(changes);
      },
      crash: (when) => this.crash(when),
    });
    const bytes = chance.fork('ids');
    const cluster = await createCluster({
      store,
      workloads: simulatedWorkloads,
      runtime: time,
      observer: ledger.observer satisfies Observer,
      recompute: simulatedRecompute(programs, time, chance.fork('recompute')),
      kernelHashes: (kernels) => programs.library.hashesOf(kernels),
      log: ledger.log satisfies Log,
      config: {
        softwareVersion: 'simulation',
        expectedWorkers: () => null,
        heartbeatMs: HEARTBEAT_MS,
        targetMs: target_ms,
      },
      turn: () => new Promise((resolve) => void time.setTimer(0, resolve)),
      randomBytes: bytes.bytes,
    });
    if (!time.alive) return;
    this.#starting = undefined;
    this.#running = { time, cluster };
    trace.add(`coordinator up, epoch ${store.epoch}`);
  }

  /** As SIGKILL: what is not committed is gone. */
  crash(when: string): void {
    const time = this.#running?.time ?? this.#starting;
    if (time === undefined || !time.alive) return;
    this.#parts.trace.add(`coordinator killed ${when}`);
    this.crashes++;
    time.kill();
    this.#running = undefined;
    this.#starting = undefined;
    // The locks of a process die with it.
    void this.#disk?.close();
    this.#disk = undefined;
    this.#parts.onCrash();
  }

  /** As SIGTERM. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#parts.trace.add('coordinator stops');
    await running.cluster.close();
    running.time.kill();
    this.#running = undefined;
    this.#disk = undefined;
    this.#parts.onCrash();
  }

  accept(body: unknown, client: ClientSide): ServerSide | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    const { trace, ledger } = this.#parts;
    const hello = helloSchema.parse(body);
    const early: string[] = [];
    let welcomed = false;
    const link: WorkerLink = {
      address: '192.0.2.1',
      notifyWork: () => client.notice('work', {}),
      revoke: (revoke) => {
        trace.add(`revoke ${revoke.lease_ids.join(' ')} of ${hello.node_id}`);
        if (welcomed) client.notice('revoke', revoke);
        else early.push(...revoke.lease_ids);
      },
      drain: (reconnect_after_ms) => client.notice('drain', { reconnect_after_ms }),
      close: (reason) => {
        trace.add(`coordinator closes the connection of ${hello.node_id}: ${reason}`);
        client.notice('closing', { reason });
        client.close(reason);
      },
    };
    const session = running.cluster.connect(hello, link, this.#parts.isOwn(hello.node_id));
    trace.add(`${hello.node_id} joined with ${hello.leases.length} leases`);
    client.notice('welcome', {
      protocol: PROTOCOL_VERSION,
      software: 'simulation',
      heartbeat_ms: HEARTBEAT_MS,
      revoked: [...session.revoked, ...early],
    });
    welcomed = true;
    const requests = new WorkerRequests(session, REQUEST_LIMITS, ledger.log, {
      admit: () => undefined,
      abused: (reason) => client.close(reason),
    });
    return {
      request: (name, request, answer) => {
        if (!running.time.alive) return;
        requests.handle(name, [
          request,
          (reply: unknown) => {
            // A dead process answers nothing, whatever its promises were about to do.
            if (!running.time.alive) return;
            this.#settled(session, name, request, reply);
            answer(reply);
          },
        ]);
      },
      ended: () => {
        if (running.time.alive) session.disconnected();
      },
    };
  }

  #settled(session: WorkerSession, name: RequestName, request: unknown, reply: unknown): void {
    if (name !== 'submit') {
      this.#parts.ledger.replied(session.nodeId, name, reply);
      return;
    }
    this.#parts.ledger.submissionSettled(session.nodeId, submissionSchema.parse(request), reply);
  }
}

function simulatedRecompute(programs: Programs, time: ProcessTime, chance: Chance): Recompute {
  const later = <T>(compute: () => T): Promise<T> =>
    new Promise((resolve) => {
      time.setTimer(chance.between(5, 3000), () => resolve(compute()));
    });
  const find = (type: string, encoded: Readonly<Record<string, string | number>>) => {
    const workload = simulatedWorkloads.get(type);
    if (workload === undefined) throw new ClusterError('internal', `no workload ${type}`);
    return { workload, parameters: workload.parameters.parse(encoded) };
  };
  return {
    compute: (type, encoded, range) =>
      later(() => {
        const { workload, parameters } = find(type, encoded);
        return workload.encode(parameters, programs.compute(workload, parameters, range));
      }),
    check: (type, encoded, range, aggregate) =>
      later(() => {
        const { workload, parameters } = find(type, encoded);
        return workload.check(parameters, range, workload.decode(parameters, range, aggregate));
      }),
    close: () => Promise.resolve(),
  };
}

function traceChange(trace: Trace, change: Change): void {
  switch (change.kind) {
    case 'conditional':
      for (const each of change.changes) traceChange(trace, each);
      return;
    case 'result_accepted':
    case 'result_replaced': {
      const { jobId, range, nodeId } = change.result;
      trace.add(`durable: ${change.kind} ${jobId} [${range.start}, ${range.end}) by ${nodeId}`);
      return;
    }
    case 'segment_claimed':
      trace.add(`durable: segment ${change.jobId} [${change.range.start}, ${change.range.end})`);
      return;
    case 'job_added':
      trace.add(`durable: job ${change.record.id}`);
      return;
    case 'job_changed':
      trace.add(`durable: ${change.jobId} is ${change.progress.state}`);
      return;
    case 'results_folded':
      trace.add(
        `durable: folded ${change.results.length} results of ${change.jobId}, done ${change.share.done}`,
      );
      return;
    case 'audited':
      trace.add(`durable: ${change.entry.action} ${change.entry.target} ${change.entry.outcome}`);
      return;
    case 'jobs_pruned':
    case 'key_added':
    case 'key_revoked':
    case 'key_used':
    case 'segment_split':
    case 'computed':
    case 'event':
    case 'probe':
      return;
  }
}
