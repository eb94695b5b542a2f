/**
 * A real PostgreSQL for tests: a throwaway server on loopback, which can crash, come back and stand still.
 *
 *     const missing = await providePostgres();
 *     test('…', { skip: missing ?? false }, async (t) => {
 *       const server = await startPostgres(t);
 *       const url = await server.createDatabase('cluster');
 *       await server.kill();
 *       await server.start();
 *     });
 *
 * It ends with the test, and its data with it. Where the test file is killed, the server dies at once and its data go
 * with the next server (postgres-folder.ts). Nothing of a PostgreSQL that the machine runs itself is touched.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  hasStopped,
  makeServerFolder,
  removeServerFolder,
  serverProcesses,
  signalAll,
  SUPERUSER,
  type ServerFolder,
} from './postgres-folder.ts';
import { findPostgres, SERVER_ENV, serverCommand, type PostgresPrograms } from './postgres-programs.ts';

export { providePostgres } from './postgres-programs.ts';

const READY = 'database system is ready to accept connections';
const READY_TIMEOUT_MS = 120_000;
const PORT_TRIES = 5;
const LOWEST_PORT = 20_000;
const LOOK_MS = 5;
/** Of what the server logged, to show when something fails. */
const KEPT_CHARACTERS = 50_000;

/**
 * What ends with a test: a `TestContext`; for a whole suite, a list that its own `after` empties. `after` of node:test
 * called within `before` would end with `before`.
 */
export interface Ending {
  after(end: () => Promise<void>): void;
}

export interface PostgresOptions {
  /** False: commits are not written through to the disk, which is faster; a killed server still loses none. */
  readonly fsync?: boolean;
  /** Other settings of postgresql.conf by name; they win over those of this module. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/**
 * A server that answers, and ends with `ending`.
 * @throws Error with what the server logged if it does not start, or the reason where there is no PostgreSQL
 */
export async function startPostgres(ending: Ending, options: PostgresOptions = {}): Promise<RunningPostgres> {
  const programs = await findPostgres();
  if (typeof programs === 'string') throw new Error(programs);
  const folder = await makeServerFolder(programs);
  let server: RunningPostgres | undefined;
  ending.after(async () => {
    await server?.kill();
    await removeServerFolder(programs, folder.path);
  });
  for (let tries = 1; ; tries += 1) {
    server = new RunningPostgres(programs, folder, await steadyPort(), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      // Another server was faster to take it.
      if (tries === PORT_TRIES || !server.output.includes('Address already in use')) throw error;
    }
  }
}

export class RunningPostgres {
  readonly port: number;
  readonly #programs: PostgresPrograms;
  readonly #folder: ServerFolder;
  readonly #settings: Readonly<Record<string, string | number>>;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(programs: PostgresPrograms, folder: ServerFolder, port: number, options: PostgresOptions) {
    this.#programs = programs;
    this.#folder = folder;
    this.port = port;
    const durable = options.fsync === false ? { fsync: 'off', full_page_writes: 'off' } : { fsync: 'on' };
    this.#settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: folder.path,
      // The titles of its processes, by which they are found.
      cluster_name: basename(folder.path),
      update_process_title: 'on',
      max_connections: 100,
      shared_buffers: '32MB',
      // In the data folder and not in /dev/shm, where a killed server would leave it.
      dynamic_shared_memory_type: 'mmap',
      logging_collector: 'off',
      log_destination: 'stderr',
      lc_messages: 'C',
      ...durable,
      ...options.settings,
    };
  }

  /** Of the database `postgres`, with the superuser's password: not for any log. */
  get url(): string {
    return this.#urlOf('postgres');
  }

  /** What it logged, over all its starts. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The operating system's numbers of its processes; none when it is down. */
  get processes(): readonly number[] {
    return this.running ? serverProcesses(this.#folder.path) : [];
  }

  /**
   * After `kill` or `stop`: on the same port and data, recovering what was committed. Resolves when it answers.
   * @throws Error with what it logged if it ends or is not ready within 120 s
   */
  async start(): Promise<void> {
    if (this.running) throw new Error('PostgreSQL runs already');
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const args = ['-D', this.#folder.data, ...settings];
    const [file, ...rest] = serverCommand(this.#programs, this.#programs.postgres, args);
    const child = spawn(file, rest, { cwd: '/', env: SERVER_ENV, stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    // Every process of the server holds its end of the pipe: `close` comes when the last of them has ended.
    child.once('close', () => (this.#child = undefined));
    try {
      await this.#untilReady(child);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** SIGKILL to the postmaster and all its processes at one moment, as a crash. Resolves when all have ended. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    // Killed one by one, those that are left tell their clients that the postmaster is gone: a crash tells nothing.
    await this.pause();
    signalAll(this.processes, 'SIGKILL');
    child.kill('SIGKILL');
    await closed;
  }

  /** An orderly end that waits for no client (a fast shutdown). The data stay for `start`. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.resume();
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
  }

  /** All its processes stand still, connections stay open: nobody gets an answer. Resolves when the last one does. */
  async pause(): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error('PostgreSQL does not run');
    child.kill('SIGSTOP');
    for (;;) {
      const moving = this.processes.filter((pid) => !hasStopped(pid));
      if (moving.length === 0) return;
      signalAll(moving, 'SIGSTOP');
      // One that writes to the disk stops when it has written, and the kernel tells only whoever looks.
      await sleep(LOOK_MS);
    }
  }

  resume(): void {
    signalAll(this.processes, 'SIGCONT');
  }

  /**
   * An empty database, and its address.
   * @param name of lower-case letters, digits and underscores
   * @throws Error if there is one of that name
   */
  async createDatabase(name: string): Promise<string> {
    if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`${name} is no name for a database`);
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    return this.#urlOf(name);
  }

  /** The rows that a statement finds in the database at `url`, one of this server's. */
  async ask(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: url });
    // A server that is killed under it: the question says so too.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql);
      return rows;
    } finally {
      await client.end();
    }
  }

  #urlOf(database: string): string {
    return `postgres://${SUPERUSER}:${this.#folder.password}@127.0.0.1:${this.port}/${database}`;
  }

  /** It says so itself, once. */
  #untilReady(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      let said = '';
      const settle = (act: () => void) => {
        clearTimeout(timer);
        act();
      };
      const fail = (what: string) =>
        settle(() => reject(new Error(`PostgreSQL ${what} before it was ready:\n${said}`)));
      const timer = setTimeout(() => fail(`took ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
      child.stderr?.on('data', (chunk: Buffer) => {
        const text = chunk.toString('utf8');
        this.#output = (this.#output + text).slice(-KEPT_CHARACTERS);
        if (said.includes(READY)) return;
        said += text;
        if (said.includes(READY)) settle(resolve);
      });
      child.once('error', (error) => fail(`could not be started (${error.message})`));
      child.once('exit', (code, signal) => fail(`ended with ${code ?? signal ?? '?'}`));
    });
  }
}

/**
 * A free port that nobody is given by chance while the server is down: below those that the kernel hands out to
 * outgoing connections, of which a cluster under test makes many.
 */
async function steadyPort(): Promise<number> {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const handedOut = Number(/\d+/.exec(range)?.[0]);
  // Where the kernel hands out nearly all, a free one of those has to do.
  const end = handedOut > LOWEST_PORT + 1000 ? handedOut : 65_536;
  for (;;) {
    const port = randomInt(LOWEST_PORT, end);
    const server = createServer();
    const free = await new Promise<boolean>((settle) => {
      server.once('error', () => settle(false));
      server.listen(port, '127.0.0.1', () => settle(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
