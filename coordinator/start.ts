/**
 * Starts a coordinator: kernels, store, core, metrics, then the public port, so that whoever can reach it
 * finds it whole. Stops in an order that loses nothing: workers are told, what has arrived is committed,
 * connections end, the store is closed.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ClusterError } from '../protocol/errors.ts';
import { workloads } from '../shaders/registry.ts';
import { createApi } from './api/api.ts';
import type { Api } from './api/api.ts';
import { bearerOf } from './access/access.ts';
import type { Access } from './access/access.ts';
import { ConnectionLimit, limitSockets } from './access/connection-limit.ts';
import { DEFAULT_CONNECTIONS_PER_ADDRESS } from './access/limits.ts';
import { openDoors } from './access/open-doors.ts';
import type { Cluster, Runtime } from './cluster.ts';
import { StartError } from './config.ts';
import type { CoordinatorConfig } from './config.ts';
import { exitOnCrash } from './crash.ts';
import { expectedWorkers } from './expected-workers.ts';
import { openGateway } from './gateway/gateway.ts';
import type { Gateway } from './gateway/gateway.ts';
import { httpServer } from './http-server.ts';
import { createCluster } from './jobs/create-cluster.ts';
import { spacedTurns } from './jobs/spaced-turns.ts';
import { readKernels } from './kernels.ts';
import { listen } from './listener.ts';
import type { Listener } from './listener.ts';
import { createLog } from './log.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics/metrics.ts';
import { makeDataFolder } from './store/data-folder.ts';
import { openPostgresStore } from './store/postgres/store.ts';
import { openSqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { RecomputeThread } from './verify/recompute.ts';

export { StartError } from './config.ts';
export type { CoordinatorConfig } from './config.ts';

const HEARTBEAT_MS = 10_000;
/** For the last commit, and then for answers to be read: together 5 s at most. */
const COMMIT_MS = 4000;
const GRACE_MS = 1000;

export interface RunningCoordinator {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  /** `http://127.0.0.1:9090/metrics` */
  readonly metricsUrl: string;
  /** Resolves once another coordinator has taken over what this one owned: close it, and start another. */
  readonly fenced: Promise<void>;
  /** Resolves when nothing is left; the second call waits for the first. */
  close(): Promise<void>;
}

/** @throws StartError, whose message is one line that says what to do */
export async function startCoordinator(config: CoordinatorConfig): Promise<RunningCoordinator> {
  const log = createLog(config.logLevel);
  const undo: (() => void | Promise<void>)[] = [];
  try {
    return await assemble(config, log, undo);
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    // A shared store may go away at any moment, this one too.
    if (error instanceof ClusterError && error.code === 'store_unavailable') {
      throw new StartError('store', `the store can’t be read: ${error.message}`, error);
    }
    throw error;
  }
}

/** With a shared store, the data folder holds the operator's keys alone. */
function openStore({ storeUrl, dataDir }: CoordinatorConfig): Promise<Store> {
  if (storeUrl === undefined) return openSqliteStore(dataDir);
  makeDataFolder(dataDir);
  return openPostgresStore(storeUrl);
}

/** @param undo is given, in order, what takes each step back */
async function assemble(
  config: CoordinatorConfig,
  log: Log,
  undo: (() => void | Promise<void>)[],
): Promise<RunningCoordinator> {
  const version = softwareVersion();
  const kernelsDir = config.kernelsDir ?? projectFolder('build/kernels');
  const kernels = readKernels(workloads.values(), projectFolder('shaders'), kernelsDir);
  const allowedOrigins = config.allowedOrigins ?? [];
  const workersExpected = expectedWorkers(config.clusterSize ?? null, config.clusterSizeFile);

  const store = await openStore(config);
  undo.push(() => store.close());
  const metrics = createMetrics(log, workersExpected);
  const cluster = await createCluster({
    store,
    workloads,
    runtime: systemRuntime,
    turn: spacedTurns(),
    observer: metrics.observer,
    recompute: new RecomputeThread(workloads, kernelsDir, log),
    kernelHashes: (ofJob) => kernels.hashesOf(ofJob),
    log,
    config: {
      softwareVersion: version,
      expectedWorkers: workersExpected,
      heartbeatMs: HEARTBEAT_MS,
      rules: config.jobRules,
    },
  });

  undo.splice(0, undo.length, () => cluster.close());

  const access = await openDoors(config, cluster.records, log);
  undo.push(() => access.close());
  cluster.onKeysChanged(() => {
    access.keys.reload().catch((error: unknown) => {
      log.warn({ err: error }, 'keys could not be read anew: they are at the next change');
    });
  });
  const connectionLimit = new ConnectionLimit(
    config.connectionsPerAddress ?? DEFAULT_CONNECTIONS_PER_ADDRESS,
  );
  const isSpared = (address: string) => access.isSpared(address);
  metrics.guard((request) => {
    access.limit(access.identify(request, undefined), 'requests');
    access.require(access.identify(request, bearerOf(request.headers.authorization)), 'read');
  });
  limitSockets(metrics.server, connectionLimit, isSpared);

  const { host } = config;
  const metricsListener = await listen(metrics.server, host, config.metricsPort, 'METRICS_PORT', log);
  undo.push(() => metricsListener.close(0));
  const pagesDir = config.pagesDir ?? projectFolder('build/pages');
  const api = createApi({
    ...{ cluster, kernels, workloads, version, pagesDir, access, allowedOrigins, log },
    publicUrl: config.publicUrl,
    answered: metrics.answered,
  });
  undo.push(() => api.close());
  const server = httpServer(api.app);
  limitSockets(server, connectionLimit, isSpared);
  metrics.countTraffic(server);
  const gateway = openGateway(server, {
    cluster,
    log,
    software: version,
    heartbeat_ms: HEARTBEAT_MS,
    access,
    connectionLimit,
    allowedOrigins,
  });
  metrics.attach(cluster.gauges, {
    sockets: () => gateway.connections(),
    eventStreams: () => api.streams(),
    workloads: [...workloads.keys()],
    dataDir: config.dataDir,
  });
  const listener = await listen(server, host, config.port, 'COORDINATOR_PORT', log);

  const forget = config.exitOnCrash === false ? () => undefined : exitOnCrash(log);
  const metricsUrl = `${metricsListener.url}/metrics`;
  log.info(
    {
      ...{ url: listener.url, metrics: metricsUrl, data_dir: config.dataDir, version },
      ...(store.replicas === null ? {} : { shared_store: true, epoch: store.epoch }),
    },
    'coordinator ready',
  );
  const fenced = new Promise<void>((resolve) => cluster.onFenced(resolve));
  const parts: Parts = { access, cluster, api, gateway, listener, metricsListener, log };
  let closing: Promise<void> | undefined;
  return {
    url: listener.url,
    metricsUrl,
    fenced,
    close: () => (closing ??= shutDown(parts).finally(forget)),
  };
}

interface Parts {
  readonly access: Access;
  readonly cluster: Cluster;
  readonly api: Api;
  readonly gateway: Gateway;
  readonly listener: Listener;
  readonly metricsListener: Listener;
  readonly log: Log;
}

async function shutDown({
  access,
  cluster,
  api,
  gateway,
  listener,
  metricsListener,
  log,
}: Parts): Promise<void> {
  log.info({}, 'coordinator stops');
  api.close();
  access.close();
  // The core tells workers to come back later, commits what has arrived and closes the store.
  const stopped = cluster.close();
  const inTime = await Promise.race([stopped.then(() => true), after(COMMIT_MS).then(() => false)]);
  if (!inTime)
    log.warn({}, 'what has arrived could not be committed in time; its workers will send it again');
  gateway.close();
  await Promise.all([listener.close(GRACE_MS), metricsListener.close(GRACE_MS)]);
  log.info({}, 'coordinator stopped');
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

const systemRuntime: Runtime = {
  now: () => Date.now(),
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

function projectFolder(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function softwareVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(projectFolder('package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return typeof version === 'string' ? version : '';
}
