/**
 * LOCAL_PEERS=gateway where it is meant for: a coordinator in a network of its own, as a container has it, and the
 * machine around it. Needs root, for the network.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { Threads } from '../cluster/processes.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCommand } from '../setup/command.ts';
import { refusalIn, requestText, sendRaw } from './raw-http.ts';

/** Of 198.18.0.0/15, which is for measurements between machines and is routed nowhere. */
const GATEWAY = '198.18.77.1';
const NEIGHBOUR = '198.18.77.3';
const INSIDE = '198.18.77.2';

async function ip(...args: string[]): Promise<void> {
  const { ok, problem } = await runCommand('ip', args, { timeoutMs: 10_000 });
  if (!ok) throw new Error(`ip ${args.join(' ')}: ${problem}`);
}

/** A network namespace behind a bridge of two addresses. @returns why it can't be had */
async function makeNetwork(t: TestContext, name: string, withRoute: boolean): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a network of its own takes root on Linux';
  const [outside, inside] = [`${name}o`, `${name}i`];
  try {
    await ip('netns', 'add', name);
    t.after(() => ip('netns', 'del', name));
    await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name);
    for (const address of [GATEWAY, NEIGHBOUR]) await ip('addr', 'add', `${address}/29`, 'dev', outside);
    await ip('link', 'set', outside, 'up');
    await ip('-n', name, 'addr', 'add', `${INSIDE}/29`, 'dev', inside);
    for (const device of [inside, 'lo']) await ip('-n', name, 'link', 'set', device, 'up');
    if (withRoute) await ip('-n', name, 'route', 'add', 'default', 'via', GATEWAY);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A coordinator in that network. */
function coordinatorIn(t: TestContext, network: string, dataDir: string): Threads {
  const env = {
    ...{ HOST: '0.0.0.0', COORDINATOR_PORT: '3000', METRICS_PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'info' },
    ...{ SUBMIT_ACCESS: 'local', LOCAL_PEERS: 'gateway' },
  };
  return new Threads(t, ['coordinator'], env, ['ip', 'netns', 'exec', network]);
}

const body = JSON.stringify({ type: 'collatz', parameters: { start: '1', end: '100' } });
const submit = (from: string, headers: Readonly<Record<string, string>> = {}) =>
  sendRaw(
    { port: 3000, host: INSIDE, from },
    requestText(
      'POST',
      '/api/submit',
      { Host: 'localhost:3000', 'Content-Type': 'application/json', ...headers },
      body,
    ),
  );

test('the machine around a container submits without a key; a neighbour in its network does not', async (t) => {
  const network = `tc${process.pid}a`;
  const problem = await makeNetwork(t, network, true);
  if (problem !== undefined) return t.skip(problem);
  await buildKernels();
  const dataDir = join(temporaryFolder(t), 'data');
  const coordinator = coordinatorIn(t, network, dataDir);
  const [line] = await coordinator.line(/.*count as this machine’s own.*/);
  assert.ok(line.includes(GATEWAY), line);
  await coordinator.line(/coordinator ready/);
  assert.equal((await submit(GATEWAY)).status, 202);
  assert.equal(refusalIn(await submit(NEIGHBOUR)), 'key_needed');
  assert.equal(refusalIn(await submit(GATEWAY, { Host: INSIDE })), 'key_needed');
  assert.equal(refusalIn(await submit(GATEWAY, { 'X-Forwarded-For': '127.0.0.1' })), 'key_needed');
  const key = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
  assert.equal((await submit(NEIGHBOUR, { Authorization: `Bearer ${key}` })).status, 202);
  await coordinator.end('SIGTERM');
});

test('without a default route the coordinator says so, and does not start', async (t) => {
  const network = `tc${process.pid}b`;
  const problem = await makeNetwork(t, network, false);
  if (problem !== undefined) return t.skip(problem);
  await buildKernels();
  const coordinator = coordinatorIn(t, network, join(temporaryFolder(t), 'data'));
  assert.deepEqual(await coordinator.exited, { code: 1, signal: null });
  assert.match(coordinator.output, /LOCAL_PEERS=gateway.*no default route.*not internal/);
  assert.doesNotMatch(coordinator.output, /\n\s+at /);
});
