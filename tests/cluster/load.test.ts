/**
 * The load generator's scenarios on real coordinators, small: every result that a simulated worker was told is counted
 * is in its job once, whatever happened meanwhile, and the report adds up. Speeds are printed, never asserted.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { ApiClient } from '../../cli/api-client.ts';
import { readAddress } from '../../coordinator/store/postgres/address.ts';
import { Database } from '../../coordinator/store/postgres/database.ts';
import { postgresSuite } from '../setup/postgres-suite.ts';
import { RealCluster } from './cluster.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
const SEED = process.env['TEST_SEED'] ?? '20261122';
/** What a resent result may hear where another worker was quicker: it is not counted then, and not told that it is. */
const HARMLESS = /^error: result refused: lease_superseded$/;

const output = z.object({
  reports: z
    .array(
      z.object({
        title: z.string(),
        figures: z.array(z.object({ what: z.string(), value: z.number().nullable() })),
      }),
    )
    .length(1),
});

async function load(
  t: TestContext,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, number>> {
  const { PATH, HOME, TMPDIR } = process.env;
  const command = ['--disable-warning=ExperimentalWarning', MAIN, 'load', ...args, '--seed', SEED, '--json'];
  const text = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      command,
      { env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...more }, timeout: 180_000 },
      (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
  const [report] = output.parse(JSON.parse(text)).reports;
  const figures = report?.figures ?? [];
  t.diagnostic(
    [
      report?.title,
      `seed ${SEED}`,
      ...figures.map(({ what, value }) => `${what} ${Number(value).toPrecision(3)}`),
    ].join('; '),
  );
  return new Map(figures.map(({ what, value }) => [what, value ?? NaN]));
}

const of = (figures: ReadonlyMap<string, number>, what: string) => figures.get(what) ?? NaN;

function addsUp(figures: ReadonlyMap<string, number>): void {
  const accepted = of(figures, 'units accepted');
  const inJob = of(figures, 'units in the job');
  assert.ok(accepted > 0);
  assert.ok(of(figures, 'results acknowledged, from first to last') > 0);
  assert.ok(inJob >= accepted);
  const unsure =
    of(figures, 'units called duplicates') +
    of(figures, 'units superseded') +
    of(figures, 'units given up unanswered');
  assert.ok(inJob <= accepted + unsure);
}

function noErrors(figures: ReadonlyMap<string, number>): void {
  const errors = [...figures].filter(([what]) => what.startsWith('error: ') && !HARMLESS.test(what));
  assert.deepEqual(errors, []);
}

test('idle: all connect, nothing is asked of the coordinator that it refuses, and none is lost', async (t) => {
  const figures = await load(t, ['--scenario', 'idle', '--workers', '150', '--seconds', '2']);
  assert.equal(of(figures, 'connected'), 150);
  assert.equal(of(figures, 'connected at the end'), 150);
  assert.equal(figures.has('units in the job'), false);
  assert.equal(of(figures, 'errors seen by workers'), 0);
  assert.deepEqual(
    [...figures.keys()].filter((what) => what.startsWith('connection ended')),
    [],
  );
});

test('flood: each acknowledged result is counted once, over several processes', async (t) => {
  const figures = await load(t, [
    '--scenario',
    'flood',
    '--workers',
    '60',
    '--processes',
    '2',
    '--seconds',
    '2',
  ]);
  assert.equal(of(figures, 'connected'), 60);
  addsUp(figures);
  assert.equal(of(figures, 'units accepted'), of(figures, 'units in the job'));
  assert.ok(of(figures, 'results in a commit, mean') > 0);
  assert.equal(of(figures, 'errors seen by workers'), 0);
});

test('paced: the idle beside get none of the work', async (t) => {
  const args = ['--scenario', 'paced', '--workers', '50', '--idle', '100', '--rate', '100', '--seconds', '3'];
  const figures = await load(t, args);
  assert.equal(of(figures, 'connected'), 150);
  addsUp(figures);
  assert.ok(
    of(figures, 'submit to acknowledgement, 99 %') >= of(figures, 'submit to acknowledgement, median'),
  );
  assert.ok(
    of(figures, 'due to acknowledgement, median') >= of(figures, 'submit to acknowledgement, median') * 0.98,
  );
  assert.equal(of(figures, 'errors seen by workers'), 0);
});

for (const storm of ['restart', 'kill', 'cut']) {
  test(`storm, ${storm}: all come back, and what they hold is counted once`, async (t) => {
    const args = [
      '--scenario',
      'storm',
      '--storm',
      storm,
      '--workers',
      '80',
      '--rate',
      '40',
      '--seconds',
      '2',
    ];
    const figures = await load(t, args);
    assert.ok(of(figures, `${storm}: all are back after`) > 0);
    assert.equal(of(figures, 'connected at the end'), 80);
    addsUp(figures);
    noErrors(figures);
    const lost = [...figures].filter(([what]) => /^connection ended: (closed|broken)/.test(what));
    assert.ok(lost.reduce((sum, [, count]) => sum + count, 0) >= 80, 'every connection was lost once');
  });
}

test('churn: visitors come, go and fall silent, and what they were told is counted', async (t) => {
  const figures = await load(t, ['--scenario', 'churn', '--workers', '80', '--rate', '60', '--seconds', '8']);
  assert.equal(of(figures, 'connected'), 80);
  for (const what of ['who came meanwhile', 'who handed back and left', 'who vanished']) {
    assert.ok(of(figures, `visitors ${what}`) > 0, what);
  }
  addsUp(figures);
  noErrors(figures);
});

test('a coordinator that runs already says the same as the report, and goes on', async (t) => {
  const cluster = await RealCluster.start(t);
  const api = new ApiClient(cluster.url);
  const figures = await load(t, [
    '--url',
    cluster.url,
    '--scenario',
    'paced',
    '--workers',
    '20',
    '--rate',
    '50',
    '--seconds',
    '2',
  ]);
  addsUp(figures);
  const { jobs } = (await api.jobs()).value;
  assert.equal(jobs.length, 1);
  const { status, progress } = (await api.status(jobs[0]?.job_id ?? '')).value;
  assert.equal(status, 'cancelled');
  assert.equal(Number(progress.done), of(figures, 'units in the job'));
  const { result } = (await api.results(jobs[0]?.job_id ?? '')).value;
  assert.equal(result?.['count'], progress.done);
});

const FILLED = ['--scenario', 'flood', '--workers', '20', '--seconds', '1', '--finished-jobs', '700'];

test('finished jobs fill the store before: what is measured adds up beside them', async (t) => {
  const figures = await load(t, FILLED);
  addsUp(figures);
  noErrors(figures);
});

await postgresSuite('on PostgreSQL', ({ newDatabase }) => {
  test('its coordinator has a schema of its own, of which nothing is left', async (t) => {
    const url = await newDatabase();
    const figures = await load(t, FILLED, { LOAD_STORE_URL: url });
    addsUp(figures);
    noErrors(figures);
    const session = await new Database(readAddress(url)).connect({ connectMs: 10_000, queryMs: 10_000 });
    t.after(() => session.end());
    const found = await session.query(
      `SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    assert.deepEqual(found.rows, []);
  });
});

test('a store is chosen for a coordinator of its own alone', async (t) => {
  const args = ['--url', 'http://127.0.0.1:1', '--finished-jobs', '1'];
  await assert.rejects(load(t, args), /--load-store and --finished-jobs are for a coordinator of its own/);
  const elsewhere = load(t, FILLED, { LOAD_STORE_URL: 'mysql://ada:se-cret@db/threads' });
  await assert.rejects(elsewhere, (error: Error) => {
    assert.match(error.message, /--load-store is not the address of a PostgreSQL/);
    assert.ok(!error.message.includes('se-cret'));
    return true;
  });
});
