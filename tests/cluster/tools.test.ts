/** doctor, bench and load as processes: they run, measure something, and stop by themselves. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { bucketsOf, sumOf } from '../../cli/load/prometheus.ts';
import { temporaryFolder } from './temporary.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');

function threads(args: readonly string[], env: Record<string, string> = {}) {
  const { PATH, HOME, TMPDIR } = process.env;
  const ran = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
}

const findings = z.strictObject({
  ok: z.boolean(),
  findings: z.array(
    z.strictObject({
      name: z.string(),
      state: z.enum(['ok', 'note', 'problem']),
      detail: z.string(),
      advice: z.string().nullable(),
    }),
  ),
});

const reports = z.strictObject({
  machine: z.string(),
  reports: z.array(
    z.object({
      title: z.string(),
      figures: z.array(z.object({ what: z.string(), value: z.number(), unit: z.string() })),
    }),
  ),
});

test('doctor finds nothing wrong where nothing is, and names what is', async (t) => {
  const free = { COORDINATOR_PORT: '0', METRICS_PORT: '0', DATA_DIR: join(temporaryFolder(t), 'data') };
  const good = threads(['doctor', '--json'], free);
  const read = findings.parse(JSON.parse(good.stdout));
  // Whether the pages are built depends on how the tests were started.
  const problems = read.findings.filter(({ state, name }) => state === 'problem' && name !== 'pages');
  assert.deepEqual(problems, []);
  assert.equal(good.code, read.ok ? 0 : 1);

  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const bad = threads(['doctor'], {
    ...free,
    COORDINATOR_PORT: String(address.port),
    DATA_DIR: '/proc/nothing',
    COORDINATOR_URL: 'http://127.0.0.1:1',
  });
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^!! {2}COORDINATOR_PORT +127\.0\.0\.1:\d+ is in use$/m);
  assert.match(bad.stdout, /^!! {2}DATA_DIR +\/proc\/nothing cannot be written$/m);
  assert.match(bad.stdout, /^!! {2}coordinator /m);
});

test('the load generator times leases beside waiting jobs', () => {
  const { code, stdout, stderr } = threads(['load', '--scenario', 'waiting-jobs', '--jobs', '20', '--json']);
  assert.equal(code, 0, stderr);
  const [report] = reports.parse(JSON.parse(stdout)).reports;
  const value = report?.figures.find(({ what }) => what === 'lease and release, 20 jobs, median')?.value ?? 0;
  assert.ok(value > 0, stdout);
});

test('values of Prometheus’ text format', () => {
  const text = '# HELP a b\n# TYPE a gauge\na 5\nab 7\na_total{x="1"} 2\na_total{x="}"} 3.5\n';
  assert.equal(sumOf(text, 'a'), 5);
  assert.equal(sumOf(text, 'a_total'), 5.5);
  assert.equal(sumOf(text, 'c'), undefined);
  const histogram = 'h_bucket{le="0.5"} 2\nh_bucket{le="+Inf"} 3\nh_sum 1\nh_count 3\n';
  assert.deepEqual(
    [...bucketsOf(histogram, 'h')],
    [
      [0.5, 2],
      [Infinity, 3],
    ],
  );
});
