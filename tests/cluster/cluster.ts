/** A coordinator with workers, each a process of its own, on a free port and a data folder of its own. */
import { join } from 'node:path';
import type { Api } from './api.ts';
import { freePort, startCoordinator, startWorker } from './processes.ts';
import type { Ending, RunningCoordinator, Threads, WorkerSettings } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

export class RealCluster {
  readonly dataDir: string;
  readonly port: number;
  readonly #ending: Ending;
  #coordinator: RunningCoordinator;

  private constructor(ending: Ending, dataDir: string, coordinator: RunningCoordinator, port: number) {
    this.#ending = ending;
    this.dataDir = dataDir;
    this.port = port;
    this.#coordinator = coordinator;
  }

  /** @param dataDir by default a temporary one */
  static async start(ending: Ending, options: { readonly dataDir?: string } = {}): Promise<RealCluster> {
    const dataDir = options.dataDir ?? join(temporaryFolder(ending), 'data');
    const port = await freePort();
    return new RealCluster(ending, dataDir, await startCoordinator(ending, { dataDir, port }), port);
  }

  get api(): Api {
    return this.#coordinator.api;
  }

  get url(): string {
    return this.#coordinator.url;
  }

  get coordinator(): Threads {
    return this.#coordinator.process;
  }

  /** Kills the coordinator and starts it again at once, on the same data and port. Resolves when it is ready. */
  async restartCoordinator(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.coordinator.end(signal);
    this.#coordinator = await startCoordinator(this.#ending, { dataDir: this.dataDir, port: this.port });
  }

  /** Started, not yet connected. */
  worker(nodeId: string, settings: Omit<WorkerSettings, 'url' | 'nodeId'> = {}): Threads {
    return startWorker(this.#ending, { url: this.url, nodeId, ...settings });
  }

  /** Started and connected. */
  async connectedWorker(
    nodeId: string,
    settings: Omit<WorkerSettings, 'url' | 'nodeId'> = {},
  ): Promise<Threads> {
    const worker = this.worker(nodeId, settings);
    let ended = false;
    void worker.exited.then(() => (ended = true));
    await Promise.race([
      this.api.worker(nodeId),
      worker.exited.then(() => Promise.reject(new Error(`${nodeId} ended:\n${worker.output}`))),
    ]);
    if (ended) throw new Error(`${nodeId} ended:\n${worker.output}`);
    return worker;
  }
}
