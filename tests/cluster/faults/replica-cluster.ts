/**
 * Three coordinators on a real PostgreSQL behind the project's nginx, 60 workers that reach them by it: everything a
 * process of its own that can be killed, each way between them one that can be cut.
 *
 * nginx runs as in tests/deploy: with its own configuration, entrypoint and keeper. The coordinators have one port at
 * three addresses of loopback, which the name of the upstream leads to.
 */
import { join } from 'node:path';
import type { Range } from '../../../protocol/range.ts';
import { RunningNginx } from '../../deploy/running-nginx.ts';
import { startPostgres, type RunningPostgres } from '../../setup/postgres.ts';
import { ApiError, type Api } from '../api.ts';
import { freePort, startWorker, type Ending, type Threads } from '../processes.ts';
import { temporaryFolder } from '../temporary.ts';
import { Crowd } from './crowd.ts';
import { StallingWay } from './stalling-way.ts';
import { SupervisedCoordinator } from './supervised-coordinator.ts';

const ADDRESSES = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
const CROWDS = 6;
export const SIMULATED_WORKERS = 58;
export const REAL_WORKERS = 2;

/** A worker that computes. */
export class RealWorker {
  readonly name: string;
  readonly way: StallingWay;
  readonly #start: () => Threads;
  #process: Threads;

  constructor(name: string, way: StallingWay, start: () => Threads) {
    this.name = name;
    this.way = way;
    this.#start = start;
    this.#process = start();
  }

  get process(): Threads {
    return this.#process;
  }

  async kill(): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  startAgain(): void {
    this.#process = this.#start();
  }
}

export interface ClusterPlan {
  readonly seed: string;
  /** Results of all simulated workers. */
  readonly perSecond: number;
  /** Numbers in one of them. */
  readonly batch: number;
  readonly acknowledged: (range: Range) => void;
}

type Waiting = Parameters<Api['until']> extends [unknown, ...infer Rest] ? Rest : never;

export class ReplicaCluster {
  /** What must not happen, and did. */
  readonly failures: string[] = [];
  readonly postgres: RunningPostgres;
  readonly databaseUrl: string;
  readonly nginx: RunningNginx;
  readonly coordinators: readonly SupervisedCoordinator[];
  readonly crowds: readonly Crowd[];
  readonly realWorkers: readonly RealWorker[];
  #isOver = false;

  /** Resolves when all coordinators are ready; workers are on their way. */
  static async start(
    ending: Ending & Parameters<typeof startPostgres>[0],
    plan: ClusterPlan,
  ): Promise<ReplicaCluster> {
    const postgres = await startPostgres(ending);
    const databaseUrl = await postgres.createDatabase('cluster');
    const folder = temporaryFolder(ending);
    const workerKeyFile = join(folder, 'worker.key');
    const port = await freePort();
    const coordinators: SupervisedCoordinator[] = [];
    for (const [index, address] of ADDRESSES.entries()) {
      const name = `coordinator ${index + 1}`;
      const way = await StallingWay.to(ending, '127.0.0.1', postgres.port);
      const storeUrl = way.by(databaseUrl);
      const place = { address, port, dataDir: join(folder, name), storeUrl, workerKeyFile };
      coordinators.push(new SupervisedCoordinator(ending, name, place, way));
    }
    const started = RunningNginx.start(
      ending,
      {
        UPSTREAM_HOST: 'coordinator',
        UPSTREAM_PORT: String(port),
        GRAFANA_HOST: 'grafana',
        // All workers come from one address here.
        REQUESTS_PER_SECOND: '1000',
      },
      { coordinator: ADDRESSES },
    );
    const [nginx] = await Promise.all([
      started,
      ...coordinators.map(({ api, name, lives }) =>
        api.until(
          () => api.ready(),
          `${name} is ready`,
          60_000,
          () => lives.at(-1)?.output ?? '',
        ),
      ),
    ]);
    const httpsPort = Number(new URL(nginx.url).port);
    const ways: StallingWay[] = [];
    for (let i = 0; i < CROWDS + REAL_WORKERS; i++)
      ways.push(await StallingWay.to(ending, '127.0.0.1', httpsPort));
    return new ReplicaCluster(ending, plan, {
      postgres,
      databaseUrl,
      nginx,
      coordinators,
      ways,
      workerKeyFile,
    });
  }

  private constructor(
    ending: Ending,
    { seed, perSecond, batch, acknowledged }: ClusterPlan,
    parts: {
      readonly postgres: RunningPostgres;
      readonly databaseUrl: string;
      readonly nginx: RunningNginx;
      readonly coordinators: readonly SupervisedCoordinator[];
      readonly ways: readonly StallingWay[];
      readonly workerKeyFile: string;
    },
  ) {
    const { nginx, ways } = parts;
    ending.after(() => void (this.#isOver = true));
    this.postgres = parts.postgres;
    this.databaseUrl = parts.databaseUrl;
    this.nginx = nginx;
    this.coordinators = parts.coordinators;
    const listener = { acknowledged, failed: (what: string) => void this.failures.push(what) };
    this.crowds = ways.slice(0, CROWDS).map((way, index) => {
      const share = { seed, url: way.by(nginx.url), workers: SIMULATED_WORKERS, of: CROWDS, index };
      return new Crowd(ending, { ...share, perSecond, batch }, way, nginx.caFile, listener);
    });
    this.realWorkers = ways.slice(CROWDS).map((way, index) => {
      const env = {
        NODE_EXTRA_CA_CERTS: nginx.caFile,
        NODE_TAGS: 'computes',
        // Tags are believed of the operator's own workers alone.
        WORKER_KEY_FILE: parts.workerKeyFile,
      };
      const name = `computes-${index + 1}`;
      return new RealWorker(name, way, () =>
        startWorker(ending, { url: way.by(nginx.url), nodeId: name, env }),
      );
    });
  }

  /** As `Api.until`, but what a test that failed still waits for ends with it. */
  async until(condition: () => Promise<boolean> | boolean, ...more: Waiting): Promise<void> {
    const ended = () => {
      if (this.#isOver) throw new Error(`the test was over before ${more[0]}`);
      return condition();
    };
    await this.coordinators[0]?.api.until(ended, ...more);
  }

  /**
   * Asks all coordinators and takes the first answer; again until there is one.
   * @throws ApiError not_found, which none of them may say of what there is; Error after `timeout_ms`
   */
  async ask<T>(what: string, question: (api: Api) => Promise<T>, timeout_ms = 90_000): Promise<T> {
    const answers: T[] = [];
    let last: unknown;
    const once = async () => {
      try {
        answers.push(await Promise.any(this.coordinators.map(({ api }) => question(api))));
        return true;
      } catch (error) {
        last = error;
        const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
        for (const each of errors) if (each instanceof ApiError && each.code === 'not_found') throw each;
        return false;
      }
    };
    await this.until(once, what, timeout_ms, () => explained(last));
    const [answer] = answers;
    if (answer === undefined) throw new Error(what);
    return answer;
  }
}

function explained(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map((each: unknown) => explained(each)).join('\n');
  return error instanceof Error ? error.message : String(error);
}
