/** `threads up` as processes: what it starts, what survives whose death, and that nothing is left behind. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Api } from './api.ts';
import { Threads, type Ending } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

const FREE = ['--port', '0', '--metrics-port', '0', '--threads', '1', '--gpu', 'false'];

interface Up {
  readonly process: Threads;
  readonly url: string;
  readonly api: Api;
  /** Pids of its services. */
  readonly children: () => number[];
}

async function up(ending: Ending, args: readonly string[] = []): Promise<Up> {
  const process = new Threads(ending, ['up', ...FREE, ...args], { DATA_DIR: temporaryFolder(ending) });
  const url = (await process.line(/Coordinator: (http:\S+?),/))[1] ?? '';
  const api = new Api(url);
  const seen = new Set<number>();
  const children = () => {
    const now = childrenOf(process.pid);
    for (const pid of now) seen.add(pid);
    return now;
  };
  // Whatever happens, no service outlives the test.
  ending.after(() => {
    for (const pid of seen) if (isRunning(pid)) globalThis.process.kill(pid, 'SIGKILL');
  });
  await process.line(/CPU: /);
  children();
  return { process, url, api, children };
}

/** From /proc; the tests run where it is, or are skipped. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(holds: () => boolean | Promise<boolean>, what: string, ms = 30_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `${what}: not within ${ms / 1000} s`);
    await sleep(50);
  }
}

const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
const skip = process.platform === 'linux' ? false : 'needs /proc';

/** The one worker that up started; while the coordinator is away there is none. */
function workerConnected(api: Api): Promise<void> {
  return until(
    async () => {
      const nodes = await api.nodes().catch(() => []);
      return nodes.some(({ state }) => state === 'computing' || state === 'idle');
    },
    'the worker is connected',
    60_000,
  );
}

test('up serves, its worker connects, and SIGTERM stops everything with exit code 0', { skip }, async (t) => {
  const { process, api, children } = await up(t);
  await workerConnected(api);
  const pids = children();
  assert.equal(pids.length, 2);
  assert.deepEqual(await process.end('SIGTERM'), { code: 0, signal: null }, process.output);
  for (const pid of pids) assert.equal(isRunning(pid), false);
});

test('a killed worker is started again, and the coordinator does not notice', { skip }, async (t) => {
  const { process, api, children } = await up(t);
  await workerConnected(api);
  const worker = children().find((pid) => commandOf(pid).includes('worker'));
  assert.ok(worker !== undefined);
  globalThis.process.kill(worker, 'SIGKILL');
  await process.line(/the CPU worker ended \(SIGKILL\); starting it again/);
  await until(
    () => children().some((pid) => pid !== worker && commandOf(pid).includes('worker')),
    'a new worker',
  );
  assert.ok(await api.ready());
  assert.equal((await process.end('SIGINT')).code, 0, process.output);
});

test('a killed coordinator comes back on its port, and its worker with it', { skip }, async (t) => {
  const { process, api, children } = await up(t);
  await workerConnected(api);
  const coordinator = children().find((pid) => commandOf(pid).includes('coordinator'));
  assert.ok(coordinator !== undefined);
  globalThis.process.kill(coordinator, 'SIGKILL');
  await process.line(/the coordinator ended \(SIGKILL\); starting it again/);
  await workerConnected(api);
  assert.equal((await process.end('SIGTERM')).code, 0, process.output);
});

test('when up itself is killed, its services stop', { skip }, async (t) => {
  const { process, api, children } = await up(t);
  await workerConnected(api);
  const pids = children();
  await process.end('SIGKILL');
  await until(() => pids.every((pid) => !isRunning(pid)), 'the services have ended', 20_000);
});

test('--threads 0 starts a coordinator alone; what cannot start is exit code 1', { skip }, async (t) => {
  const alone = await up(t, ['--node-id', 'x']);
  await alone.process.end('SIGTERM');
  const folder = temporaryFolder(t);
  const first = new Threads(
    t,
    ['up', '--port', '0', '--metrics-port', '0', '--threads', '0', '--gpu', 'false'],
    {
      DATA_DIR: folder,
    },
  );
  await first.line(/Coordinator: /);
  await first.line(/CPU: none/);
  assert.equal(childrenOf(first.pid).length, 1);
  const second = new Threads(t, ['up', ...FREE], { DATA_DIR: folder });
  assert.deepEqual(await second.exited, { code: 1, signal: null });
  assert.match(second.output, /the coordinator did not start/);
  assert.doesNotMatch(second.output, /\n\s+at /);
});

test('GPU_ENABLED=true without any adapter is refused', async (t) => {
  // A driver list that names nothing: the loader finds no adapter, whatever the machine has.
  const process = new Threads(t, ['up', '--port', '0', '--metrics-port', '0', '--gpu', 'true'], {
    DATA_DIR: temporaryFolder(t),
    VK_DRIVER_FILES: '/nonexistent/icd.json',
  });
  assert.equal((await process.exited).code, 1, process.output);
  assert.match(process.output, /GPU|Vulkan|driver/);
});

test('Ctrl-C while watching leaves the job running and says how to look again', async (t) => {
  const { process, url, api } = await up(t);
  const watching = new Threads(t, [
    'submit',
    'collatz',
    '--start',
    '1',
    '--end',
    '2^60',
    '--watch',
    '--url',
    url,
  ]);
  const job = (await watching.line(/^Job (\S+)$/m))[1] ?? '';
  assert.deepEqual(await watching.end('SIGINT'), { code: 130, signal: null }, watching.output);
  assert.match(
    watching.output,
    new RegExp(`The job goes on\\. Look again with: threads status ${job} --watch`),
  );
  assert.match((await api.status(job)).status, /pending|running/);
  await process.end('SIGTERM');
});
