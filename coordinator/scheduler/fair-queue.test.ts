import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Priority } from '../../protocol/http.ts';
import { FairQueue } from './fair-queue.ts';
import type { Queued } from './fair-queue.ts';
import type { Demand, WorkerFacts } from './placement.ts';

interface TestJob extends Queued {
  ready: boolean;
  readonly name: string;
}

const anywhere: Demand = { type: 'squares', workloadVersion: 1, gpuPreferred: false, placement: {} };
const worker: WorkerFacts = {
  nodeId: 'one',
  own: true,
  kind: 'cpu',
  gpuMemoryMb: null,
  tags: new Set(),
  workloads: new Set(['squares@1']),
  priority: 0,
};

let seq = 0;
function job(
  name: string,
  priority: Priority = 'normal',
  demand: Demand = anywhere,
  user: string | null = null,
): TestJob {
  seq += 1;
  return { name, user, priority, demand, seq, ready: true };
}

function queueOf(jobs: readonly TestJob[]) {
  const queue = new FairQueue<TestJob>();
  for (const each of jobs) queue.add(each);
  const eligible = { seen: 0, groups: [] };
  const pick = (skips: (job: TestJob) => boolean = () => false): TestJob | undefined =>
    queue.pick(worker, eligible, () => true, skips);
  return { queue, pick };
}

function grants({ queue, pick }: ReturnType<typeof queueOf>, turns: number, ms = 1000): Map<string, number> {
  const granted = new Map<string, number>();
  for (let i = 0; i < turns; i++) {
    const chosen = pick();
    if (chosen === undefined) break;
    queue.charge(chosen, ms);
    granted.set(chosen.name, (granted.get(chosen.name) ?? 0) + 1);
  }
  return granted;
}

test('priorities share compute time 1 : 4 : 16', () => {
  const granted = grants(queueOf([job('l', 'low'), job('n', 'normal'), job('h', 'high')]), 2100);
  assert.ok(Math.abs((granted.get('l') ?? 0) - 100) <= 2);
  assert.ok(Math.abs((granted.get('n') ?? 0) - 400) <= 2);
  assert.ok(Math.abs((granted.get('h') ?? 0) - 1600) <= 2);
});

test('the low ones get all when nobody else wants any, and don’t pay for it later', () => {
  const low = job('l', 'low');
  const started = queueOf([low]);
  assert.equal(grants(started, 1000).get('l'), 1000);
  started.queue.add(job('h', 'high'));
  const granted = grants(started, 170);
  assert.ok(Math.abs((granted.get('l') ?? 0) - 10) <= 2, `low got ${granted.get('l')} of 170`);
});

test('first come, first served, but a long first job does not shut out the others', () => {
  const granted = grants(queueOf([job('first'), job('second'), job('third')]), 400);
  assert.equal(granted.get('first'), 300);
  assert.equal((granted.get('second') ?? 0) + (granted.get('third') ?? 0), 100);
  assert.ok((granted.get('third') ?? 0) >= 49);
});

test('jobs that are not ready, skipped or gone are passed over, and come back', () => {
  const [a, b, c] = [job('a'), job('b'), job('c')];
  const { queue, pick } = queueOf([a, b, c]);
  assert.equal(pick()?.name, 'a');
  assert.equal(pick((each) => each === a)?.name, 'b');
  assert.equal(pick()?.name, 'a', 'a skipped job stays first for others');
  a.ready = false;
  queue.refresh(a);
  queue.refresh(a);
  assert.equal(pick()?.name, 'b');
  queue.remove(b);
  assert.equal(pick()?.name, 'c');
  a.ready = true;
  queue.refresh(a);
  assert.equal(pick()?.name, 'a');
  queue.remove(a);
  queue.remove(c);
  assert.equal(pick(), undefined);
  assert.equal(queue.readyJobs, 0);
  assert.deepEqual([...queue.groups], []);
});

test('a job that ends while it is not ready leaves the others of its class served', () => {
  const [ends, stays] = [job('ends'), job('stays')];
  const { queue, pick } = queueOf([ends, stays]);
  ends.ready = false;
  queue.refresh(ends);
  queue.remove(ends);
  assert.equal(queue.readyJobs, 1);
  assert.equal(pick()?.name, 'stays');
});

test('a worker gets only what it can run, and later jobs of its kind are found', () => {
  const gpuOnly: Demand = { ...anywhere, placement: { require_gpu: true } };
  const { queue, pick } = queueOf([job('gpu', 'high', gpuOnly)]);
  assert.equal(pick(), undefined);
  queue.add(job('cpu', 'low'));
  assert.equal(pick()?.name, 'cpu');
});

test('users share compute time equally, whatever the number and priority of their jobs', () => {
  const flood = Array.from({ length: 10_000 }, () => job('flood', 'high', anywhere, 'ada'));
  const few = [job('bob', 'low', anywhere, 'bob'), job('nobody', 'normal', anywhere, null)];
  const granted = grants(queueOf([...flood, ...few]), 3000);
  assert.deepEqual(Object.fromEntries(granted), { flood: 1000, bob: 1000, nobody: 1000 });
});

test('equal shares are of time, not of grants', () => {
  const { queue, pick } = queueOf([
    job('long', 'normal', anywhere, 'ada'),
    job('short', 'normal', anywhere, 'bob'),
  ]);
  const ms = new Map<string, number>();
  for (let i = 0; i < 1100; i++) {
    const chosen = pick();
    assert.ok(chosen !== undefined);
    const took = chosen.name === 'long' ? 10_000 : 1000;
    queue.charge(chosen, took);
    ms.set(chosen.name, (ms.get(chosen.name) ?? 0) + took);
  }
  assert.ok(Math.abs((ms.get('long') ?? 0) - (ms.get('short') ?? 0)) <= 10_000);
});

test('who arrives or returns is served next, before a flood that was there for long', () => {
  const started = queueOf(Array.from({ length: 100 }, () => job('flood', 'high', anywhere, 'ada')));
  grants(started, 500);
  const bobs = job('bob', 'low', anywhere, 'bob');
  started.queue.add(bobs);
  assert.equal(started.pick()?.name, 'bob');
  started.queue.charge(bobs, 1000);
  assert.equal(started.pick()?.name, 'flood', 'and gets no more than its share for it');
  bobs.ready = false;
  started.queue.refresh(bobs);
  grants(started, 500);
  bobs.ready = true;
  started.queue.refresh(bobs);
  assert.equal(started.pick()?.name, 'bob');
});

test('one tiny job after the other is no way to more than a share', () => {
  const { queue, pick } = queueOf([job('steady', 'normal', anywhere, 'ada')]);
  let served = 0;
  let mine = job('tiny', 'normal', anywhere, 'bob');
  queue.add(mine);
  for (let i = 0; i < 1000; i++) {
    const chosen = pick();
    assert.ok(chosen !== undefined);
    queue.charge(chosen, 1000);
    if (chosen !== mine) continue;
    served += 1;
    queue.remove(mine);
    mine = job('tiny', 'normal', anywhere, 'bob');
    queue.add(mine);
  }
  assert.ok(Math.abs(served - 500) <= 1, `${served} of 1000`);
});

test('a user whose jobs a worker can’t take is passed over, and gets back at most a minute of it', () => {
  const gpuOnly: Demand = { ...anywhere, placement: { require_gpu: true } };
  const { queue, pick } = queueOf([job('gpu', 'high', gpuOnly, 'ada'), job('cpu', 'low', anywhere, 'bob')]);
  grants({ queue, pick }, 1000);
  const gpu: WorkerFacts = { ...worker, nodeId: 'gpu', kind: 'node-gpu' };
  const eligible = { seen: 0, groups: [] };
  const granted = new Map<string, number>();
  for (let i = 0; i < 200; i++) {
    const chosen = queue.pick(
      gpu,
      eligible,
      () => true,
      () => false,
    );
    assert.ok(chosen !== undefined);
    queue.charge(chosen, 1000);
    granted.set(chosen.name, (granted.get(chosen.name) ?? 0) + 1);
  }
  assert.ok(Math.abs((granted.get('gpu') ?? 0) - 130) <= 2, `${granted.get('gpu')} of 200`);
});

test('of the requests that wait for a claim, only a user’s share waits', () => {
  const { queue, pick } = queueOf([job('a', 'normal', anywhere, 'ada'), job('b', 'normal', anywhere, 'bob')]);
  const waiting = Array.from({ length: 1000 }, () => {
    const chosen = pick();
    assert.ok(chosen !== undefined);
    return { name: chosen.name, undo: queue.reserve(chosen, 1000) };
  });
  assert.equal(waiting.filter(({ name }) => name === 'a').length, 500);
  for (const { undo } of waiting) undo();
  assert.equal(grants({ queue, pick }, 100).get('a'), 50);
});

test('users that are gone are forgotten', () => {
  const { queue, pick } = queueOf([job('stays', 'normal', anywhere, 'ada')]);
  for (let i = 0; i < 5000; i++) {
    const passing = job('passing', 'normal', anywhere, `user ${i}`);
    queue.add(passing);
    grants({ queue, pick }, 2);
    queue.remove(passing);
  }
  assert.ok(queue.users <= 200, `${queue.users} are remembered`);
});

/** Median time of one pick, in microseconds, over rounds that grant and refresh like the core does. */
function pickMicroseconds(jobs: number, demands: number, users = 1): number {
  const started = queueOf(
    Array.from({ length: jobs }, (_, i) =>
      job(
        `job ${i}`,
        'normal',
        { ...anywhere, placement: i % demands === 0 ? {} : { tags: [`t${i % demands}`] } },
        `user ${i % users}`,
      ),
    ),
  );
  grants(started, 100);
  const times: number[] = [];
  for (let round = 0; round < 50; round++) {
    const startedAt = performance.now();
    grants(started, 20);
    times.push(((performance.now() - startedAt) / 20) * 1000);
  }
  return times.toSorted((a, b) => a - b)[25] ?? 0;
}

test('ten thousand waiting jobs cost a pick no more than ten, up to a small factor', (t) => {
  pickMicroseconds(1000, 10);
  const few = pickMicroseconds(10, 1);
  const many = pickMicroseconds(10_000, 1);
  const varied = pickMicroseconds(10_000, 100);
  const users = pickMicroseconds(10_000, 1, 1000);
  t.diagnostic(
    `one pick and charge: 10 jobs ${few.toFixed(1)} µs, 10,000 jobs ${many.toFixed(1)} µs, ` +
      `10,000 jobs of 100 demands ${varied.toFixed(1)} µs, of 1000 users ${users.toFixed(1)} µs`,
  );
  // A scan of 10,000 jobs would take a thousand times as long; noise of a busy machine does not reach this.
  assert.ok(many < few * 50 + 200, `${many} µs against ${few} µs`);
  assert.ok(varied < few * 50 + 200, `${varied} µs against ${few} µs`);
  assert.ok(users < few * 50 + 200, `${users} µs against ${few} µs`);
});
