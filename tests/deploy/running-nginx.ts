/**
 * The real configuration of nginx/ as processes on loopback, with what Debian's packages bring: its entrypoint, its
 * watcher of upstreams and its certificates, under the user of the image where the test is root. What `getent` says of
 * the coordinators' name is in a file, so that a test can change it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Ending } from '../cluster/processes.ts';
import { detectDebian, installPackages } from '../setup/apt.ts';
import { findProgram } from '../setup/docker-tools.ts';

const SOURCE = join(import.meta.dirname, '..', '..', 'nginx');
const MODULE = '/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so';
const PACKAGES = ['nginx', 'libnginx-mod-http-brotli-filter', 'openssl', 'dehydrated'];
const USER = 10001;
const LOOK_MS = 50;
const PATIENCE_MS = 60_000;
/** Where the coordinators' name is looked up: `getent ahosts NAME` in POSIX sh, from the file beside it. */
const GETENT = '#!/bin/sh\nawk -v name="$2" \'$1 == name { print $2, "STREAM" }\' "$(dirname "$0")/names"\n';

/** Why nginx can't be run here, in one line; undefined if it can. */
export async function provideNginx(): Promise<string | undefined> {
  const missing = () =>
    ['nginx', 'openssl', 'dehydrated'].some((name) => findProgram(name) === undefined) || !existsSync(MODULE);
  if (!missing()) return undefined;
  if (detectDebian()?.root !== true)
    return 'nginx with Brotli is installed by itself only on Debian, as root';
  const { ok, problem } = await installPackages(PACKAGES);
  return missing() ? (ok ? 'the packages brought no nginx with Brotli' : problem) : undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values one after the other, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of the caller, in 127.0.0.0/8. */
  readonly from?: string;
}

/** Addresses by name. */
export type Names = Readonly<Record<string, readonly string[]>>;

export class RunningNginx {
  readonly url: string;
  readonly plainUrl: string;
  readonly figuresUrl: string;
  readonly folder: string;
  readonly #spawn: () => ChildProcess;
  readonly #httpsPort: number;
  #child: ChildProcess;
  output = '';

  /** @throws Error with its output if it does not answer */
  static async start(
    ending: Ending,
    env: Readonly<Record<string, string>> = {},
    names: Names = {},
  ): Promise<RunningNginx> {
    const nginx = new RunningNginx(
      ending,
      [await freePort(), await freePort(), await freePort()],
      env,
      names,
    );
    await nginx.#answers();
    return nginx;
  }

  private constructor(
    ending: Ending,
    [httpPort, httpsPort, figuresPort]: readonly [number, number, number],
    env: Readonly<Record<string, string>>,
    names: Names,
  ) {
    // Not below the test's own folder, which only root can enter.
    this.folder = mkdtempSync('/tmp/threads-nginx-');
    this.#httpsPort = httpsPort;
    this.url = `https://localhost:${httpsPort}`;
    this.plainUrl = `http://127.0.0.1:${httpPort}`;
    this.figuresUrl = `http://127.0.0.1:${figuresPort}/metrics`;
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'getent'), GETENT, { mode: 0o755 });
    this.names(names);
    cpSync(SOURCE, join(this.folder, 'nginx'), { recursive: true });
    for (const name of ['state', 'certificates']) mkdirSync(join(this.folder, name));
    chmodSync(this.folder, 0o755);
    const asRoot = process.getuid?.() === 0;
    if (asRoot)
      for (const name of ['.', 'state', 'certificates']) chownSync(join(this.folder, name), USER, USER);
    this.#spawn = () => {
      const child = spawn(join(this.folder, 'nginx', 'entrypoint.sh'), [], {
        cwd: this.folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(asRoot ? { uid: USER, gid: USER } : {}),
        env: {
          PATH: [bin, process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter),
          STATE_DIR: join(this.folder, 'state'),
          CERTIFICATES_DIR: this.certificates,
          ACCESS_LOG: join(this.folder, 'state', 'access.log'),
          HTTP_LISTEN: `127.0.0.1:${httpPort}`,
          HTTPS_LISTEN: `127.0.0.1:${httpsPort}`,
          FIGURES_LISTEN: `127.0.0.1:${figuresPort}`,
          PUBLIC_HTTPS_PORT: String(httpsPort),
          ...env,
        },
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on(
          'data',
          (chunk: Buffer) => (this.output = (this.output + chunk.toString('utf8')).slice(-50_000)),
        );
      }
      return child;
    };
    this.#child = this.#spawn();
    ending.after(async () => {
      await this.end();
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  get certificates(): string {
    return join(this.folder, 'certificates');
  }

  get caFile(): string {
    return join(this.certificates, 'ca.crt');
  }

  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the coordinators' name leads to from now on. */
  names(addresses: Names): void {
    const lines = Object.entries(addresses).flatMap(([name, found]) =>
      found.map((address) => `${name} ${address}\n`),
    );
    writeFileSync(join(this.folder, 'bin', 'names'), lines.join(''));
  }

  /** Over TLS that the local authority vouches for. */
  ask(path: string, question: Question = {}): Promise<Answer> {
    const { method = 'GET', headers = {}, body, from } = question;
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: this.#httpsPort,
          servername: 'localhost',
          ca: this.ca,
          path,
          method,
          agent: false,
          headers: { host: `localhost:${this.#httpsPort}`, ...headers },
          ...(from === undefined ? {} : { localAddress: from }),
        },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('error', reject);
          reply.on('end', () =>
            resolve({
              status: reply.statusCode ?? 0,
              headers: reply.headers,
              rawHeaders: reply.rawHeaders,
              body: Buffer.concat(chunks),
            }),
          );
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** Looks until `condition` holds; what it throws counts as not yet. @throws Error with nginx's output */
  async until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    for (;;) {
      const holds = await Promise.resolve()
        .then(condition)
        .catch(() => false);
      if (holds) return;
      if (Date.now() > giveUpAt || !this.running)
        throw new Error(`waited in vain until ${what}:\n${this.output}`);
      await sleep(LOOK_MS);
    }
  }

  /** As `docker kill` does: nginx, its workers and its keeper are gone at one moment. What it has written stays. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (!this.running || pid === undefined) return;
    const ended = once(this.#child, 'close');
    // Stopped first: what is still running could start another process.
    for (const each of withDescendants(pid, (found) => signal(found, 'SIGSTOP'))) signal(each, 'SIGKILL');
    await ended;
  }

  /** After `kill`. Resolves when it answers. */
  async startAgain(): Promise<void> {
    this.#child = this.#spawn();
    await this.#answers();
  }

  #answers(): Promise<void> {
    return this.until(async () => (await this.ask('/trust')).status === 200, 'nginx answers');
  }

  /** As `docker stop` does. */
  async end(): Promise<void> {
    if (!this.running) return;
    const ended = once(this.#child, 'close');
    // Fast: with sockets open, a graceful end takes as long as they.
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** The process and all that came of it; `found` is told of each before its children are looked for. */
function withDescendants(pid: number, found: (pid: number) => void): readonly number[] {
  found(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => withDescendants(Number(child), found))];
}

/** One that has ended by itself needs none. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error;
  }
}
