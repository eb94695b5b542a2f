/**
 * The whole cluster by deploy-cluster.sh on a real Docker engine, with the images of the real Dockerfiles on stand-in
 * bases (tests/setup/stand-in-images.ts: Debian, Node, Prometheus and Alertmanager from Debian's packages, something in
 * Grafana's place): it starts, is scaled, crashes, is cut, runs out of memory, is backed up, removed and restored.
 */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
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
];
const KEY = /\btc_[0-9a-f]{12}_[\w-]{43}\b/;
/** Runs through all that happens to the cluster. */
const LONG = { start: '1', end: String(10n ** 12n) };
const OUT_OF_MEMORY = 137;

function assertRecords({ result, partial }: JobResults, end: bigint): void {
  assert.equal(partial, false);
  assert.equal(result?.['count'], String(end - 1n));
  const peaks = recordsOfOeis().peaks.filter(({ n }) => n < end);
  assert.deepEqual(
    result['peak_records'],
    peaks.map(({ n, peak }) => ({ n: String(n), peak: String(peak) })),
  );
}

test('the whole cluster on Docker, by one command', { timeout: 900_000 }, async (t) => {
  const engine = await startDockerEngine(t);
  if (typeof engine === 'string') return t.skip(engine);
  const problem = await provideStandIns(engine, BASES);
  if (problem !== undefined) return t.skip(problem);
  const cluster = await DeployedCluster.prepare(t, engine);
  let key = '';

  await t.test('docker 3 1: three workers, a key, a job through nginx over HTTPS, exact', async (s) => {
    const begun_ms = performance.now();
    const said = await cluster.script(['docker', '3', '1']);
    const up_ms = performance.now() - begun_ms;
    key = KEY.exec(said)?.[0] ?? '';
    assert.notEqual(key, '', said);
    assert.match(said, /3 workers, 1 of them with a GPU/);
    assert.equal(statSync(cluster.state).mode & 0o777, 0o700);
    const job = await cluster.submit(key, { start: '1', end: '1000000', mode: 'statistics' });
    await until(async () => BigInt((await cluster.status(job)).progress.done) > 0n, 'a first result');
    s.diagnostic(
      `${(up_ms / 1000).toFixed(1)} s from the command (images built or found built) until it ended, ` +
        `${((performance.now() - begun_ms) / 1000).toFixed(1)} s until the first result`,
    );
    assertRecords(await cluster.completed(job), 1_000_000n);
    const nodes = await until(async () => {
      const found = await cluster.nodes();
      return found.length === 3 && found;
    }, 'three workers');
    assert.deepEqual(nodes.map(({ kind }) => kind).toSorted(), ['cpu', 'cpu', 'node-gpu']);
    assert.ok(
      nodes.every(({ own }) => own),
      'the workers have their key by themselves',
    );
  });

  await t.test('the simplest call works on this machine, and nothing else does without a key', async () => {
    const body = {
      type: 'thread',
      priority: 'high',
      gpu_preferred: true,
      parameters: { thread_count: 1000, max_depth: 10, batch_size: 256 },
    };
    const submit = { method: 'POST', body } as const;
    const host = `localhost:${cluster.ports.API}`;
    const { status, body: reply } = await cluster.local('/api/submit', { ...submit, headers: { host } });
    assert.equal(status, 202, JSON.stringify(reply));
    const { job_id } = reply as { job_id: string };
    const steer = await cluster.local(`/api/cancel/${job_id}`, { method: 'POST', headers: { host } });
    assert.equal(steer.status, 401, 'to cancel takes a key');
    for (const headers of [
      { host, 'x-forwarded-for': '127.0.0.1' },
      { host, forwarded: 'for=127.0.0.1' },
      { host: 'cluster.example.org' },
      { host, origin: 'https://example.org' },
    ]) {
      const refused = await cluster.local('/api/submit', { ...submit, headers });
      assert.ok([401, 403].includes(refused.status), `${JSON.stringify(headers)}: ${refused.status}`);
    }
    assert.equal((await cluster.secure('/api/submit', submit)).status, 401, 'through nginx it takes a key');
    assert.equal((await cluster.secure('/metrics')).status >= 400, true, '/metrics is kept inside');
    await cluster.completed(job_id);
  });

  await t.test('Prometheus sees all of them, Grafana answers on its port and through nginx', async () => {
    await until(async () => {
      const reply = await fetch(`http://127.0.0.1:${cluster.ports.PROMETHEUS}/api/v1/query?query=up`);
      const { data } = (await reply.json()) as {
        data: { result: { metric: { job: string }; value: [number, string] }[] };
      };
      const up = data.result.filter(({ value }) => value[1] === '1').map(({ metric }) => metric.job);
      const jobs = ['alertmanager', 'coordinator', 'nginx', 'prometheus', 'worker', 'worker', 'worker'];
      return up.toSorted().join() === jobs.join();
    }, 'one target for each process, and all of them answer');
    assert.equal((await fetch(`http://127.0.0.1:${cluster.ports.GRAFANA}/api/health`)).status, 200);
    assert.equal((await cluster.secure('/grafana/api/health')).status, 200);
  });

  await t.test('the same command again changes nothing and shows no key', async () => {
    const before = await cluster.containers();
    const said = await cluster.script(['docker', '3', '1']);
    assert.doesNotMatch(said, KEY);
    assert.deepEqual((await cluster.containers()).toSorted(), before.toSorted());
  });

  let long = '';
  await t.test(
    'scale 5: five workers, and status expects so many, without a restart of the coordinator',
    async () => {
      const coordinator = await cluster.container('coordinator');
      long = await cluster.submit(key, LONG);
      await cluster.script(['scale', '5']);
      await until(async () => (await cluster.nodes()).length === 5, 'five workers');
      assert.equal(await cluster.container('coordinator'), coordinator);
      assert.match(await cluster.script(['status']), /\b5\b/);
      await cluster.script(['scale', '3']);
      await until(async () => (await cluster.nodes()).length === 3, 'three workers again');
    },
  );

  await t.test('the coordinator crashes, a worker crashes: both come back, and the job goes on', async () => {
    await cluster.goesOn(long);
    await cluster.crash(await cluster.container('coordinator'));
    await cluster.goesOn(long);
    await until(async () => (await cluster.nodes()).length === 3, 'the workers are back');
    await cluster.crash(await cluster.container('cpu-worker'));
    await until(async () => (await cluster.containers('cpu-worker')).length === 2, 'the worker is back');
    await cluster.goesOn(long);
  });

  await t.test('a network that is cut and heals: the worker goes on', async () => {
    const worker = await cluster.container('cpu-worker');
    const name = async () => (await cluster.nodes()).map(({ node_id }) => node_id);
    await cluster.docker(['network', 'disconnect', cluster.network('work'), worker]);
    await until(async () => (await name()).length === 2, 'its silence is noticed');
    await cluster.goesOn(long);
    await cluster.docker(['network', 'connect', '--alias', 'cpu-worker', cluster.network('work'), worker]);
    await until(async () => (await name()).length === 3, 'it is back');
    await cluster.goesOn(long);
  });

  await t.test('beyond its memory a process is ended, and the others are none the worse', async () => {
    const worker = await cluster.container('cpu-worker');
    const greed = 'const all = []; for (;;) all.push(Buffer.alloc(1e8, 1))';
    const { ok } = await engine.docker(['exec', worker, 'node', '-e', greed]);
    assert.equal(ok, false);
    const exec = await engine.docker(['exec', worker, 'sh', '-c', `node -e '${greed}'; echo ended with $?`]);
    assert.match(exec.stdout, new RegExp(`ended with ${OUT_OF_MEMORY}`));
    await until(async () => (await cluster.nodes()).length === 3, 'the workers are there');
    await cluster.goesOn(long);
  });

  await t.test('report: throughput, busy workers, memory, latency', async () => {
    const report = await cluster.script(['report']);
    for (const what of [/collatz/, /busy/i, /memory/i, /p99|99/i]) assert.match(report, what);
  });

  await t.test(
    'backup, cleanup, restore: the running job goes on from there, to the exact end',
    async (s) => {
      const job = await cluster.submit(key, { start: '1', end: '200000000', mode: 'statistics' });
      const cancelled = await cluster.secure(`/api/cancel/${long}`, { method: 'POST', key });
      assert.equal(cancelled.status, 200);
      await cluster.goesOn(job);
      const file = join(cluster.folder, 'backup.tar.gz');
      await cluster.script(['backup', file]);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const done = BigInt((await cluster.status(job)).progress.done);
      s.diagnostic(
        `a backup of ${(statSync(file).size / 1024 / 1024).toFixed(1)} MiB with ${done} numbers done`,
      );
      const grafana = await cluster.volume('grafana-data');
      assert.match(grafana, /grafana\.db/);
      assert.match(await cluster.script(['restore', file], 1), /a cluster already/);

      await cluster.script(['cleanup', '--yes']);
      assert.deepEqual(await cluster.containers(), []);
      assert.equal(existsSync(cluster.state), false);
      await cluster.script(['restore', file]);
      assert.equal(await cluster.volume('grafana-data'), grafana);
      const said = await cluster.script(['docker', '2', '0']);
      assert.doesNotMatch(said, KEY, 'the old keys hold');
      const again = await cluster.status(job);
      assert.ok(['running', 'completed'].includes(again.status), again.status);
      assertRecords(await cluster.completed(job), 200_000_000n);
      assert.equal(
        (await cluster.secure(`/api/pause/${job}`, { method: 'POST', key })).status === 401,
        false,
      );
    },
  );

  await t.test('stop keeps all, cleanup nothing', async () => {
    await cluster.script(['stop']);
    assert.deepEqual(await cluster.containers(), []);
    await cluster.script(['cleanup', '--yes']);
    const left = await cluster.docker(['volume', 'ls', '-q', '--filter', `name=${cluster.network('')}`]);
    assert.equal(left, '');
  });
});
