/**
 * Three coordinators on PostgreSQL by deploy-cluster.sh on a real Docker engine, as docker-cluster.test.ts has it for one (the
 * stand-in for PostgreSQL is Debian's, with as much of upstream's first start as is used): what dies, is cut off, replaced,
 * moved, backed up and restored loses nothing. Some minutes, so only in `npm run test:full`.
 */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordsOfOeis } from '../oeis.ts';
import { startDockerEngine } from '../setup/docker-engine.ts';
import { provideStandIns } from '../setup/stand-in-images.ts';
import type { JobResults } from '../../protocol/http.ts';
import { DeployedCluster, until } from './deployed-cluster.ts';

const BASES = [
  'debian:bookworm-slim',
  'node:24-bookworm-slim',
  'prom/prometheus:v3.5.0',
  'prom/alertmanager:v0.28.1',
  'grafana/grafana:12.1.0',
  'postgres:17',
];
const KEY = /\btc_[0-9a-f]{12}_[\w-]{43}\b/;
const THREADS = ['node', '/app/cli/main.ts'];
/** Runs through all that happens to the cluster. */
const LONG = { start: '1', end: String(10n ** 12n) };
const END = 400_000_000n;
const skip = process.env['TEST_FULL'] === '1' ? false : 'some minutes: npm run test:full runs it';

function assertExact({ result, partial }: JobResults, end: bigint): void {
  assert.equal(partial, false);
  assert.equal(result?.['count'], String(end - 1n));
  const peaks = recordsOfOeis().peaks.filter(({ n }) => n < end);
  assert.deepEqual(
    result['peak_records'],
    peaks.map(({ n, peak }) => ({ n: String(n), peak: String(peak) })),
  );
}

/** Of each role that is asked for, the keys that are good. */
async function validKeys(cluster: DeployedCluster, role: string): Promise<number> {
  const coordinator = await cluster.container('coordinator');
  const listed = await cluster.docker(['exec', coordinator, ...THREADS, 'token', 'list']);
  return listed.split('\n').filter((line) => line.includes(` ${role} `) && line.includes('valid')).length;
}

const threeAnswer = (cluster: DeployedCluster) =>
  until(async () => {
    const reply = await fetch(
      `http://127.0.0.1:${cluster.ports.PROMETHEUS}/api/v1/query?query=${encodeURIComponent('count(up{job="coordinator"} == 1)')}`,
    );
    return (await reply.text()).includes('"3"]');
  }, 'Prometheus sees three coordinators');

test('three coordinators on PostgreSQL, by one command', { skip, timeout: 1_800_000 }, async (t) => {
  const engine = await startDockerEngine(t);
  if (typeof engine === 'string') return t.skip(engine);
  const problem = await provideStandIns(engine, BASES);
  if (problem !== undefined) return t.skip(problem);
  const cluster = await DeployedCluster.prepare(t, engine, { COORDINATORS: '3' });
  let key = '';
  let long = '';

  await t.test(
    'docker 3 0: three coordinators, one key for the workers, one for the admin, no password to be seen',
    async () => {
      const said = await cluster.script(['docker', '3', '0']);
      key = KEY.exec(said)?.[0] ?? '';
      assert.notEqual(key, '', said);
      assert.equal((await cluster.containers('coordinator')).length, 3);
      assert.deepEqual([await validKeys(cluster, 'worker'), await validKeys(cluster, 'admin')], [1, 1]);
      const postgres = await cluster.container('postgres');
      const password = await cluster.docker(['exec', postgres, 'cat', '/run/store/password']);
      assert.ok(password.length > 40);
      const inspected = await cluster.docker(['inspect', ...(await cluster.containers())]);
      assert.ok(!inspected.includes(password));
      const worker = await cluster.container('cpu-worker');
      const reach =
        "require('net').connect(5432,'postgres').on('error',()=>process.exit(9)).on('connect',()=>process.exit(0))";
      assert.equal(
        (await engine.docker(['exec', worker, 'node', '-e', reach])).ok,
        false,
        'workers do not reach it',
      );
      long = await cluster.submit(key, LONG);
      await cluster.goesOn(long);
      await threeAnswer(cluster);
    },
  );

  await t.test('a coordinator crashes: the others go on, and it comes back', async (s) => {
    const begun_ms = performance.now();
    await cluster.crash(await cluster.container('coordinator'));
    await cluster.goesOn(long);
    s.diagnostic(`more was done ${((performance.now() - begun_ms) / 1000).toFixed(1)} s after the crash`);
    await until(async () => (await cluster.containers('coordinator')).length === 3, 'it is back');
    await threeAnswer(cluster);
    await until(async () => (await cluster.nodes()).length === 3, 'three workers');
  });

  await t.test('PostgreSQL crashes: it recovers, and the job goes on', async (s) => {
    const begun_ms = performance.now();
    await cluster.crash(await cluster.container('postgres'));
    await cluster.goesOn(long);
    s.diagnostic(`more was done ${((performance.now() - begun_ms) / 1000).toFixed(1)} s after the crash`);
  });

  await t.test(
    'a coordinator is cut off from PostgreSQL and let back: the others go on meanwhile',
    async () => {
      const cut = await cluster.container('coordinator');
      await cluster.docker(['network', 'disconnect', cluster.network('store'), cut]);
      await cluster.goesOn(long);
      await cluster.docker(['network', 'connect', cluster.network('store'), cut]);
      await cluster.goesOn(long);
      await threeAnswer(cluster);
      await until(async () => (await cluster.nodes()).length === 3, 'three workers');
    },
  );

  await t.test('one after the other is stopped and started again, during a job', async () => {
    const job = await cluster.submit(key, { start: '1', end: String(END), mode: 'statistics' });
    for (const container of await cluster.containers('coordinator')) {
      await cluster.docker(['restart', '--time', '20', container]);
      await until(async () => {
        const health = await cluster.docker(['inspect', '--format', '{{.State.Health.Status}}', container]);
        return health === 'healthy';
      }, 'it is ready again');
    }
    assertExact(await cluster.completed(job), END);
  });

  await t.test(
    'backup, cleanup, restore: the running job goes on from there, to the exact end',
    async (s) => {
      await cluster.secure(`/api/cancel/${long}`, { method: 'POST', key });
      const job = await cluster.submit(key, { start: '1', end: String(END), mode: 'statistics' });
      await cluster.goesOn(job);
      const file = join(cluster.folder, 'backup.tar.gz');
      await cluster.script(['backup', file]);
      s.diagnostic(`a backup of ${(statSync(file).size / 1024).toFixed(0)} KiB`);
      assert.match(await cluster.script(['restore', file], 1), /a cluster already/);
      await cluster.script(['cleanup', '--yes']);
      await cluster.script(['restore', file]);
      const said = await cluster.script(['docker', '2', '0']);
      assert.doesNotMatch(said, KEY, 'the old keys hold');
      assertExact(await cluster.completed(job), END);
      assert.equal((await cluster.containers('coordinator')).length, 3);
      assert.deepEqual([await validKeys(cluster, 'worker'), await validKeys(cluster, 'admin')], [1, 1]);
      await cluster.script(['cleanup', '--yes']);
    },
  );
});

test(
  'a cluster moves from the embedded store to PostgreSQL during a job',
  { skip, timeout: 900_000 },
  async (t) => {
    const engine = await startDockerEngine(t);
    if (typeof engine === 'string') return t.skip(engine);
    const problem = await provideStandIns(engine, BASES);
    if (problem !== undefined) return t.skip(problem);
    const cluster = await DeployedCluster.prepare(t, engine);
    const said = await cluster.script(['docker', '2', '0']);
    const key = KEY.exec(said)?.[0] ?? '';
    const job = await cluster.submit(key, { start: '1', end: String(END), mode: 'statistics' });
    await cluster.goesOn(job);
    assert.match(await cluster.script(['move', '2']), /2 coordinators on PostgreSQL/);
    assert.doesNotMatch(await cluster.script(['docker', '2', '0']), KEY, 'the old keys hold');
    assertExact(await cluster.completed(job), END);
    assert.equal((await cluster.containers('coordinator')).length, 2);
    assert.equal((await cluster.secure(`/api/pause/${job}`, { method: 'POST', key })).status === 401, false);
    await cluster.script(['cleanup', '--yes']);
  },
);
