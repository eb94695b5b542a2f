import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { providePostgres, startPostgres } from '../../../tests/setup/postgres.ts';
import type { RunningPostgres } from '../../../tests/setup/postgres.ts';
import { StartError } from '../../config.ts';
import {
  ADMIN,
  answer,
  connect,
  squaresOf,
  startCluster,
  submitSquares,
  takeLease,
  temporaryFolder,
  VirtualRuntime,
  work,
} from '../../jobs/test-cluster.ts';
import { startReplica, until } from '../../replicas/test-replicas.ts';
import { openContents } from '../contents.ts';
import { openSqliteStore } from '../sqlite.ts';
import type { StoredKey } from '../store.ts';
import { fillFrom } from './filling.ts';
import { openPostgresStore } from './store.ts';

const missing = await providePostgres();

const problem = (kind: string, says: RegExp) => (error: unknown) =>
  error instanceof StartError && error.problem === kind && says.test(error.message);

suite('an embedded store that moves to PostgreSQL', { skip: missing ?? false }, () => {
  const ends: (() => Promise<void>)[] = [];
  let server: RunningPostgres;

  before(async () => {
    server = await startPostgres({ after: (end) => void ends.push(end) }, { fsync: false });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const moved = async (folder: string, url: string) => {
    const contents = await openContents(folder);
    try {
      return await fillFrom(url, contents);
    } finally {
      await contents.close();
    }
  };

  test('has all it had, and its jobs go on with what workers hold', async (t) => {
    const folder = temporaryFolder(t);
    const { cluster } = await startCluster(folder, { runtime: new VirtualRuntime(Date.now()) });
    const key: StoredKey = {
      id: '0123456789ab',
      user: 'ada',
      role: 'submitter',
      hash: Uint8Array.from({ length: 32 }, (_, i) => i),
      createdAt: 5,
      expiresAt: 10,
      revokedAt: null,
      lastUsedAt: 7,
    };
    await cluster.records.write([{ kind: 'key_added', key }]);
    const worker = connect(cluster, 'mover');
    const small = await submitSquares(cluster, 1n, 1001n, { name: 'small\0 "job"' });
    await work(worker);
    const ended = await submitSquares(cluster, 1n, 1n << 40n);
    await worker.session.submit(answer(await takeLease(worker)));
    const early = await takeLease(worker);
    await worker.session.submit(answer(early));
    await cluster.cancel(ended.job_id, ADMIN);
    const open = await submitSquares(cluster, 1n << 70n, (1n << 70n) + 60_000n);
    const done = await takeLease(worker);
    await worker.session.submit(answer(done));
    const held = await takeLease(worker);
    const jobs = await cluster.list({ limit: 50 });
    const results = await cluster.results(ended.job_id);
    const history = await cluster.throughput(3600);
    const audit = await cluster.records.listAudit({ limit: 100 });
    await cluster.close();

    const url = await server.createDatabase('moved');
    const filled = await moved(folder, url);
    assert.equal(filled.rows.jobs, 3);
    assert.equal(filled.rows.keys, 1);
    const counted = jobs.jobs.reduce((sum, { progress }) => sum + BigInt(progress.done), 0n);
    assert.equal(filled.done, counted);

    const { cluster: next } = await startReplica(t, url);
    const there = await next.list({ limit: 50 });
    const plain = (list: typeof jobs) =>
      list.jobs.map(({ waiting_for: _, queue_position: __, progress, ...rest }) => ({
        ...rest,
        name: rest.name?.replaceAll('\uFFFD', '\0'),
        done: progress.done,
      }));
    assert.deepEqual(plain(there), plain(jobs));
    assert.deepEqual(await next.results(ended.job_id), results);
    assert.deepEqual((await next.results(small.job_id)).result, squaresOf({ start: '1', end: '1001' }));
    assert.deepEqual(await next.records.loadKeys(), [key]);
    assert.deepEqual(await next.records.listAudit({ limit: 100 }), audit);
    assert.equal(history.series.length > 0, true);
    const returned = connect(next, 'mover', { leases: [held.lease_id] });
    assert.deepEqual(returned.session.revoked, []);
    assert.deepEqual(await returned.session.submit(answer(held)), { status: 'accepted' });
    await until('the job is completed', async () => {
      await work(returned);
      return (await next.status(open.job_id)).status === 'completed';
    });
    const range = { start: (1n << 70n).toString(), end: ((1n << 70n) + 60_000n).toString() };
    assert.deepEqual((await next.results(open.job_id)).result, squaresOf(range));
    await next.records.write([
      {
        kind: 'audited',
        entry: { ...NOBODY, at: 9, action: 'job.cancel', target: 'x', outcome: 'done' },
      },
    ]);
    assert.equal((await next.records.listAudit({ limit: 1 }))[0]?.seq, (audit[0]?.seq ?? 0) + 1);
  });

  test('never goes into a database that is in use, nor leaves one that is', async (t) => {
    const folder = temporaryFolder(t);
    const url = await server.createDatabase('used');
    const first = await openSqliteStore(folder);
    await assert.rejects(openContents(folder), problem('already_running', /another coordinator/));
    await first.close();
    const store = await openPostgresStore(url);
    await assert.rejects(moved(folder, url), problem('store', /in use already/));
    await store.close();
    await assert.rejects(moved(folder, `${url}-none`), problem('store_url', /no database/));
  });
});

const NOBODY = { user: null, keyId: null, role: null, address: null } as const;
