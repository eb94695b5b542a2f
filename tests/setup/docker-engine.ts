/**
 * A real Docker engine for tests, where one can be had (root on Debian): a dockerd of the tests' own, beside
 * which nothing of the machine's Docker is read or changed.
 *
 *     const engine = await startDockerEngine(t);
 *     if (typeof engine === 'string') return t.skip(engine);
 *     await engine.docker(['run', '--rm', image]);
 *     spawn('./deploy-cluster.sh', ['docker', '3', '1'], { env: { ...process.env, ...engine.env } });
 *
 * One engine serves all test files that run at once: two would fight over the machine's packet filter. It lives
 * as long as one of them uses it (docker-engine-keeper.ts), and what it left (containers, volumes, networks,
 * mounts, filter rules) goes with it. Images and build cache stay in the project's .cache/docker for the next run.
 * So tests name their containers, networks and ports apart from each other's.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { runCommand, type CommandOptions, type CommandResult } from './command.ts';
import { findProgram, provideDockerTools } from './docker-tools.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

/** Abstract: only one process of the machine can listen there, and the name goes with the process. */
export const KEEPER_ADDRESS = '\0threads-cluster-docker-engine';

/** Exit status of a keeper that finds another at the address. */
export const KEEPER_WAS_SLOWER = 3;

export interface EnginePlaces {
  readonly root: string;
  /** Kept between runs: images, build cache, plugins. */
  readonly cache: string;
  /** Gone with the engine. Short, since paths of sockets must be: not below the temporary folder of a test. */
  readonly state: string;
  readonly socket: string;
}

export function enginePlaces(root = ROOT): EnginePlaces {
  const state = join(
    '/tmp',
    `threads-engine-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`,
  );
  return { root, cache: join(root, '.cache', 'docker'), state, socket: join(state, 'docker.sock') };
}

/** What a keeper says to whoever connects: that its engine runs or why not, or that it serves another checkout. */
export const keeperWord = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('failed'), reason: z.string() }),
  z.object({ kind: z.literal('occupied') }),
]);
export type KeeperWord = z.infer<typeof keeperWord>;

export interface DockerEngine {
  /** For child processes: DOCKER_HOST, DOCKER_CONFIG (with compose and buildx), PATH (with docker-compose). */
  readonly env: Readonly<Record<string, string>>;
  /** Runs the client. Like `runCommand`, it never rejects. */
  docker(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** As `docker`, for what has to succeed. @throws Error with the command and what it said */
  must(args: readonly string[], options?: CommandOptions): Promise<string>;
}

/** What ends with a test or a file of tests: a `TestContext`, or `{ after }` of node:test. */
export interface Ending {
  after(end: () => Promise<void>): void;
}

/**
 * The engine, started or shared; or why there can be none here, in one line. 3 s, the first time up to a minute.
 * With another checkout's tests at work it waits until they are done.
 */
export async function startDockerEngine(ending: Ending): Promise<DockerEngine | string> {
  const places = enginePlaces();
  const missing = await provideDockerTools(places.cache);
  if (missing !== undefined) return missing;
  for (;;) {
    const keeper = (await reachKeeper()) ?? (await startKeeper(places));
    if (typeof keeper === 'string') return keeper;
    if (keeper === undefined) continue;
    const word = await askKeeper(keeper, places.root);
    if (word === undefined) continue;
    if (word.kind === 'ready') {
      ending.after(() => leave(keeper));
      return dockerEngine(places);
    }
    if (word.kind === 'failed') {
      await leave(keeper);
      return `no Docker engine can run here: ${word.reason}`;
    }
    await once(keeper, 'close');
  }
}

function dockerEngine({ cache, socket }: EnginePlaces): DockerEngine {
  const env = {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(cache, 'config'),
    PATH: [join(cache, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
  };
  const docker = (args: readonly string[], options: CommandOptions = {}) =>
    runCommand(findProgram('docker') ?? 'docker', args, { ...options, env: { ...env, ...options.env } });
  const must = async (args: readonly string[], options?: CommandOptions) => {
    const { ok, stdout, problem } = await docker(args, options);
    if (!ok) throw new Error(`docker ${args.join(' ')}: ${problem}\n${stdout}`);
    return stdout.trim();
  };
  return { env, docker, must };
}

/** Undefined where none listens. */
async function reachKeeper(): Promise<Socket | undefined> {
  const socket = connect(KEEPER_ADDRESS);
  try {
    await once(socket, 'connect');
    // A keeper that dies resets the connection; `close` follows and is what is waited for.
    socket.on('error', () => undefined);
    return socket;
  } catch {
    return undefined;
  }
}

/** Undefined if another one was faster; a text if it can't be started at all. */
async function startKeeper({ cache, root }: EnginePlaces): Promise<Socket | string | undefined> {
  mkdirSync(cache, { recursive: true });
  const log = openSync(join(cache, 'engine.log'), 'a');
  // Away from this process's group, so that it can still tidy up when the tests are killed.
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'docker-engine-keeper.ts'), root], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const exitCode = await new Promise<number | null | undefined>((settle) => {
    keeper.once('message', () => settle(undefined));
    keeper.once('exit', (code) => settle(code));
  });
  if (exitCode === KEEPER_WAS_SLOWER) return undefined;
  if (exitCode !== undefined)
    return `its keeper ended with ${exitCode ?? 'a signal'}: see ${join(cache, 'engine.log')}`;
  keeper.disconnect();
  keeper.unref();
  return reachKeeper();
}

/** Undefined if the keeper was about to end. */
async function askKeeper(keeper: Socket, root: string): Promise<KeeperWord | undefined> {
  keeper.write(`${JSON.stringify({ root })}\n`);
  for await (const line of createInterface({ input: keeper })) return keeperWord.parse(JSON.parse(line));
  return undefined;
}

/** Whoever is the last waits until all is tidied up. */
async function leave(keeper: Socket): Promise<void> {
  if (keeper.destroyed) return;
  const closed = once(keeper, 'close');
  keeper.resume();
  keeper.end();
  await closed;
}
