/** The Threads page without its pictures: layout, joins, log, clock, address, fields. Properties over random shapes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { growTree } from '../../shaders/thread-sim/schedule.ts';
import { walkTree } from '../../shaders/thread-sim/tree.ts';
import {
  DEFAULT_CHOICE,
  PROCESSOR_COUNTS,
  SMALL_PROCESSORS,
  readAddress,
  writeAddress,
} from '../../client/browser/threads/address.ts';
import { advance, countUpTo, momentAt } from '../../client/browser/threads/clock.ts';
import {
  axisTicks,
  depthColour,
  joinOf,
  laneLayout,
  rowMiddle,
  threadInLane,
  threadInTree,
  treeLayout,
} from '../../client/browser/threads/layout.ts';
import { laneTotals } from '../../client/browser/threads/lane-totals.ts';
import { entriesUpTo, logEntry } from '../../client/browser/threads/log.ts';
import type { Choice, FieldName, Shape } from '../../client/browser/threads/shape.ts';
import {
  FIELDS,
  FIELD_NAMES,
  draftOf,
  readDraft,
  treeParameters,
} from '../../client/browser/threads/shape.ts';
import { DRAWN_THREADS, Simulator, programOf, runOf } from '../../client/browser/threads/simulation.ts';
import { childrenOf, threadFacts } from '../../client/browser/threads/thread-words.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void, numRuns = 150) =>
  fc.assert(fc.property(arbitrary, property), { seed, numRuns });

const number = (name: FieldName) =>
  fc.integer({ min: Number(FIELDS[name].min), max: Number(FIELDS[name].max) });
const choices: fc.Arbitrary<Choice> = fc
  .record({
    root: number('root'),
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    maxDepth: number('maxDepth'),
    maxChildren: number('maxChildren'),
    spawnThreshold: number('spawnThreshold'),
    works: fc.tuple(number('workMin'), number('workMin')),
    maxThreads: number('maxThreads'),
  })
  .map(({ root, works, ...shape }) => ({
    root,
    shape: { ...shape, workMin: Math.min(...works), workMax: Math.max(...works) },
  }));

/** Trees of at most two thousand threads, drawn on some number of processors. */
const small = fc
  .record({ choice: choices, processors: fc.constantFrom(...PROCESSOR_COUNTS) })
  .map(({ choice: { root, shape }, processors }) => {
    const parameters = { ...treeParameters(shape), maxDepth: Math.min(shape.maxDepth, 7) };
    const tree = growTree(parameters, root, 2000) ?? growTree({ ...parameters, maxDepth: 2 }, root, 2000);
    assert.ok(tree !== undefined);
    return { program: programOf(tree), run: runOf(tree, processors) };
  });

test(`totals are those that the cluster's answers are checked with (seed ${seed})`, () => {
  check(choices, ({ shape, root }) => {
    const limit = 3000;
    const tree = growTree(treeParameters(shape), root, limit);
    const totals = walkTree(treeParameters(shape), root, limit);
    if (tree === undefined) return assert.equal(totals, undefined);
    const { threads, work, span, byDepth } = programOf(tree);
    assert.deepEqual({ threads, work, span, byDepth }, totals);
  });
});

test(`rows, forks and joins lie within the picture, and joins enclose those below (seed ${seed})`, () => {
  check(small, ({ program }) => {
    const layout = treeLayout(program, { least: 300, most: 560 });
    assert.ok(layout.height <= 560 && layout.thickness > 0);
    for (let thread = 0; thread < program.threads; thread++) {
      const row = rowMiddle(layout, thread);
      assert.ok(row > 0 && row < layout.height);
      const end = (program.start[thread] ?? 0) + (program.ticks[thread] ?? 0);
      assert.ok((program.joined[thread] ?? 0) >= end && end <= program.span);
      const join = joinOf(program, layout, thread);
      assert.equal(join === undefined, program.children[thread] === 0);
      if (join === undefined) continue;
      assert.ok(join.top === row && join.bottom > row && join.shift >= 0 && join.shift <= 10);
      const children = childrenOf(program, thread);
      assert.equal(children.length, program.children[thread]);
      assert.equal(join.time, Math.max(end, ...children.map((child) => program.joined[child] ?? 0)));
      for (const child of children) {
        const inner = joinOf(program, layout, child);
        if (inner === undefined) continue;
        assert.ok(inner.time <= join.time && inner.top > join.top);
        // Brackets of one time stand beside each other, the outer one outside.
        assert.ok(inner.time < join.time || inner.shift < join.shift);
      }
    }
    assert.equal(program.joined[0], program.span);
  });
});

test(`the chain goes from the root to the last end, each the parent of the next (seed ${seed})`, () => {
  check(small, ({ program: { chain, parent, start, ticks, span } }) => {
    assert.equal(chain[0], 0);
    for (let index = 1; index < chain.length; index++)
      assert.equal(parent[chain[index] ?? 0], chain[index - 1]);
    const last = chain.at(-1) ?? 0;
    assert.equal((start[last] ?? 0) + (ticks[last] ?? 0), span);
  });
});

test(`a pointer on a mark finds its thread, and one in an idle gap finds none (seed ${seed})`, () => {
  check(small, ({ program, run }) => {
    const layout = treeLayout(program, { least: 300, most: 560 });
    const tick = 1;
    const thread = program.threads >> 1;
    const middle = (program.start[thread] ?? 0) + (program.ticks[thread] ?? 0) / 2;
    const found = threadInTree(program, layout, middle, rowMiddle(layout, thread), tick);
    assert.equal(found, thread);
    const lane = run.processor[thread] ?? 0;
    const inLane = threadInLane(run, lane, ((run.begin[thread] ?? 0) + (run.end[thread] ?? 0)) / 2, tick);
    assert.ok(inLane !== undefined && run.processor[inLane] === lane);
    assert.equal(threadInLane(run, lane, run.makespan + 100, tick), undefined);
    const { laneHeight, height, gap } = laneLayout(run.lanes, { least: 164, most: 320 });
    assert.ok(gap < laneHeight && Math.abs(laneHeight * run.lanes - height) < 1e-6 && height <= 320);
  });
});

test(`every fork and every end is in the log once, in order; ends come first (seed ${seed})`, () => {
  check(small, ({ program, run }) => {
    const { times } = run.log;
    assert.equal(times.length, 2 * program.threads - 1);
    const seen = { forked: new Set<number>(), ended: new Set<number>() };
    for (let index = 0; index < times.length; index++) {
      const entry = logEntry(run.log, index);
      assert.ok(entry !== undefined);
      seen[entry.kind].add(entry.thread);
      const exact = entry.kind === 'forked' ? run.ready[entry.thread] : run.end[entry.thread];
      assert.equal(entry.time, exact);
      const before = logEntry(run.log, index - 1);
      if (before === undefined) continue;
      assert.ok(before.time <= entry.time);
      if (before.time === entry.time) assert.ok(!(before.kind === 'forked' && entry.kind === 'ended'));
    }
    assert.deepEqual([seen.forked.size, seen.ended.size], [program.threads - 1, program.threads]);
    assert.equal(entriesUpTo(run.log, run.makespan), times.length);
    assert.equal(logEntry(run.log, times.length), undefined);
  });
});

test(`the clock: what runs, has begun and ended, at any time (seed ${seed})`, () => {
  check(fc.tuple(small, fc.double({ min: 0, max: 1, noNaN: true })), ([{ program, run }, share]) => {
    const time = Math.floor(share * run.makespan);
    const threads = Array.from({ length: program.threads }, (_, thread) => threadFacts(program, run, thread));
    const begun = threads.filter(({ begin }) => begin <= time);
    const ended = threads.filter(({ end }) => end <= time);
    const moment = momentAt(run, time);
    assert.equal(moment.begun, begun.length);
    assert.equal(moment.ended, ended.length);
    assert.equal(moment.active, threads.filter(({ begin, end }) => begin <= time && time < end).length);
    assert.ok(moment.active <= run.lanes);
    assert.equal(
      moment.deepest,
      begun.reduce((most, { depth }) => Math.max(most, depth), 0),
    );
    assert.ok(moment.rate >= 0 && Number.isFinite(moment.rate));
    const over = momentAt(run, run.makespan);
    assert.deepEqual([over.active, over.ended], [0, program.threads]);
  });
});

test(`what the processors did adds up to the work (seed ${seed})`, () => {
  check(small, ({ program, run }) => {
    const totals = laneTotals(run);
    assert.equal(totals.length, run.lanes);
    assert.equal(
      totals.reduce((sum, { busy }) => sum + busy, 0),
      program.work,
    );
    assert.equal(
      totals.reduce((sum, { threads }) => sum + threads, 0),
      program.threads,
    );
    assert.ok(totals.every(({ busy, threads }) => busy <= run.makespan && threads > 0));
  });
});

test('the clock takes twenty seconds, whatever the run, and stops at its end', () => {
  assert.equal(advance(0, 10_000, 1, 8000), 4000);
  assert.equal(advance(0, 10_000, 4, 8000), 8000);
  assert.equal(advance(7999, 60_000, 1, 8000), 8000);
});

test(`counting in sorted values equals looking at each (seed ${seed})`, () => {
  check(fc.tuple(fc.array(fc.nat(50)), fc.integer({ min: -1, max: 51 })), ([values, limit]) => {
    const sorted = Float64Array.from(values).sort();
    assert.equal(countUpTo(sorted, limit), values.filter((value) => value <= limit).length);
  });
});

test(`an address gives back what it was written from (seed ${seed})`, () => {
  const shown = fc.record({
    choice: choices,
    processors: fc.constantFrom(...PROCESSOR_COUNTS),
    thread: fc.option(fc.nat(99_999), { nil: undefined }),
    usual: fc.constantFrom(16, SMALL_PROCESSORS),
  });
  check(shown, ({ choice, processors, thread, usual }) => {
    const address = writeAddress({ ...choice, processors, thread }, usual);
    assert.deepEqual(readAddress(address, usual), { ...choice, processors, thread, job: undefined });
  });
});

test('the address of a first visit is empty, and what no address can mean is left out', () => {
  const first = { ...DEFAULT_CHOICE, processors: 16, thread: undefined };
  assert.equal(writeAddress(first), '');
  assert.deepEqual(readAddress(''), { ...first, job: undefined });
  assert.deepEqual(
    readAddress('?root=-1&seed=<b>&depth=99&p=3&thread=0&work_min=x&job=../../etc&chances=1e9&utm=1'),
    { ...first, job: undefined },
  );
  assert.equal(readAddress('?p=∞').processors, Infinity);
  assert.equal(readAddress('', SMALL_PROCESSORS).processors, 8);
  assert.equal(readAddress('?job=0mwr-abc&root=7').job, '0mwr-abc');
  assert.equal(readAddress('?seed=2^63').shape.seed, 2n ** 63n);
  // Each fits by itself, both together do not.
  assert.deepEqual(readAddress('?work_min=500&work_max=20').shape, DEFAULT_CHOICE.shape);
});

test('every field says what to enter, and takes its limits and common ways to write numbers', () => {
  for (const name of FIELD_NAMES) {
    const { min, max } = FIELDS[name];
    const wide: Shape = { ...DEFAULT_CHOICE.shape, workMin: 1, workMax: 2 ** 20 };
    const draft = draftOf({ shape: wide, root: 0 });
    for (const wrong of [
      '',
      ' ',
      'x',
      '-1',
      '1.5',
      '<b>1</b>',
      String(max + 1n),
      ...(min > 0n ? ['0'] : []),
    ]) {
      const read = readDraft({ ...draft, [name]: wrong });
      assert.ok('problems' in read, `${name}: ${wrong}`);
      assert.deepEqual(Object.keys(read.problems), [name]);
      assert.match(read.problems[name] ?? '', /^Enter a whole number from .+ to .+\.$/);
    }
    for (const right of [min, max])
      assert.ok('choice' in readDraft({ ...draft, [name]: String(right) }), name);
  }
  const read = readDraft({ ...draftOf(DEFAULT_CHOICE), root: '1 000', seed: '2^64-1', workMax: '1e3' });
  assert.ok('choice' in read);
  assert.deepEqual(
    [read.choice.root, read.choice.shape.seed, read.choice.shape.workMax],
    [1000, 2n ** 64n - 1n, 1000],
  );
  const crossed = readDraft({ ...draftOf(DEFAULT_CHOICE), workMin: '1001' });
  assert.ok('problems' in crossed);
  assert.deepEqual(Object.keys(crossed.problems).toSorted(), ['workMax', 'workMin']);
});

test(`axis values are round, start at 0 and end before the end (seed ${seed})`, () => {
  check(fc.tuple(fc.integer({ min: 1, max: 2 ** 36 }), fc.integer({ min: 1, max: 12 })), ([end, most]) => {
    const ticks = axisTicks(end, most);
    assert.ok(ticks[0] === 0 && (ticks.at(-1) ?? 0) <= end && ticks.length <= most + 1);
    assert.ok(ticks.every((value) => Number.isInteger(value)));
  });
});

test('eleven colours serve any depth, in order', () => {
  assert.deepEqual(
    [0, 3, 10].map((depth) => depthColour(depth, 10)),
    [0, 3, 10],
  );
  const deep = Array.from({ length: 33 }, (_, depth) => depthColour(depth, 32));
  assert.deepEqual([deep[0], deep[32], Math.max(...deep)], [0, 10, 10]);
  assert.ok(deep.every((colour, depth) => depth === 0 || colour >= (deep[depth - 1] ?? 0)));
});

test('a tree too large for a picture is counted; one past any limit is not even that', () => {
  const threads = (4 ** 10 - 1) / 3;
  const simulator = new Simulator(threads);
  const shape: Shape = { ...DEFAULT_CHOICE.shape, maxChildren: 4, spawnThreshold: 256, maxDepth: 9 };
  assert.ok(threads > DRAWN_THREADS);
  const counted = simulator.reply({ id: 1, shape, root: 0, processors: 8 });
  assert.ok(counted.kind === 'counted' && counted.totals?.threads === threads);
  const endless = simulator.reply({ id: 2, shape: { ...shape, maxDepth: 12 }, root: 0, processors: 8 });
  assert.ok(endless.kind === 'counted' && endless.totals === undefined);
  const drawn = simulator.reply({ id: 3, shape: { ...shape, maxDepth: 7 }, root: 0, processors: 64 });
  assert.ok(drawn.kind === 'drawn' && drawn.program.threads === (4 ** 8 - 1) / 3 && drawn.run.lanes === 64);
});
