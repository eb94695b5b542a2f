/** The command against a real coordinator with a real worker, in this process: output and exit codes. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startNodeWorker } from '../client/node/worker-main.ts';
import { runCoordinator } from '../tests/coordinator/running.ts';
import { COMMAND_NAMES, run } from './program.ts';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function threads(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await run(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    environment,
  });
  return { code, stdout, stderr };
}

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A coordinator and one CPU worker with one thread. */
async function cluster(t: TestContext, withWorker = true) {
  const coordinator = await runCoordinator(t);
  const env = { COORDINATOR_URL: coordinator.url };
  if (withWorker) {
    const worker = await startNodeWorker({
      url: coordinator.url,
      kind: 'cpu',
      nodeId: 'cli-test',
      tags: ['here'],
      priority: 0,
      gpuEnabled: 'false',
      threads: 1,
      host: '127.0.0.1',
      port: 0,
      log: silent,
      software: 'test',
    });
    t.after(() => worker.stop());
  }
  return { coordinator, threads: (...args: string[]) => threads(args, env) };
}

test('submit, watch, and the result: as text and as the API’s own JSON', async (t) => {
  const { coordinator, threads } = await cluster(t);
  const watched = await threads(
    'submit',
    'collatz',
    '--start',
    '1',
    '--end',
    '1e5',
    '--name',
    'small',
    '--watch',
  );
  assert.equal(watched.code, 0, watched.stderr);
  assert.match(watched.stdout, /max delay +n 77 031, delay 350/);
  assert.match(watched.stdout, /delay records \(\d+, the last 12/);
  const job = /^Job (\S+)$/m.exec(watched.stderr)?.[1] ?? '';
  assert.doesNotMatch(watched.stderr, /\[=/, 'no bar without a terminal');

  for (const [args, path] of [
    [['status', job], `/api/status/${job}`],
    [['results', job], `/api/results/${job}`],
    [['jobs'], '/api/jobs'],
    [['nodes', 'cli-test'], '/api/nodes/cli-test'],
  ] as const) {
    const { code, stdout } = await threads(...args, '--json');
    assert.equal(code, 0, args.join(' '));
    const { body } = await coordinator.ask(path);
    // Of a node, also what half a minute's end or its next heartbeat changes.
    const moving = path.startsWith('/api/nodes/')
      ? /"(last_heartbeat|busy_fraction|rate_per_second|activity|state)":[^,}]+/g
      : /"(updated_at|rate_per_second)":[^,}]+/g;
    const still = (value: unknown) => JSON.stringify(value).replaceAll(moving, '');
    assert.equal(still(JSON.parse(stdout)), still(body), args.join(' '));
  }
  const json = await threads('submit', 'thread', '--thread-count', '1000', '--watch', '--json');
  assert.equal(json.code, 0);
  const read: unknown = JSON.parse(json.stdout);
  assert.ok(typeof read === 'object' && read !== null && 'result' in read);
  assert.match(json.stdout, /"threads":"42336"/);
});

test('submit without --watch prints the id and nothing else to stdout', async (t) => {
  const { coordinator, threads } = await cluster(t, false);
  const { code, stdout, stderr } = await threads(
    'submit',
    'collatz',
    '--start',
    '2^68+1',
    '--end',
    '2^69',
    '--mode',
    'verify',
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[a-z0-9-]+\n$/);
  assert.match(stderr, /--watch/);
  const { body } = await coordinator.ask(`/api/status/${stdout.trim()}`);
  assert.deepEqual(body !== null && typeof body === 'object' && 'parameters' in body ? body.parameters : {}, {
    start: String(2n ** 68n + 1n),
    end: String(2n ** 69n),
    mode: 'verify',
  });
});

test('the same Idempotency-Key gives the same job', async (t) => {
  const { threads } = await cluster(t, false);
  const submit = () => threads('submit', 'collatz', '--start', '1', '--end', '10', '--idempotency-key', 'k');
  assert.equal((await submit()).stdout, (await submit()).stdout);
});

test('pause, resume, cancel; a cancelled job’s result is exit code 1, and resuming it is refused', async (t) => {
  const { threads } = await cluster(t, false);
  const job = (await threads('submit', 'collatz', '--start', '1', '--end', '1e12')).stdout.trim();
  assert.match((await threads('pause', job)).stdout, /status +paused/);
  assert.match((await threads('resume', job)).stdout, /status +(pending|running)/);
  assert.match((await threads('status', job)).stdout, /waiting for +.*worker/);
  assert.match((await threads('cancel', job)).stdout, /status +cancelled/);
  assert.equal((await threads('status', job)).code, 0);
  const results = await threads('results', job);
  assert.equal(results.code, 1);
  assert.match(results.stderr, /was cancelled/);
  assert.equal((await threads('status', job, '--watch')).code, 1);
  const refused = await threads('resume', job, '--json');
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /"code":"state_conflict"/);
  assert.doesNotMatch(refused.stderr, /\n\s+at /);
});

test('tables for jobs, nodes and the cluster', async (t) => {
  const { threads } = await cluster(t, false);
  assert.match((await threads('jobs')).stderr, /no such jobs/);
  assert.match((await threads('nodes')).stderr, /No workers/);
  await threads(
    'submit',
    'collatz',
    '--start',
    '1',
    '--end',
    '100',
    '--name',
    'with \u001b[31m colour'.replaceAll('\u001b', ''),
  );
  await threads('submit', 'thread', '--priority', 'high');
  const jobs = await threads('jobs', '--limit', '1');
  assert.match(jobs.stdout, /^JOB +USER +TYPE/);
  assert.equal(jobs.stdout.trim().split('\n').length, 2);
  const cursor = /--cursor (\S+)/.exec(jobs.stderr)?.[1] ?? '';
  assert.match((await threads('jobs', '--cursor', cursor)).stdout, /collatz/);
  assert.doesNotMatch((await threads('jobs', '--type', 'thread')).stdout, /collatz/);
  assert.match((await threads('status')).stdout, /jobs +2 pending/);
});

test('placement and preferences arrive', async (t) => {
  const { coordinator, threads } = await cluster(t, false);
  const args = [
    '--gpu-preferred',
    '--require-gpu',
    '--min-gpu-memory-mb',
    '8000',
    '--require-tags',
    'a,b',
    '--on-node',
    'n1',
    '--expected-seconds',
    '90.5',
    '--max-attempts',
    '3',
  ];
  const job = (await threads('submit', 'collatz', '--start', '1', '--end', '9', ...args)).stdout.trim();
  const { body } = await coordinator.ask(`/api/status/${job}`);
  assert.ok(body !== null && typeof body === 'object' && 'placement' in body && 'gpu_preferred' in body);
  assert.equal(body.gpu_preferred, true);
  assert.deepEqual(body.placement, {
    node_id: 'n1',
    require_gpu: true,
    min_gpu_memory_mb: 8000,
    tags: ['a', 'b'],
  });
  assert.ok('expected_seconds' in body && 'max_attempts' in body);
  assert.deepEqual([body.expected_seconds, body.max_attempts], [90.5, 3]);
  assert.match((await threads('status', job)).stdout, /expected +1 min 31 s/);
});

test('wrong usage is exit code 2 and says what to do, without asking anybody', async () => {
  const nobody = { COORDINATOR_URL: 'http://127.0.0.1:1' };
  const cases: [string[], RegExp, Record<string, string>?][] = [
    [['stauts'], /no command stauts; did you mean status\?/],
    [['status', 'a', 'b'], /one word too many/],
    [['results'], /something is missing: .*results JOB/],
    [['submit'], /which workload\? submit takes collatz or thread/],
    [['submit', 'colatz'], /no workload colatz: .*did you mean collatz\?/],
    [['submit', 'collatz', '--start', '1'], /--end: /],
    [['submit', 'collatz', '--start', '10', '--end', '5'], /--(start|end)/],
    [['submit', 'collatz', '--start', '1.5', '--end', '5'], /--start="1.5".*not a whole number/],
    [['submit', 'collatz', '--start', '-5', '--end', '5'], /--start="-5"/],
    [['submit', 'collatz', '--start', '1', '--end', '2^97'], /--end: /],
    [['submit', 'collatz', '--start', '1', '--end', '9', '--mode', 'fast'], /--mode: /],
    [['submit', 'thread', '--max-depth', '33'], /--max-depth: .*0 to 32/],
    [['submit', 'thread', '--max-dept', '3'], /did you mean --max-depth\?/],
    [['submit', 'collatz', '--start', '1', '--end', '9', '--priority', 'urgent'], /one of low, normal, high/],
    [['submit', 'thread', '--max-attempts', '0'], /--max-attempts="0".*1 to 1000/],
    [['submit', 'thread', '--expected-seconds', '-1'], /--expected-seconds="-1".*above 0/],
    [['status', '--url', 'nonsense://x'], /--url=.*address of a coordinator/],
    [['status'], /COORDINATOR_URL=.*address of a coordinator/, { COORDINATOR_URL: 'x y' }],
    [['up', '--port', '99999'], /--port="99999".*0 to 65535/],
    [['up'], /GPU_ENABLED="maybe".*auto, true, false/, { GPU_ENABLED: 'maybe' }],
    [['worker', '--kind', 'tpu'], /auto, cpu, gpu/],
    [['worker', '--kind', 'cpu', '--threads', '0'], /WORKER_THREADS/],
    [['load', '--url', 'http://192.0.2.1:3000'], /not on this machine/],
    [[], /Usage: /],
    [[], /NODE_TYPE="boss".*worker, coordinator/, { NODE_TYPE: 'boss' }],
  ];
  for (const [args, message, env] of cases) {
    const { code, stdout, stderr } = await threads(args, { ...nobody, ...env });
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('a coordinator that cannot be reached is exit code 3', async (t) => {
  const commands = [['status'], ['jobs'], ['nodes'], ['cancel', 'x'], ['submit', 'thread'], ['results', 'x']];
  for (const args of commands) {
    const { code, stderr } = await threads(args, { COORDINATOR_URL: 'http://127.0.0.1:1' });
    assert.equal(code, 3, args.join(' '));
    assert.match(stderr, /http:\/\/127\.0\.0\.1:1\b.*(threads up|cannot be reached)/);
  }
  const other = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { code, stderr } = await threads(['status'], { COORDINATOR_URL: `http://127.0.0.1:${address.port}` });
  assert.equal(code, 3);
  assert.match(stderr, /is no coordinator/);
});

test('what the coordinator refuses is exit code 1, in its own words', async (t) => {
  const { threads } = await cluster(t, false);
  for (const args of [
    ['status', 'nosuchjob'],
    ['results', 'nosuchjob'],
    ['cancel', 'nosuchjob'],
    ['nodes', 'nobody'],
  ]) {
    const { code, stderr } = await threads(...args);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, /nosuchjob|nobody/);
  }
  const { code, stderr } = await threads('submit', 'thread', '--name', ' ');
  assert.equal(code, 1);
  assert.match(stderr, /name: /);
});

test('help and version', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout } = await threads(args);
    assert.equal(code, 0);
    for (const name of COMMAND_NAMES) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  }
  for (const name of COMMAND_NAMES) {
    const { code, stdout } = await threads([name, '--help']);
    assert.equal(code, 0, name);
    assert.equal((await threads(['help', name])).stdout, stdout);
    assert.match(stdout, new RegExp(`^Usage: threads ${name}`));
    assert.match(stdout, /--json/);
  }
  assert.match(
    (await threads(['submit', 'collatz', '--help'])).stdout,
    /--start N[^]*--mode TEXT[^]*statistics/,
  );
  assert.match((await threads(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match(
    (await threads(['status', '--help'], { npm_lifecycle_event: 'threads' })).stdout,
    /npm run -s threads -- status/,
  );
});
