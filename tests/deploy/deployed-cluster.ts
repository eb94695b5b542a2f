/** deploy-cluster.sh with a real engine: what its test does as an operator and as a user of the cluster. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jobResults, jobStatus, nodeList, submitReply } from '../../protocol/http.ts';
import type { JobResults, JobStatus, NodeStatus } from '../../protocol/http.ts';
import type { DockerEngine, Ending } from '../setup/docker-engine.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const LOOK_MS = 250;
const PATIENCE_MS = 120_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class DeployedCluster {
  readonly state: string;
  readonly folder: string;
  readonly #engine: DockerEngine;
  readonly #project: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #ports: Readonly<Record<'HTTP' | 'HTTPS' | 'API' | 'GRAFANA' | 'PROMETHEUS', number>>;

  /** Nothing runs yet. Whatever does at the end is removed. */
  static async prepare(
    ending: Ending,
    engine: DockerEngine,
    env: Readonly<Record<string, string>> = {},
  ): Promise<DeployedCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'threads-deployed-'));
    const [HTTP = 0, HTTPS = 0, API = 0, GRAFANA = 0, PROMETHEUS = 0] = await freePorts(5);
    const cluster = new DeployedCluster(engine, folder, { HTTP, HTTPS, API, GRAFANA, PROMETHEUS }, env);
    ending.after(async () => {
      if (existsSync(cluster.state)) await cluster.script(['cleanup', '--yes']);
      rmSync(folder, { recursive: true, force: true });
    });
    return cluster;
  }

  private constructor(
    engine: DockerEngine,
    folder: string,
    ports: DeployedCluster['ports'],
    env: Readonly<Record<string, string>>,
  ) {
    this.#engine = engine;
    this.folder = folder;
    this.state = join(folder, 'state');
    this.#ports = ports;
    this.#project = `threads-deployed-${process.pid}`;
    const named = Object.entries(ports).map(([name, port]) => [`${name}_PORT`, String(port)] as const);
    this.#env = {
      ...engine.env,
      ...Object.fromEntries(named),
      HOME: folder,
      CLUSTER_STATE: this.state,
      COMPOSE_PROJECT_NAME: this.#project,
      PUBLISH_ADDRESS: '127.0.0.1',
      GPU_ENABLED: 'true',
      ...env,
    };
  }

  get ports(): Readonly<Record<'HTTP' | 'HTTPS' | 'API' | 'GRAFANA' | 'PROMETHEUS', number>> {
    return this.#ports;
  }

  /** @returns what it said; throws unless it ends with `code` */
  async script(args: readonly string[], code = 0): Promise<string> {
    const child = spawn(join(ROOT, 'deploy-cluster.sh'), args, {
      cwd: this.folder,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (data) => (said += String(data)));
    child.stderr.on('data', (data) => (said += String(data)));
    const ended = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(ended, code, `deploy-cluster.sh ${args.join(' ')}\n${said}`);
    return said;
  }

  docker(args: readonly string[]): Promise<string> {
    return this.#engine.must(args);
  }

  /** Running containers of a service, or of all. */
  async containers(service?: string): Promise<string[]> {
    const filters = [`label=com.docker.compose.project=${this.#project}`];
    if (service !== undefined) filters.push(`label=com.docker.compose.service=${service}`);
    const listed = await this.docker(['ps', '-q', ...filters.flatMap((filter) => ['--filter', filter])]);
    return listed.split('\n').filter((id) => id !== '');
  }

  async container(service: string): Promise<string> {
    const [id] = await this.containers(service);
    assert.ok(id !== undefined, `no container of ${service} runs`);
    return id;
  }

  /** As when its process crashes: by the host's process id, since `docker kill` counts as a wish. */
  async crash(container: string): Promise<void> {
    const pid = Number(await this.docker(['inspect', '--format', '{{.State.Pid}}', container]));
    assert.ok(pid > 1);
    process.kill(pid, 'SIGKILL');
  }

  network(name: string): string {
    return `${this.#project}_${name}`;
  }

  /** What is in a volume: the hash of each file by its path. */
  volume(name: string): Promise<string> {
    const list = 'cd /volume && find . -type f -exec sha256sum {} + | sort -k 2';
    const args = ['run', '--rm', '--network', 'none', '--user', '0:0', '--entrypoint', 'sh'];
    return this.docker([
      ...args,
      '-v',
      `${this.network(name)}:/volume:ro`,
      'threads-cluster/coordinator:latest',
      '-c',
      list,
    ]);
  }

  /** By the published port of the coordinator, as a program on this machine. */
  local(path: string, ask: Ask = {}): Promise<Answer> {
    return answered(ask, (headers, take) =>
      request({ host: '127.0.0.1', port: this.#ports.API, path, method: ask.method ?? 'GET', headers }, take),
    );
  }

  /** By nginx, over HTTPS, trusting the certificate authority that the script names. */
  secure(path: string, ask: Ask = {}): Promise<Answer> {
    const ca = readFileSync(join(this.state, 'ca.crt'));
    return answered(ask, (headers, take) =>
      secureRequest(
        {
          host: '127.0.0.1',
          servername: 'localhost',
          port: this.#ports.HTTPS,
          path,
          method: ask.method ?? 'GET',
          headers,
          ca,
          agent: false,
        },
        take,
      ),
    );
  }

  async submit(key: string, parameters: unknown): Promise<string> {
    const { status, body } = await this.secure('/api/submit', {
      method: 'POST',
      key,
      body: { type: 'collatz', parameters },
    });
    assert.equal(status, 202, JSON.stringify(body));
    return submitReply.parse(body).job_id;
  }

  async status(job: string): Promise<JobStatus> {
    return jobStatus.parse((await this.local(`/api/status/${job}`)).body);
  }

  async results(job: string): Promise<JobResults> {
    return jobResults.parse((await this.local(`/api/results/${job}`)).body);
  }

  /** Workers that are connected. */
  async nodes(): Promise<NodeStatus[]> {
    const { nodes } = nodeList.parse((await this.local('/api/nodes')).body);
    return nodes.filter(({ state }) => state !== 'offline');
  }

  async completed(job: string): Promise<JobResults> {
    await until(async () => (await this.status(job)).status === 'completed', `job ${job} is completed`);
    return this.results(job);
  }

  /** More of it is done than was. */
  async goesOn(job: string): Promise<void> {
    // The coordinator may be away at first.
    const before = await until(async () => (await this.status(job)).progress.done, 'the coordinator answers');
    await until(
      async () => BigInt((await this.status(job)).progress.done) > BigInt(before),
      `job ${job} goes on`,
    );
  }
}

/** What can't be asked yet counts as not there yet. */
export async function until<R>(look: () => Promise<R | undefined | false>, what: string): Promise<R> {
  const end_ms = performance.now() + PATIENCE_MS;
  for (let last: unknown; ;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end_ms) throw new Error(`never happened: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

type Send = (headers: Record<string, string>, take: (reply: IncomingMessage) => void) => ClientRequest;

function answered({ body, key, headers }: Ask, send: Send): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = send(
      {
        host: 'localhost',
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      (reply) => {
        let said = '';
        reply.on('data', (data) => (said += String(data)));
        reply.on('end', () => {
          let parsed: unknown = said;
          if (String(reply.headers['content-type']).startsWith('application/json')) parsed = JSON.parse(said);
          resolve({ status: reply.statusCode ?? 0, body: parsed });
        });
        reply.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

/**
 * Below those that the kernel hands out to outgoing connections: building the images takes minutes, in which other tests
 * make thousands of those.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    ports.add(port);
    await new Promise((resolve) => server.close(resolve));
  }
  return [...ports];
}
