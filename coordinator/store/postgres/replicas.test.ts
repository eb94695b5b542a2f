import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { postgresSuite } from '../../../tests/setup/postgres-suite.ts';
import { jobRecord, storedResult } from '../store-conformance.ts';
import { MAX_SUMMARY_BYTES, StoreFenced } from '../store.ts';
import type { Change, JobProgress, Ring, Store } from '../store.ts';
import { openPostgresStore } from './store.ts';

const running: JobProgress = {
  state: 'running',
  startedAt: 1,
  updatedAt: 2,
  finishedAt: null,
  error: null,
  ranMs: 0,
  runningSince: 1,
};
const added = (id: string, seq = 1): Change => ({ kind: 'job_added', record: jobRecord(id, { seq }) });
const claimed = (jobId: string, start: bigint, end: bigint): Change => ({
  kind: 'segment_claimed',
  jobId,
  range: { start, end },
});
const accepted = (jobId: string, start: bigint, end: bigint): Change => ({
  kind: 'result_accepted',
  result: storedResult(jobId, start, end),
});
const raised = (jobId: string, revision: number, changes: readonly Change[] = []): Change => ({
  kind: 'conditional',
  condition: { of: 'revision', jobId, revision },
  changes,
});
const folded = (
  jobId: string,
  done: bigint,
  more: Partial<Extract<Change, { kind: 'results_folded' }>> = {},
): Change => ({
  kind: 'results_folded',
  jobId,
  share: { done, tally: `{"done":"${done}"}`, figures: null },
  results: [],
  absorbed: [],
  segments: [],
  ...more,
});

function channel(store: Store) {
  assert.ok(store.replicas !== null);
  return store.replicas;
}

/** What is rung, waited for and in order. */
class Rings {
  readonly heard: Ring[] = [];
  #wake: () => void = () => undefined;

  constructor(store: Store) {
    channel(store).listen((ring) => {
      this.heard.push(ring);
      this.#wake();
    });
  }

  /** The next one of this kind that was not taken yet; others stay. */
  async take<K extends Ring['kind']>(kind: K): Promise<Extract<Ring, { kind: K }>> {
    for (;;) {
      const at = this.heard.findIndex((ring) => ring.kind === kind);
      const [ring] = at === -1 ? [] : this.heard.splice(at, 1);
      if (ring?.kind === kind) return ring as Extract<Ring, { kind: K }>;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

await postgresSuite('coordinators on one PostgreSQL', ({ newDatabase }) => {
  /** Coordinators that are closed with the test, on a clock that the test moves. */
  async function cluster(t: { after(end: () => Promise<void>): void }) {
    const url = await newDatabase();
    const clock = { ms: 0 };
    const open = async () => {
      const store = await openPostgresStore(url, { now: () => clock.ms });
      t.after(() => store.close());
      return store;
    };
    /** Beats of one second after the other, until something is taken over. */
    const adoption = async (store: Store, seconds = 12) => {
      for (let i = 0; i < seconds; i += 1) {
        const { adopted } = await channel(store).beat('');
        if (adopted.length > 0) return adopted;
        clock.ms += 1000;
      }
      return [];
    };
    return { url, clock, open, adoption };
  }

  test('of two that saw the same revision one changes the job; both hear of it', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    assert.ok(b.epoch > a.epoch);
    assert.deepEqual(b.tokenKey, a.tokenKey);
    const [ringsA, ringsB] = [new Rings(a), new Rings(b)];
    await Promise.all([ringsA.take('resync'), ringsB.take('resync')]);
    await a.commit([added('job')]);
    const startedAt = performance.now();
    for (const rings of [ringsA, ringsB]) assert.equal((await rings.take('job')).jobId, 'job');
    t.diagnostic(`heard within ${(performance.now() - startedAt).toFixed(1)} ms`);
    const change = { kind: 'job_changed', jobId: 'job', progress: running } as const;
    const [one, two] = await Promise.all([
      a.commit([raised('job', 0, [change, claimed('job', 1n, 100n)])]),
      b.commit([raised('job', 0, [change, claimed('job', 1n, 50n)])]),
    ]);
    assert.equal(one.refused.size + two.refused.size, 1);
    const job = await a.findSnapshot('job');
    assert.equal(job?.job.revision, 1);
    assert.equal(job?.segments.length, 1);
    for (const rings of [ringsA, ringsB]) await rings.take('job');
    await b.commit([
      { kind: 'key_revoked', keyId: 'nobody', at: 1 },
      { kind: 'job_changed', jobId: 'job', progress: { ...running, state: 'completed', finishedAt: 5 } },
    ]);
    await b.commit([{ kind: 'jobs_pruned', finishedBefore: 10, limit: 10 }]);
    for (const rings of [ringsA, ringsB]) {
      await rings.take('job');
      await rings.take('keys');
      await rings.take('pruned');
    }
    assert.deepEqual([...ringsA.heard, ...ringsB.heard], [], 'nothing is rung twice');
  });

  test('of two submits with one key at the same moment one counts', async (t) => {
    const { open } = await cluster(t);
    const stores = [await open(), await open(), await open()];
    const submits = stores.map((store, i) => {
      const record = jobRecord(`job${i}`, { seq: 7, userId: 'ada', idempotency: { key: 'k', digest: 'd' } });
      const condition = { of: 'unused_key', userId: 'ada', key: 'k' } as const;
      return store.commit([{ kind: 'conditional', condition, changes: [{ kind: 'job_added', record }] }]);
    });
    const refused = (await Promise.all(submits)).map((committed) => committed.refused.size);
    assert.deepEqual(refused.toSorted(), [0, 1, 1]);
    assert.equal((await stores[0]?.listJobs({ limit: 10 }))?.length, 1);
  });

  test('groups that change the same jobs in opposite orders all come through', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    const ids = Array.from({ length: 20 }, (_, i) => `job${i}`);
    await a.commit(ids.map((id, i) => added(id, i)));
    const change = (jobId: string): Change => ({ kind: 'job_changed', jobId, progress: running });
    const noted = (keyId: string): Change => ({ kind: 'key_used', keyId, at: 5 });
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        a.commit([...ids.map(change), noted('x'), noted('y')]),
        b.commit([...ids.toReversed().map(change), noted('y'), noted('x')]),
      ]);
    }
  });

  test('a group that waits for one that waits for it is tried again', async (t) => {
    const { url, open } = await cluster(t);
    const a = await open();
    await a.commit([added('one'), added('two', 2)]);
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    t.after(() => other.end());
    // The other one waits long before it looks for a deadlock: it is the coordinator that is told.
    await other.query(`SET deadlock_timeout = '60s'`);
    await other.query('BEGIN');
    await other.query(`SELECT FROM jobs WHERE id = 'two' FOR UPDATE`);
    const store = await openPostgresStore(url, { queryMs: 30_000 });
    t.after(() => store.close());
    const committing = store.commit([added('three', 3), raised('one', 0), raised('two', 0)]);
    const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    const watcher = new pg.Client({ connectionString: url });
    await watcher.connect();
    t.after(() => watcher.end());
    while ((await watcher.query(waits)).rowCount === 0);
    const stuck = other.query(`SELECT FROM jobs WHERE id = 'one' FOR UPDATE`);
    await stuck;
    await other.query('COMMIT');
    assert.equal((await committing).refused.size, 0);
    assert.equal((await store.findJob('two'))?.revision, 1);
    assert.ok((await store.findJob('three')) !== undefined);
  });

  test('letters reach one or all others, in order, also those that were sent before it listened', async (t) => {
    const { open } = await cluster(t);
    const [a, b, c] = [await open(), await open(), await open()];
    await Promise.all(['1', '2', '3'].map((body) => channel(a).send(b.epoch, body)));
    const [ringsA, ringsB, ringsC] = [new Rings(a), new Rings(b), new Rings(c)];
    for (const body of ['1', '2', '3']) {
      assert.deepEqual(await ringsB.take('mail'), { kind: 'mail', from: a.epoch, body });
    }
    const long = 'ä'.repeat(3_000_000);
    await channel(b).send('all', long);
    for (const rings of [ringsA, ringsC]) assert.equal((await rings.take('mail')).body, long);
    await channel(b).send(c.epoch + 100, 'nobody is there');
    await channel(c).send(b.epoch, 'last');
    assert.equal((await ringsB.take('mail')).body, 'last');
    await assert.rejects(channel(a).send('all', 'x'.repeat(9_000_000)), /too long/);
    await assert.rejects(channel(a).beat('x'.repeat(MAX_SUMMARY_BYTES + 1)), /too long/);
  });

  test('they learn of each other, and of what each says of itself', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    assert.deepEqual(
      await channel(a).beat('I am a'),
      { others: [], adopted: [], lost: 0 },
      'b has said nothing yet',
    );
    assert.deepEqual((await channel(b).beat('I am b')).others, [{ epoch: a.epoch, summary: 'I am a' }]);
    assert.deepEqual((await channel(a).beat('')).others, [{ epoch: b.epoch, summary: 'I am b' }]);
    await b.close();
    const { others, lost } = await channel(a).beat('');
    assert.deepEqual([others, lost], [[], 0], 'who closes is not lost');
  });

  test('a piece of a segment is given; one for somebody who is gone stays, and both are told of what is theirs', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    const [ringsA, ringsB] = [new Rings(a), new Rings(b)];
    await Promise.all([ringsA.take('resync'), ringsB.take('resync')]);
    await a.commit([added('job'), claimed('job', 1n, 100n), accepted('job', 1n, 10n)]);
    const covered = [{ start: 50n, end: 60n }];
    const whole = { start: 1n, end: 100n };
    assert.equal(await channel(b).ownerOf('job', { start: 40n, end: 60n }), a.epoch);
    await a.commit([
      {
        kind: 'segment_split',
        jobId: 'job',
        start: whole.start,
        pieces: [
          { range: { start: 1n, end: 50n }, covered: [], owner: null },
          { range: { start: 50n, end: 100n }, covered, owner: b.epoch },
        ],
      },
    ]);
    assert.deepEqual(await ringsB.take('given'), { kind: 'given', jobId: 'job' });
    const parts = await channel(b).ownParts('job');
    assert.deepEqual(parts, {
      share: { done: 0n, tally: null, figures: null },
      adopted: new Map(),
      segments: [{ range: { start: 50n, end: 100n }, covered }],
      results: [],
    });
    assert.deepEqual((await channel(a).ownParts('job')).segments, [
      { range: { start: 1n, end: 50n }, covered: [] },
    ]);
    assert.equal(await channel(a).ownerOf('job', { start: 50n, end: 51n }), b.epoch);
    assert.equal(await channel(a).ownerOf('job', { start: 49n, end: 51n }), undefined, 'of two segments');
    assert.equal(await channel(a).ownerOf('job', { start: 100n, end: 101n }), undefined, 'never claimed');
    await b.close();
    const split: Change = {
      kind: 'segment_split',
      jobId: 'job',
      start: 1n,
      pieces: [
        { range: { start: 1n, end: 30n }, covered: [], owner: null },
        { range: { start: 30n, end: 50n }, covered: [], owner: b.epoch },
      ],
    };
    await a.commit([split]);
    assert.deepEqual(await ringsA.take('given'), { kind: 'given', jobId: 'job' });
    assert.equal((await channel(a).ownParts('job')).segments.length, 2);
  });

  test('what a dead one owned is taken over by one alone, with what it folded; it is fenced out', async (t) => {
    const { clock, open, adoption } = await cluster(t);
    const [a, b, c] = [await open(), await open(), await open()];
    await a.commit([
      added('job'),
      claimed('job', 1n, 100n),
      claimed('job', 100n, 200n),
      accepted('job', 1n, 50n),
    ]);
    await a.commit([
      folded('job', 49n, { results: [1n], segments: [{ start: 1n, covered: [{ start: 1n, end: 50n }] }] }),
    ]);
    await a.commit([accepted('job', 100n, 110n)]);
    await b.commit([raised('job', 0, [claimed('job', 200n, 300n)]), accepted('job', 200n, 210n)]);
    await b.commit([
      folded('job', 10n, {
        results: [200n],
        segments: [{ start: 200n, covered: [{ start: 200n, end: 210n }] }],
      }),
    ]);
    for (const store of [a, b, c]) await channel(store).beat('');
    const beats = async () => {
      const [ofB, ofC] = await Promise.all([channel(b).beat(''), channel(c).beat('')]);
      lost += ofB.lost + ofC.lost;
      return [ofB.adopted, ofC.adopted];
    };
    let lost = 0;
    const taken: (readonly string[])[][] = [];
    for (let second = 0; second < 6; second += 1) {
      clock.ms += 1000;
      taken.push(await beats());
    }
    assert.deepEqual(
      taken.flat().filter((jobs) => jobs.length > 0),
      [['job']],
      'once',
    );
    assert.deepEqual(taken.slice(0, 2).flat(2), [], 'not before its time');
    assert.equal(lost, 1);
    await assert.rejects(a.commit([accepted('job', 110n, 120n)]), StoreFenced);
    await assert.rejects(channel(a).beat(''), StoreFenced);
    const heir = (await channel(b).ownParts('job')).adopted.size > 0 ? b : c;
    const parts = await channel(heir).ownParts('job');
    assert.deepEqual(
      parts.adopted,
      new Map([[a.epoch, { done: 49n, tally: '{"done":"49"}', figures: null }]]),
    );
    assert.deepEqual(parts.results, [storedResult('job', 100n, 110n)]);
    assert.equal(parts.share.done, heir === b ? 10n : 0n);
    assert.deepEqual(await heir.progress(['job']), new Map([['job', 69n]]));
    // It folds all of it together.
    const done = parts.share.done + 49n + 10n;
    await heir.commit([
      folded('job', done, {
        results: [100n],
        absorbed: [a.epoch],
        segments: [{ start: 100n, covered: [{ start: 100n, end: 110n }] }],
      }),
    ]);
    assert.equal((await channel(heir).ownParts('job')).adopted.size, 0);
    assert.equal((await heir.findJob('job'))?.done, 69n);
    assert.deepEqual(await adoption(heir, 3), []);
  });

  test('one whose session has ended is taken over sooner, unless it beats on another', async (t) => {
    const { url, clock, open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    await a.commit([added('job'), claimed('job', 1n, 100n)]);
    let lost = 0;
    const look = async () => {
      const seen = await channel(b).beat('');
      clock.ms += 1000;
      lost += seen.lost;
      return seen.adopted;
    };
    const admin = new pg.Client(url);
    await admin.connect();
    t.after(() => admin.end());
    /** As the system does for a process that died. */
    const endSession = async () => {
      const { rows } = await admin.query(
        'SELECT pg_terminate_backend(session, 60000) AS ended FROM beats WHERE epoch = $1',
        [a.epoch],
      );
      assert.deepEqual(rows, [{ ended: true }]);
    };
    await channel(a).beat('');
    assert.deepEqual(await look(), []);
    await endSession();
    assert.deepEqual(await look(), []);
    // It may not have heard of the end yet: it beats on another connection nevertheless.
    await channel(a).beat('');
    for (let second = 0; second < 3; second += 1) assert.deepEqual(await look(), [], `alive at ${second} s`);
    await channel(a).beat('');
    await endSession();
    assert.deepEqual(
      [await look(), await look(), await look()],
      [[], [], ['job']],
      'a second before its time',
    );
    assert.equal(lost, 1);
    await assert.rejects(a.commit([accepted('job', 1n, 2n)]), StoreFenced);
  });

  test('a commit that is under way is waited for, and what it stored is taken over', async (t) => {
    const { url, clock, open, adoption } = await cluster(t);
    const [a, b] = [await open(), await open()];
    await a.commit([added('job'), claimed('job', 1n, 100n)]);
    await channel(a).beat('');
    const commit = new pg.Client({ connectionString: url });
    await commit.connect();
    t.after(() => commit.end());
    await commit.query('BEGIN');
    await commit.query(`UPDATE replicas SET commits = commits + 1 WHERE epoch = ${a.epoch}`);
    await commit.query(`INSERT INTO journal VALUES ('job', 1, 10, 'd', 'w', '{}', ${a.epoch})`);
    const sessionOfB = () => commit.query('SELECT session FROM beats WHERE epoch = $1', [b.epoch]);
    await channel(b).beat('');
    const { rows: before } = await sessionOfB();
    assert.deepEqual(await adoption(b, 6), [], 'its row is locked');
    assert.deepEqual(
      (await sessionOfB()).rows,
      before,
      'who waited in vain keeps the session that says that it lives',
    );
    await commit.query('COMMIT');
    clock.ms += 1000;
    assert.deepEqual((await channel(b).beat('')).adopted, [], 'it gave a sign');
    assert.deepEqual(await adoption(b), ['job']);
    assert.equal((await channel(b).ownParts('job')).results.length, 1);
    await assert.rejects(a.commit([{ kind: 'probe' }]), StoreFenced);
  });

  test('who closes hands everything over: to the next beat of another, or to who opens next', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    await a.commit([added('job'), claimed('job', 1n, 100n), accepted('job', 1n, 10n), folded('job', 0n)]);
    await a.close();
    await a.close();
    await assert.rejects(a.commit([{ kind: 'probe' }]), /closed/);
    assert.deepEqual((await channel(b).beat('')).adopted, ['job']);
    assert.deepEqual((await channel(b).beat('')).adopted, []);
    assert.equal((await channel(b).ownParts('job')).results.length, 1);
    await b.close();
    const c = await open();
    const [active] = await c.loadActive();
    assert.equal(active?.results.length, 1);
    assert.deepEqual(active.adopted, new Map(), 'one share becomes its own');
    assert.deepEqual(await channel(c).beat(''), { others: [], adopted: [], lost: 0 });
  });

  test('jobs that are over cost a take-over nothing', async (t) => {
    const { url, open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    await a.commit([added('runs'), claimed('runs', 1n, 100n), added('over', 2), claimed('over', 1n, 100n)]);
    await a.commit([
      folded('over', 0n),
      { kind: 'job_changed', jobId: 'over', progress: { ...running, state: 'failed', finishedAt: 9 } },
    ]);
    assert.deepEqual(
      (await b.loadActive()).map(({ job, segments }) => [job.record.id, segments.length]),
      [['runs', 0]],
    );
    await a.close();
    assert.deepEqual((await channel(b).beat('')).adopted, ['runs']);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    t.after(() => client.end());
    const { rows } = await client.query<{ owner: string }>(
      `SELECT owner FROM segments WHERE job_id = 'over'`,
    );
    assert.deepEqual(rows, [{ owner: String(a.epoch) }], 'left as it was');
    await b.commit([{ kind: 'jobs_pruned', finishedBefore: 10, limit: 10 }]);
    assert.equal((await client.query(`SELECT FROM shares WHERE job_id = 'over'`)).rowCount, 0);
  });

  test('a job that is over is still loaded by whoever owns results of it that are not folded', async (t) => {
    const { open } = await cluster(t);
    const [a, b] = [await open(), await open()];
    await a.commit([added('job'), claimed('job', 1n, 100n), accepted('job', 1n, 10n)]);
    await a.commit([
      { kind: 'job_changed', jobId: 'job', progress: { ...running, state: 'failed', finishedAt: 9 } },
    ]);
    assert.equal((await a.loadActive()).length, 1);
    assert.equal((await b.loadActive()).length, 0);
    const { pruned } = await b.commit([{ kind: 'jobs_pruned', finishedBefore: 10, limit: 10 }]);
    assert.deepEqual(pruned, []);
    await a.close();
    assert.deepEqual((await channel(b).beat('')).adopted, ['job']);
    assert.equal((await b.loadActive()).length, 1);
  });
});
