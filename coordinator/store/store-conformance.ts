/** What every store must do. Each implementation's test file calls this with a way to open it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  AuditEntry,
  AuditPage,
  Change,
  JobProgress,
  JobRecord,
  Store,
  StoredKey,
  StoredResult,
} from './store.ts';

/** A place where a store lives beyond its openings, one at a time. */
export interface StorePlace {
  open(): Promise<Store>;
}

export function jobRecord(id: string, more: Partial<JobRecord> = {}): JobRecord {
  return {
    id,
    seq: 1,
    type: 'squares',
    workloadVersion: 1,
    parameters: { start: '1', end: (1n << 60n).toString(), seed: 7 },
    name: 'a "name"\u2028',
    priority: 'normal',
    gpuPreferred: true,
    placement: { tags: ['a', 'b'], min_gpu_memory_mb: 4096 },
    range: { start: 1n, end: 1n << 60n },
    createdAt: 1_790_000_000_000,
    idempotency: null,
    userId: null,
    expectedSeconds: null,
    maxAttempts: 20,
    ...more,
  };
}

export function storedResult(jobId: string, start: bigint, end: bigint): StoredResult {
  return { jobId, range: { start, end }, aggregate: `{"n":"${start}"}`, digest: `d${start}`, nodeId: 'w' };
}

const pending: JobProgress = {
  state: 'pending',
  startedAt: null,
  updatedAt: 1_790_000_000_000,
  finishedAt: null,
  error: null,
  ranMs: 0,
  runningSince: null,
};
const running: JobProgress = {
  ...pending,
  state: 'running',
  startedAt: 1_790_000_000_500,
  ranMs: 12,
  runningSince: 1_790_000_000_600,
};

const added = (id: string, more: Partial<JobRecord> = {}): Change => ({
  kind: 'job_added',
  record: jobRecord(id, more),
});
const claimed = (jobId: string, start: bigint, end: bigint): Change => ({
  kind: 'segment_claimed',
  jobId,
  range: { start, end },
});
const accepted = (result: StoredResult): Change => ({ kind: 'result_accepted', result });

function ascending<T extends { readonly range: { readonly start: bigint } }>(parts: readonly T[]): T[] {
  return parts.toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1));
}

/** @param place makes a fresh, empty place for each test */
export function storeConformance(
  name: string,
  place: (t: { after(fn: () => void | Promise<void>): void }) => StorePlace,
): void {
  void test(`${name}: a job comes back as it was submitted`, async (t) => {
    const at = place(t);
    const store = await at.open();
    assert.equal(store.existed, false);
    const record = jobRecord('job', {
      idempotency: { key: 'k/1', digest: 'd' },
      userId: 'ada',
      expectedSeconds: 1.5,
      maxAttempts: 3,
    });
    await store.commit([{ kind: 'job_added', record }]);
    await store.close();
    const again = await at.open();
    assert.equal(again.existed, true);
    assert.deepEqual(await again.findJob('job'), {
      record,
      progress: pending,
      cursor: 1n,
      done: 0n,
      revision: 0,
    });
    assert.deepEqual(await again.findByIdempotencyKey('ada', 'k/1'), { jobId: 'job', digest: 'd' });
    assert.equal(await again.findByIdempotencyKey('ada', 'other'), undefined);
    assert.equal(await again.findByIdempotencyKey('bob', 'k/1'), undefined, 'another user’s key');
    assert.equal(await again.findByIdempotencyKey(null, 'k/1'), undefined, 'a submit without a user');
    assert.equal(await again.findJob('other'), undefined);
    assert.deepEqual(await again.countJobs(), [{ type: 'squares', state: 'pending', jobs: 1 }]);
    await again.close();
  });

  void test(`${name}: the key stays, the epoch rises with each opening`, async (t) => {
    const at = place(t);
    const first = await at.open();
    await first.close();
    const second = await at.open();
    assert.equal(first.tokenKey.length, 32);
    assert.deepEqual(second.tokenKey, first.tokenKey);
    assert.ok(second.epoch > first.epoch);
    await second.close();
  });

  void test(`${name}: what was under way comes back`, async (t) => {
    const at = place(t);
    const store = await at.open();
    const rows = [storedResult('job', 1n, 50n), storedResult('job', 60n, 70n)];
    await store.commit([
      added('job'),
      { kind: 'job_changed', jobId: 'job', progress: running },
      claimed('job', 1n, 100n),
      claimed('job', 100n, 1n << 50n),
      ...rows.map(accepted),
    ]);
    await store.close();
    const again = await at.open();
    const [active] = await again.loadActive();
    assert.ok(active !== undefined);
    assert.deepEqual(active.adopted, new Map());
    assert.deepEqual(active.job.progress, running);
    assert.equal(active.job.cursor, 1n << 50n);
    assert.deepEqual(active.segments, [
      { range: { start: 1n, end: 100n }, covered: [] },
      { range: { start: 100n, end: 1n << 50n }, covered: [] },
    ]);
    assert.deepEqual(ascending(active.results), rows);
    assert.equal(await again.nextJobSeq(), 2);
    assert.deepEqual(await again.progress(['job', 'other']), new Map([['job', 59n]]));
    await again.close();
  });

  void test(`${name}: folding takes rows away and keeps the tally`, async (t) => {
    const at = place(t);
    const store = await at.open();
    await store.commit([
      added('job'),
      claimed('job', 1n, 100n),
      claimed('job', 100n, 200n),
      accepted(storedResult('job', 1n, 50n)),
      accepted(storedResult('job', 60n, 70n)),
      accepted(storedResult('job', 100n, 200n)),
    ]);
    await store.commit([
      {
        kind: 'results_folded',
        jobId: 'job',
        share: { done: 149n, tally: '{"sum":"1"}', figures: Uint8Array.of(1, 2, 3) },
        results: [1n, 100n],
        absorbed: [],
        segments: [
          { start: 1n, covered: [{ start: 1n, end: 50n }] },
          { start: 100n, covered: null },
        ],
      },
    ]);
    await store.commit([
      {
        kind: 'results_folded',
        jobId: 'job',
        share: { done: 159n, tally: '{"sum":"2"}', figures: null },
        results: [60n],
        absorbed: [],
        segments: [
          {
            start: 1n,
            covered: [
              { start: 1n, end: 50n },
              { start: 60n, end: 70n },
            ],
          },
        ],
      },
    ]);
    await store.close();
    const again = await at.open();
    const [active] = await again.loadActive();
    assert.deepEqual(active?.results, []);
    assert.equal(active?.job.done, 159n);
    assert.deepEqual(active?.segments, [
      {
        range: { start: 1n, end: 100n },
        covered: [
          { start: 1n, end: 50n },
          { start: 60n, end: 70n },
        ],
      },
    ]);
    assert.deepEqual(active?.share, { done: 159n, tally: '{"sum":"2"}', figures: null });
    const snapshot = await again.findSnapshot('job');
    assert.deepEqual(snapshot?.shares, [{ done: 159n, tally: '{"sum":"2"}', figures: null }]);
    assert.deepEqual(snapshot.segments, active.segments);
    assert.deepEqual(snapshot.results, []);
    assert.equal(await again.findSnapshot('other'), undefined);
    assert.deepEqual(await again.progress(['job']), new Map([['job', 159n]]));
    await again.close();
  });

  void test(`${name}: a result is replaced, a job that ends early leaves the active ones and keeps what it had`, async (t) => {
    const store = await place(t).open();
    const row = storedResult('job', 1n, 50n);
    await store.commit([added('job'), claimed('job', 1n, 100n), accepted(row)]);
    const corrected = { ...row, aggregate: '{"n":9}', digest: 'd9', nodeId: 'x' };
    await store.commit([{ kind: 'result_replaced', result: corrected }]);
    assert.deepEqual((await store.loadActive())[0]?.results, [corrected]);
    const cancelled: JobProgress = {
      ...running,
      state: 'cancelled',
      finishedAt: 1_790_000_001_000,
      error: { code: 'c', message: 'm' },
    };
    const covered = [{ start: 1n, end: 50n }];
    await store.commit([
      {
        kind: 'results_folded',
        jobId: 'job',
        share: { done: 49n, tally: '{}', figures: null },
        results: [1n],
        absorbed: [],
        segments: [{ start: 1n, covered }],
      },
      { kind: 'job_changed', jobId: 'job', progress: cancelled },
    ]);
    assert.deepEqual(await store.loadActive(), []);
    const stored = await store.findSnapshot('job');
    assert.deepEqual(stored?.job.progress, cancelled);
    assert.deepEqual(stored?.segments, [{ range: { start: 1n, end: 100n }, covered }]);
    assert.equal(stored?.job.done, 49n);
    await store.close();
  });

  void test(`${name}: a transaction is all or nothing`, async (t) => {
    const store = await place(t).open();
    await store.commit([added('one', { seq: 1 })]);
    // The second change repeats a name that must be unique.
    await assert.rejects(store.commit([added('two', { seq: 2 }), added('one', { seq: 3 })]));
    assert.equal(await store.findJob('two'), undefined);
    await store.commit([added('two', { seq: 2 })]);
    assert.ok((await store.findJob('two')) !== undefined);
    await store.close();
  });

  void test(`${name}: no number of a job is journaled twice`, async (t) => {
    const store = await place(t).open();
    await store.commit([added('job'), claimed('job', 1n, 100n), accepted(storedResult('job', 1n, 50n))]);
    await assert.rejects(store.commit([accepted(storedResult('job', 1n, 70n))]));
    assert.deepEqual(await store.progress(['job']), new Map([['job', 49n]]));
    await store.close();
  });

  void test(`${name}: a condition that fails takes its own changes back and no others`, async (t) => {
    const store = await place(t).open();
    const changed = (
      jobId: string,
      revision: number,
      progress: JobProgress,
      more: Change[] = [],
    ): Change => ({
      kind: 'conditional',
      condition: { of: 'revision', jobId, revision },
      changes: [{ kind: 'job_changed', jobId, progress }, ...more],
    });
    await store.commit([added('job'), added('other', { seq: 2 })]);
    const first = await store.commit([changed('job', 0, running, [claimed('job', 1n, 100n)])]);
    assert.equal(first.refused.size, 0);
    assert.equal((await store.findJob('job'))?.revision, 1);
    const late = changed('job', 0, pending, [claimed('job', 1n, 50n)]);
    const { refused } = await store.commit([late, changed('other', 0, running), claimed('other', 1n, 9n)]);
    assert.deepEqual([...refused], [late]);
    const job = await store.findSnapshot('job');
    assert.deepEqual(job?.job.progress, running);
    assert.deepEqual(job?.segments, [{ range: { start: 1n, end: 100n }, covered: [] }]);
    assert.equal(job?.job.revision, 1);
    assert.equal((await store.findJob('other'))?.progress.state, 'running');
    assert.equal((await store.findJob('other'))?.cursor, 9n);
    const gone = await store.commit([changed('nobody', 0, running)]);
    assert.equal(gone.refused.size, 1);
    await store.close();
  });

  void test(`${name}: of two submits with the same key of the same user the first one counts`, async (t) => {
    const store = await place(t).open();
    const submit = (id: string, seq: number, userId: string | null): Change => ({
      kind: 'conditional',
      condition: { of: 'unused_key', userId, key: 'k' },
      changes: [added(id, { seq, userId, idempotency: { key: 'k', digest: id } })],
    });
    const second = submit('two', 2, 'ada');
    const { refused } = await store.commit([submit('one', 1, 'ada'), second, submit('three', 3, 'bob')]);
    assert.deepEqual([...refused], [second]);
    assert.deepEqual(await store.findByIdempotencyKey('ada', 'k'), { jobId: 'one', digest: 'one' });
    assert.deepEqual(await store.findByIdempotencyKey('bob', 'k'), { jobId: 'three', digest: 'three' });
    assert.equal(await store.findJob('two'), undefined);
    await store.close();
  });

  void test(`${name}: a segment is split into pieces that keep what is covered`, async (t) => {
    const store = await place(t).open();
    await store.commit([added('job'), claimed('job', 1n, 100n), claimed('job', 100n, 200n)]);
    const covered = [{ start: 1n, end: 20n }];
    await store.commit([
      {
        kind: 'segment_split',
        jobId: 'job',
        start: 1n,
        pieces: [
          { range: { start: 1n, end: 40n }, covered, owner: null },
          { range: { start: 40n, end: 100n }, covered: [], owner: null },
        ],
      },
    ]);
    const [active] = await store.loadActive();
    assert.deepEqual(ascending(active?.segments ?? []), [
      { range: { start: 1n, end: 40n }, covered },
      { range: { start: 40n, end: 100n }, covered: [] },
      { range: { start: 100n, end: 200n }, covered: [] },
    ]);
    await store.close();
  });

  void test(`${name}: pages are newest first, by time and then id, and don't shift`, async (t) => {
    const store = await place(t).open();
    const times = [5, 5, 9, 1, 5, 7];
    await store.commit(
      times.map((time, i) =>
        added(`job${i}`, { seq: i + 1, createdAt: time, type: i % 2 === 0 ? 'a' : 'b' }),
      ),
    );
    await store.commit([{ kind: 'job_changed', jobId: 'job5', progress: running }]);
    const seen: string[] = [];
    let before: { createdAt: number; id: string } | undefined;
    for (;;) {
      const page = await store.listJobs({ before, limit: 2 });
      const last = page.at(-1);
      if (last === undefined) break;
      seen.push(...page.map(({ record }) => record.id));
      before = { createdAt: last.record.createdAt, id: last.record.id };
      if (seen.length === 2) await store.commit([added('newer', { seq: 50, createdAt: 99 })]);
    }
    assert.deepEqual(seen, ['job2', 'job5', 'job4', 'job1', 'job0', 'job3']);
    const ids = async (page: Parameters<Store['listJobs']>[0]) =>
      (await store.listJobs(page)).map(({ record }) => record.id);
    assert.deepEqual(await ids({ type: 'b', limit: 10 }), ['job5', 'job1', 'job3']);
    assert.deepEqual(await ids({ state: 'running', limit: 10 }), ['job5']);
    assert.deepEqual(await ids({ state: 'running', type: 'a', limit: 10 }), []);
    await store.close();
  });

  void test(`${name}: units per minute add up, events stay in order`, async (t) => {
    const store = await place(t).open();
    const computed = (minute: number, units: number, variant = ''): Change => ({
      kind: 'computed',
      minute,
      type: 'squares',
      variant,
      workerKind: 'cpu',
      units,
    });
    await store.commit([computed(100, 1), computed(100, 2), computed(103, 4), computed(110, 8)]);
    await store.commit([computed(101, 16, 'odd'), computed(100, 32, 'odd')]);
    assert.deepEqual(await store.computed(100, 2, 5), [
      { bucket: 0, type: 'squares', variant: '', workerKind: 'cpu', units: 3 },
      { bucket: 0, type: 'squares', variant: 'odd', workerKind: 'cpu', units: 48 },
      { bucket: 1, type: 'squares', variant: '', workerKind: 'cpu', units: 4 },
    ]);
    await store.commit([
      { kind: 'event', at: 10, event: 'joined', nodeId: 'a' },
      { kind: 'event', at: 20, event: 'restarted', nodeId: null },
      { kind: 'event', at: 30, event: 'left', nodeId: 'a' },
    ]);
    assert.deepEqual(await store.events(15, 10), [
      { at: 20, event: 'restarted', nodeId: null },
      { at: 30, event: 'left', nodeId: 'a' },
    ]);
    assert.deepEqual(await store.events(0, 1), [{ at: 30, event: 'left', nodeId: 'a' }]);
    await store.close();
  });

  void test(`${name}: a user’s jobs are listed, and what is over for long enough is pruned`, async (t) => {
    const store = await place(t).open();
    const over = (finishedAt: number): JobProgress => ({ ...running, state: 'completed', finishedAt });
    await store.commit([
      added('old', { seq: 1, userId: 'ada', createdAt: 1 }),
      added('older', { seq: 2, createdAt: 2 }),
      added('young', { seq: 3, userId: 'ada', createdAt: 3 }),
      claimed('old', 1n, 100n),
      added('runs', { seq: 4, userId: 'ada', createdAt: 4 }),
      { kind: 'job_changed', jobId: 'old', progress: over(100) },
      { kind: 'job_changed', jobId: 'older', progress: over(50) },
      { kind: 'job_changed', jobId: 'young', progress: over(200) },
    ]);
    const ids = async (userId?: string) =>
      (await store.listJobs({ userId, limit: 10 })).map(({ record }) => record.id);
    assert.deepEqual(await ids('ada'), ['runs', 'young', 'old']);
    const { pruned } = await store.commit([{ kind: 'jobs_pruned', finishedBefore: 150, limit: 1 }]);
    assert.deepEqual(pruned, [{ type: 'squares', state: 'completed', jobs: 1 }]);
    assert.deepEqual(await ids(), ['runs', 'young', 'old'], 'the oldest first, no more than asked for');
    await store.commit([{ kind: 'jobs_pruned', finishedBefore: 150, limit: 10 }]);
    assert.deepEqual(await ids(), ['runs', 'young']);
    assert.equal(await store.findSnapshot('old'), undefined);
    assert.equal(await store.nextJobSeq(), 5);
    await store.close();
  });

  void test(`${name}: keys come back, are revoked once and for all, and remember their last use`, async (t) => {
    const at = place(t);
    const store = await at.open();
    const key: StoredKey = {
      id: '0123456789ab',
      user: 'ada',
      role: 'submitter',
      hash: Uint8Array.from({ length: 32 }, (_, i) => i),
      createdAt: 5,
      expiresAt: 10,
      revokedAt: null,
      lastUsedAt: null,
    };
    await store.commit([{ kind: 'key_added', key }]);
    await store.commit([
      { kind: 'key_used', keyId: key.id, at: 9 },
      { kind: 'key_used', keyId: key.id, at: 7 },
      { kind: 'key_revoked', keyId: key.id, at: 20 },
      { kind: 'key_revoked', keyId: key.id, at: 30 },
      { kind: 'key_added', key: { ...key, role: 'admin' } },
    ]);
    await store.close();
    const again = await at.open();
    assert.deepEqual(await again.loadKeys(), [{ ...key, lastUsedAt: 9, revokedAt: 20 }]);
    await again.close();
  });

  void test(`${name}: the audit log grows and is read backwards`, async (t) => {
    const store = await place(t).open();
    const entry = (at: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
      at,
      user: 'ada',
      keyId: '0123456789ab',
      role: 'admin',
      address: '10.0.0.1',
      action: 'job.cancel',
      target: 'job',
      outcome: 'done',
      ...more,
    });
    const stranger = { user: null, keyId: null, role: null, address: null, target: null } as const;
    const entries = [
      entry(1),
      entry(2, { ...stranger, action: 'access.refused', outcome: 'key_needed' }),
      entry(3, { target: 'other' }),
    ];
    await store.commit(entries.map((each) => ({ kind: 'audited', entry: each })));
    const read = async (page: Omit<AuditPage, 'limit'>, limit = 10) =>
      (await store.listAudit({ ...page, limit })).map(({ seq, ...rest }) => [seq, rest] as const);
    const numbered = entries.map((each, i) => [i + 1, each] as const);
    assert.deepEqual(await read({}), numbered.toReversed());
    assert.deepEqual(await read({ before: 3 }, 1), [numbered[1]]);
    assert.deepEqual(await read({ user: 'ada', target: 'job' }), [numbered[0]]);
    assert.deepEqual(await read({ action: 'access.refused' }), [numbered[1]]);
    await store.close();
  });
}
