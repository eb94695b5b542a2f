import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { CuttingProxy } from '../../../tests/setup/cutting-proxy.ts';
import { postgresSuite } from '../../../tests/setup/postgres-suite.ts';
import { ClusterError } from '../../../protocol/errors.ts';
import { jobRecord, storedResult } from '../store-conformance.ts';
import { StoreFenced } from '../store.ts';
import type { Change, Store } from '../store.ts';
import { openPostgresStore } from './store.ts';

const added: Change = { kind: 'job_added', record: jobRecord('job') };
const claimed: Change = { kind: 'segment_claimed', jobId: 'job', range: { start: 1n, end: 1n << 40n } };
const accepted = (start: bigint): Change => ({
  kind: 'result_accepted',
  result: storedResult('job', start, start + 1n),
});
const isAway = (error: unknown) => error instanceof ClusterError && error.code === 'store_unavailable';

/** Of a coordinator that is to give up soon: enough for a busy machine to connect, and to commit, while all is well. */
const ANSWER_MS = 4000;

function channel(store: Store) {
  assert.ok(store.replicas !== null);
  return store.replicas;
}

/** How many rows there are. */
async function ask(url: string, question: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(question)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

/** Asks again until it works: a database comes back when it does. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error)) throw error;
    }
  }
}

await postgresSuite('PostgreSQL that goes away', ({ server, newDatabase }) => {
  async function started(
    t: { after(end: () => Promise<void>): void },
    url: string,
    options: Parameters<typeof openPostgresStore>[1] = {},
  ) {
    const store = await openPostgresStore(url, options);
    t.after(() => store.close());
    return store;
  }

  test('nothing is stored while it is away, everything is as it was when it is back, and nobody took over', async (t) => {
    const url = await newDatabase();
    const clock = { ms: 0 };
    const now = () => clock.ms;
    const [a, b] = [await started(t, url, { now }), await started(t, url, { now })];
    const resyncs: { count: number; again: () => void } = { count: 0, again: () => undefined };
    channel(b).listen(({ kind }) => {
      if (kind === 'resync' && (resyncs.count += 1) > 1) resyncs.again();
    });
    await a.commit([added, claimed, accepted(1n)]);
    for (let i = 0; i < 3; i += 1) {
      await Promise.all([channel(a).beat(''), channel(b).beat('')]);
      clock.ms += 1000;
    }
    const heardAgain = new Promise<void>((resolve) => (resyncs.again = resolve));
    await server().kill();
    await assert.rejects(a.commit([accepted(2n)]), isAway);
    await assert.rejects(a.findJob('job'), isAway);
    await assert.rejects(a.loadActive(), isAway);
    await assert.rejects(channel(a).beat(''), isAway);
    await assert.rejects(channel(a).send('all', 'hello'), isAway);
    clock.ms += 20_000;
    await server().start();
    // b is back at once; a only after what would have been its death.
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual((await eventually(() => channel(b).beat(''))).adopted, []);
      clock.ms += 1000;
    }
    await eventually(() => channel(a).beat(''));
    await eventually(() => a.commit([accepted(3n)]));
    const [active] = await a.loadActive();
    assert.deepEqual(active?.results.map(({ range }) => range.start).toSorted(), [1n, 3n]);
    await heardAgain;
  });

  test('while it stands still nothing is acknowledged, and a refusal takes as long as one answer may', async (t) => {
    const store = await started(t, await newDatabase(), { queryMs: ANSWER_MS, connectMs: ANSWER_MS });
    await store.commit([added, claimed]);
    await store.findJob('job');
    await server().pause();
    try {
      const startedAt = performance.now();
      await Promise.all([
        assert.rejects(store.commit([accepted(1n)]), isAway),
        assert.rejects(store.findJob('job'), isAway),
        assert.rejects(channel(store).beat(''), isAway),
      ]);
      t.diagnostic(
        `refused after ${(performance.now() - startedAt).toFixed(0)} ms with an answer's limit of ${ANSWER_MS} ms`,
      );
    } finally {
      server().resume();
    }
    await eventually(() => store.commit([accepted(2n)]));
    const snapshot = await eventually(() => store.findSnapshot('job'));
    assert.deepEqual(
      snapshot?.results.map(({ range }) => range.start),
      [2n],
    );
  });

  test('a commit whose answer was lost is found to be durable, with what it answered', async (t) => {
    const proxy = await CuttingProxy.to(await newDatabase(), t);
    const store = await started(t, proxy.url);
    await store.commit([added, claimed]);
    const cut = proxy.cutNextCommit('after');
    const late: Change = {
      kind: 'conditional',
      condition: { of: 'revision', jobId: 'job', revision: 9 },
      changes: [],
    };
    const committing = store.commit([accepted(1n), late]);
    let known = false;
    void committing.then(() => (known = true));
    await cut;
    await assert.rejects(store.findJob('job'), isAway);
    assert.equal(known, false, 'nobody knows yet');
    proxy.open();
    assert.deepEqual([...(await committing).refused], [late]);
    await store.commit([accepted(2n)]);
    assert.equal((await store.findSnapshot('job'))?.results.length, 2);
  });

  test('a COMMIT that never arrived is found to have changed nothing', async (t) => {
    const proxy = await CuttingProxy.to(await newDatabase(), t);
    const store = await started(t, proxy.url);
    await store.commit([added, claimed]);
    const cut = proxy.cutNextCommit('before');
    const committing = store.commit([accepted(1n)]);
    await cut;
    proxy.open();
    await assert.rejects(committing, isAway);
    await store.commit([accepted(1n)]);
    assert.equal((await store.findSnapshot('job'))?.results.length, 1);
  });

  test('however often it is killed, what was acknowledged is there, and what was refused is not', async (t) => {
    const url = await newDatabase();
    const stores = [await started(t, url), await started(t, url)];
    await stores[0]?.commit([added, claimed]);
    const acknowledged: string[] = [];
    const refused = new Set<bigint>();
    let crashes = 0;
    const enough = 5;
    const commits = stores.map(async (store, i) => {
      for (let at = BigInt(i) << 30n; crashes < enough; at += 1n) {
        const results = [1n + 16n * at, 9n + 16n * at];
        try {
          await store.commit(results.map(accepted));
          acknowledged.push(...results.map(String));
        } catch (error) {
          if (!isAway(error)) throw error;
          for (const start of results) refused.add(start);
        }
      }
    });
    for (; crashes < enough; crashes += 1) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 20) await new Promise(setImmediate);
      await server().kill();
      await server().start();
    }
    await Promise.all(commits);
    const found = await eventually(async () => stores[0]?.findSnapshot('job'));
    const starts = found?.results.map(({ range }) => range.start) ?? [];
    assert.deepEqual(starts.map(String).toSorted(), acknowledged.toSorted());
    t.diagnostic(`${acknowledged.length} acknowledged, ${refused.size} refused over ${crashes} crashes`);
    assert.ok(refused.size > 0);
  });

  test('who was taken over while it waited for an answer is fenced out; closing ends the wait', async (t) => {
    const url = await newDatabase();
    const proxy = await CuttingProxy.to(url, t);
    const clock = { ms: 0 };
    const [a, b] = [await started(t, proxy.url), await started(t, url, { now: () => clock.ms })];
    await a.commit([added, claimed]);
    await channel(a).beat('');
    const cut = proxy.cutNextCommit('after');
    const committing = a.commit([accepted(1n)]);
    await cut;
    for (let adopted: readonly string[] = []; adopted.length === 0; clock.ms += 1000) {
      ({ adopted } = await channel(b).beat(''));
    }
    proxy.open();
    await assert.rejects(committing, StoreFenced);
    assert.equal((await channel(b).ownParts('job')).results.length, 1, 'it had become durable');

    const other = await CuttingProxy.to(url, t);
    const c = await started(t, other.url);
    const cutAgain = other.cutNextCommit('after');
    const unknown = c.commit([{ kind: 'probe' }]);
    await cutAgain;
    const refused = assert.rejects(unknown, isAway);
    await c.close();
    await refused;
  });

  test('a coordinator that is cut off in the middle of a commit holds up its heir for seconds alone', async (t) => {
    const url = await newDatabase();
    const proxy = await CuttingProxy.to(url, t);
    const clock = { ms: 0 };
    const b = await started(t, url, { now: () => clock.ms });
    await b.commit([added]);
    const a = await openPostgresStore(proxy.url, { queryMs: ANSWER_MS, connectMs: ANSWER_MS });
    await channel(a).beat('a');
    assert.deepEqual((await channel(b).beat('')).others, [{ epoch: a.epoch, summary: 'a' }]);
    const fellSilent = proxy.cutNextCommit('silent');
    const refused = assert.rejects(a.commit([claimed]), isAway);
    await fellSilent;
    const startedAt = performance.now();
    for (let isThere = true; isThere; clock.ms += 1000) {
      isThere = (await channel(b).beat('')).others.length > 0;
      // While it is locked it is neither alive nor taken over: what it owns is looked at.
      if (!isThere) isThere = (await ask(url, 'SELECT FROM replicas')) > 1;
    }
    t.diagnostic(
      `its heir waited ${(performance.now() - startedAt).toFixed(0)} ms, on a clock that runs ahead`,
    );
    await a.close();
    await refused;
    assert.deepEqual((await b.findSnapshot('job'))?.segments, []);
  });
});
