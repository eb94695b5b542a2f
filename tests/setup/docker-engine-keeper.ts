/**
 * The process that runs the tests' Docker engine for as long as somebody is connected to it, and tidies up when
 * the last one has left or died: `node docker-engine-keeper.ts ROOT`, started by docker-engine.ts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { runCommand } from './command.ts';
import {
  enginePlaces,
  KEEPER_ADDRESS,
  KEEPER_WAS_SLOWER,
  type EnginePlaces,
  type KeeperWord,
} from './docker-engine.ts';
import { findProgram } from './docker-tools.ts';
import { keepPacketFilter, type PacketFilter } from './packet-filter.ts';

/** Of the default network, in which images are built. Of the range for benchmarks, so nobody's own network. */
const BRIDGE_ADDRESS = '198.18.214.1/24';
/** Names of network interfaces have at most 15 characters. */
const BRIDGE = 'threads-test0';
const START_TIMEOUT_MS = 60_000;
/** Between the signal and the kill, if the engine does not end. */
const STOP_TIMEOUT_MS = 30_000;
const API = '/v1.41';

interface RunningEngine {
  stop(): Promise<void>;
}

async function startEngine(places: EnginePlaces): Promise<RunningEngine | string> {
  const { cache, state, socket } = places;
  if (await answers('/var/run/docker.sock')) {
    return "the machine's own Docker engine runs, and a second would share its packet filter";
  }
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const filter = await keepPacketFilter(join(state, 'packet-filter'));
  if (typeof filter === 'string') return filter;
  const mtu = await makeBridge();
  if (typeof mtu === 'string') return mtu;
  const config = join(state, 'daemon.json');
  writeFileSync(config, JSON.stringify({ builder: { gc: { enabled: true, defaultKeepStorage: '6GB' } } }));
  const options = {
    'config-file': config,
    'data-root': join(cache, 'data'),
    'exec-root': join(state, 'run'),
    pidfile: join(state, 'docker.pid'),
    host: `unix://${socket}`,
    bridge: BRIDGE,
    mtu,
  };
  // The engine ends with this process, however that ends.
  const daemon = spawn(
    findProgram('setpriv') ?? 'setpriv',
    [
      '--pdeathsig=TERM',
      findProgram('dockerd') ?? 'dockerd',
      ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const problem = await untilListening(daemon);
  if (problem === undefined) return { stop: () => stopEngine(daemon, places, filter) };
  await stopEngine(daemon, places, filter);
  return problem;
}

async function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  try {
    await askEngine(socketPath, 'GET', '/_ping');
    return true;
  } catch {
    return false;
  }
}

/** The size of the largest packet that leaves the machine, for networks that have it leave; or what went wrong. */
async function makeBridge(): Promise<number | string> {
  const ip = findProgram('ip') ?? 'ip';
  if (networkInterfaces()[BRIDGE] !== undefined || existsSync(`/sys/class/net/${BRIDGE}`)) {
    await runCommand(ip, ['link', 'delete', BRIDGE]);
  }
  for (const args of [
    ['link', 'add', BRIDGE, 'type', 'bridge'],
    ['address', 'add', BRIDGE_ADDRESS, 'dev', BRIDGE],
    ['link', 'set', BRIDGE, 'up'],
  ]) {
    const { ok, problem } = await runCommand(ip, args);
    if (!ok) return `ip ${args.join(' ')}: ${problem}`;
  }
  const { stdout } = await runCommand(ip, ['route', 'show', 'default']);
  const outward = /\bdev (\S+)/.exec(stdout)?.[1];
  return outward === undefined ? 1500 : Number(readFileSync(`/sys/class/net/${outward}/mtu`, 'utf8'));
}

/** Resolves with undefined when the engine takes requests, with what it said last if it does not come to that. */
async function untilListening(daemon: ChildProcess): Promise<string | undefined> {
  if (daemon.stderr === null) return 'its output is lost';
  const timer = setTimeout(() => daemon.kill(), START_TIMEOUT_MS);
  let last = 'it ended at once';
  const lines = createInterface({ input: daemon.stderr });
  const listening = await new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      process.stderr.write(`${line}\n`);
      if (!/level=info/.test(line)) last = line;
      if (line.includes('API listen on')) resolve(true);
    });
    daemon.once('error', (error) => {
      last = error.message;
      resolve(false);
    });
    daemon.once('exit', () => resolve(false));
  });
  clearTimeout(timer);
  return listening ? undefined : last;
}

async function stopEngine(daemon: ChildProcess, places: EnginePlaces, filter: PacketFilter): Promise<void> {
  if (daemon.exitCode === null && daemon.signalCode === null && daemon.pid !== undefined) {
    const ended = once(daemon, 'exit');
    await emptyEngine(places.socket).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    daemon.kill('SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
  for (const mount of mountsBelow([places.state, join(places.cache, 'data')])) {
    await runCommand('umount', ['--lazy', mount]);
  }
  await runCommand(findProgram('ip') ?? 'ip', ['link', 'delete', BRIDGE]);
  await filter.restore();
  rmSync(places.state, { recursive: true, force: true, maxRetries: 5 });
}

const containers = z.array(z.object({ Id: z.string() }));

/** Images and build cache stay, except images that no name leads to any more. */
async function emptyEngine(socket: string): Promise<void> {
  const ask = (method: string, path: string) => askEngine(socket, method, path);
  for (const { Id } of containers.parse(JSON.parse(await ask('GET', '/containers/json?all=1')))) {
    await ask('DELETE', `/containers/${Id}?force=1&v=1`);
  }
  for (const kind of ['networks', 'volumes', 'images']) await ask('POST', `/${kind}/prune`);
}

function askEngine(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path: `${API}${path}` }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** Deepest first. */
function mountsBelow(folders: readonly string[]): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((mount) => folders.some((folder) => mount.startsWith(`${folder}/`)))
    .toSorted((a, b) => b.length - a.length);
}

/** Serves whoever connects, until the last user has left. Who leaves last is let go when all is tidied up. */
async function keep(places: EnginePlaces): Promise<void> {
  const users = new Set<Socket>();
  const emptied = Promise.withResolvers<undefined>();
  const server = createServer({ allowHalfOpen: true });
  const occupied = once(server, 'listening');
  server.listen(KEEPER_ADDRESS);
  try {
    await occupied;
  } catch {
    process.exit(KEEPER_WAS_SLOWER);
  }
  truncateSync(join(places.cache, 'engine.log'));
  const engine = startEngine(places);
  let ending = false;

  const say = (socket: Socket, word: KeeperWord) => socket.write(`${JSON.stringify(word)}\n`);
  const greet = async (socket: Socket, line: string) => {
    const { root } = z.object({ root: z.string() }).parse(JSON.parse(line));
    // Whoever comes now sees the connection end, and starts a keeper anew.
    if (ending) return;
    if (root !== places.root) {
      say(socket, { kind: 'occupied' });
      return;
    }
    users.add(socket);
    const running = await engine;
    say(socket, typeof running === 'string' ? { kind: 'failed', reason: running } : { kind: 'ready' });
  };
  server.on('connection', (socket) => {
    const left = () => {
      if (!users.delete(socket) || users.size > 0) {
        if (!ending) socket.end();
        return;
      }
      ending = true;
      emptied.resolve(undefined);
    };
    socket.on('error', () => socket.destroy());
    socket.once('end', left);
    socket.once('close', left);
    createInterface({ input: socket }).once('line', (line) => void greet(socket, line));
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => emptied.resolve(undefined));
  }
  process.send?.('listening');
  await emptied.promise;
  ending = true;
  const running = await engine;
  if (typeof running !== 'string') await running.stop();
  process.exit();
}

await keep(enginePlaces(process.argv[2]));
