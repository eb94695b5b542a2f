import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makespanBounds } from './makespan.ts';
import { threadParameters } from './parameters.ts';
import { referenceAggregate } from './reference.ts';
import type { ScheduledThread, TreeThread } from './schedule.ts';
import { growTree, schedule } from './schedule.ts';
import { walkTree } from './tree.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 2000 : 60;

/** Shapes of all kinds whose trees stay small. */
const shapes = fc
  .record({
    max_depth: fc.integer({ min: 0, max: 12 }),
    max_children: fc.integer({ min: 0, max: 4 }),
    spawn_threshold: fc.integer({ min: 0, max: 150 }),
    work_min: fc.integer({ min: 1, max: 5 }),
    work_max: fc.constantFrom(5, 6, 1000, 2 ** 20),
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    max_threads: fc.constant(400),
  })
  .map((body) => threadParameters.parse(body));
const root = fc.nat({ max: 2 ** 32 - 1 });

test(`walkTree and growTree = the reference on any tree (seed ${seed})`, () => {
  fc.assert(
    fc.property(shapes, root, (p, at) => {
      const exact = referenceAggregate(p, { start: BigInt(at), end: BigInt(at) + 1n });
      const tree = walkTree(p, at, p.maxThreads);
      const threads = growTree(p, at);
      assert.equal(tree === undefined, exact.oversize === 1n);
      assert.equal(threads === undefined, exact.oversize === 1n);
      if (tree === undefined || threads === undefined) return;
      assert.equal(BigInt(tree.threads), exact.threads);
      assert.equal(BigInt(tree.work), exact.work);
      assert.equal(BigInt(tree.span), exact.span);
      assert.deepEqual(tree.byDepth.map(BigInt), exact.threadsByDepth);
      assert.equal(threads.length, tree.threads);
      assert.equal(
        threads.reduce((sum, { work }) => sum + work, 0),
        tree.work,
      );
      assert.equal(Math.max(...threads.map(({ start, work }) => start + work)), tree.span);
      // The limit cuts between exactly the size and one less.
      assert.notEqual(walkTree(p, at, tree.threads), undefined);
      assert.equal(walkTree(p, at, tree.threads - 1), undefined);
      assert.notEqual(growTree(p, at, tree.threads), undefined);
      assert.equal(growTree(p, at, tree.threads - 1), undefined);
    }),
    { seed, numRuns },
  );
});

test(`threads are numbered in preorder (seed ${seed})`, () => {
  fc.assert(
    fc.property(shapes, root, (p, at) => {
      const path: TreeThread[] = [];
      for (const [index, thread] of (growTree(p, at) ?? []).entries()) {
        assert.equal(thread.number, index);
        // In preorder the parent is the last thread of the level above, and siblings fork one after another.
        const before = path[thread.depth];
        if (before?.parent === thread.parent) assert.ok(before.offset <= thread.offset);
        assert.equal(thread.parent, path[thread.depth - 1]?.number ?? null);
        path.length = thread.depth;
        path.push(thread);
      }
    }),
    { seed, numRuns },
  );
});

/** The rules of workloads.md read aloud: one tick at a time, no heaps. */
function tickByTick(threads: readonly TreeThread[], processors: number): ScheduledThread[] {
  const started = new Map<number, ScheduledThread>();
  const busy = new Map<number, ScheduledThread>();
  for (let time = 0; started.size < threads.length; time++) {
    for (const [processor, run] of busy) if (run.end === time) busy.delete(processor);
    for (;;) {
      const ready = threads.find((thread) => {
        if (started.has(thread.number)) return false;
        if (thread.parent === null) return true;
        const parent = started.get(thread.parent);
        return parent !== undefined && parent.start + thread.offset <= time;
      });
      const processor = Array.from({ length: processors }, (_, index) => index).find((at) => !busy.has(at));
      if (ready === undefined || processor === undefined) break;
      const parent = ready.parent === null ? undefined : started.get(ready.parent);
      const run = {
        number: ready.number,
        processor,
        ready: (parent?.start ?? 0) + ready.offset,
        start: time,
        end: time + ready.work,
      };
      started.set(run.number, run);
      busy.set(processor, run);
    }
  }
  return [...started.values()].toSorted((a, b) => a.number - b.number);
}

test(`the schedule is the one that the rules give tick by tick (seed ${seed})`, () => {
  const small = shapes.map((p) => ({ ...p, workMax: 5, workMin: Math.min(p.workMin, 5), maxThreads: 60 }));
  fc.assert(
    fc.property(small, root, fc.integer({ min: 1, max: 6 }), (p, at, processors) => {
      const threads = growTree(p, at);
      if (threads === undefined) return;
      assert.deepEqual(schedule(threads, processors).threads, tickByTick(threads, processors));
    }),
    { seed, numRuns },
  );
});

test(`a schedule keeps Graham's bounds: work on one processor, span on unlimited ones (seed ${seed})`, () => {
  fc.assert(
    fc.property(shapes, root, fc.integer({ min: 1, max: 80 }), (p, at, processors) => {
      const threads = growTree(p, at);
      const tree = walkTree(p, at, p.maxThreads);
      if (threads === undefined || tree === undefined) return;
      assert.equal(schedule(threads, 1).makespan, tree.work);
      assert.equal(schedule(threads, Infinity).makespan, tree.span);
      const { lower, upper } = makespanBounds(BigInt(tree.work), BigInt(tree.span), processors);
      const makespan = BigInt(schedule(threads, processors).makespan);
      assert.ok(lower <= makespan && makespan <= upper, `${lower} <= ${makespan} <= ${upper}`);
    }),
    { seed, numRuns },
  );
});

test('the largest tree of the default job has the known figures', () => {
  const p = threadParameters.parse({});
  assert.equal(growTree(p, 816)?.length, 204);
  assert.equal(walkTree(p, 768, p.maxThreads)?.work, 108082);
  assert.equal(walkTree(p, 642, p.maxThreads)?.span, 5332);
});
