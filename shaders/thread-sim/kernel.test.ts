/** The CPU kernel at the edges of the definition, and how the words of both kernels are read. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../protocol/range.ts';
import { KernelFault } from '../../protocol/workload.ts';
import { KERNEL_FOLDER, buildKernels } from '../../scripts/build-kernels.ts';
import { CpuProgram } from '../lib/cpu-kernel.ts';
import type { Aggregate } from './aggregate.ts';
import { DEFERRED_CAPACITY, GPU_OUTPUT_WORDS, HEAD_WORDS, tileLengths } from './kernel-words.ts';
import type { ThreadParameters } from './parameters.ts';
import { threadParameters } from './parameters.ts';
import { threadWorkload as workload } from './workload.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const full = process.env['TEST_FULL'] === '1';

await buildKernels();
const wasm = readFileSync(join(KERNEL_FOLDER, workload.kernels(threadParameters.parse({})).cpu.module));

async function words(p: ThreadParameters, range: Range): Promise<Uint32Array> {
  return (await CpuProgram.load(wasm, workload.parameterWords(p))).run(range);
}

async function compute(body: object, range?: Range): Promise<Aggregate> {
  const p = threadParameters.parse(body);
  const whole = range ?? workload.range(p);
  const a = workload.decodeCpu(p, whole, await words(p, whole));
  assert.deepEqual(workload.check(p, whole, a), []);
  return a;
}

const first = (count: number): Range => ({ start: 0n, end: BigInt(count) });

/** The first known answer of workloads.md, for the default parameters. */
const DEFAULTS = {
  threads: '42336',
  work: '21423666',
  span: '2811259',
  deepest: 10,
  threads_by_depth: [1000, 1259, 1566, 1974, 2443, 3129, 3830, 4761, 5902, 7359, 9113].map(String),
  size_histogram: [130, 106, 64, 58, 138, 235, 224, 45].map(String),
  max_threads: { root: 816, threads: 204 },
  max_work: { root: 768, work: 108082 },
  max_span: { root: 642, span: 5332 },
};
/** The second: 20000 roots of three children to depth 14. */
const THREE_CHILDREN = {
  thread_count: 20000,
  max_depth: 14,
  max_children: 3,
  spawn_threshold: 120,
  seed: 42,
};

function bounds(result: Record<string, unknown>, field: string, processors: number): unknown {
  const rows = result[field];
  assert.ok(Array.isArray(rows));
  return rows[Math.log2(processors)];
}

function assertDefaults(a: Aggregate): void {
  const result = workload.result(threadParameters.parse({}), a);
  const { makespan_alone: _alone, makespan_together: _together, roots, oversize, ...rest } = result;
  assert.deepEqual(rest, DEFAULTS);
  assert.deepEqual([roots, oversize], [1000, 0]);
  const alone = { processors: 8, lower: '3433823', upper: '5137445' };
  assert.deepEqual(bounds(result, 'makespan_alone', 8), alone);
  const together = { processors: 8, lower: '2677959', upper: '2682623' };
  assert.deepEqual(bounds(result, 'makespan_together', 8), together);
}

function assertThreeChildren(a: Aggregate): void {
  const result = workload.result(threadParameters.parse(THREE_CHILDREN), a);
  assert.deepEqual(
    [result['threads'], result['work'], result['span']],
    ['8253976', '4167224868', '82123457'],
  );
  assert.deepEqual(result['max_threads'], { root: 16652, threads: 3610 });
  assert.deepEqual(result['max_span'], { root: 9290, span: 7679 });
  const alone = { processors: 64, lower: '95222397', upper: '145944856' };
  assert.deepEqual(bounds(result, 'makespan_alone', 64), alone);
  const together = { processors: 64, lower: '65112889', upper: '65120447' };
  assert.deepEqual(bounds(result, 'makespan_together', 64), together);
}

test('the known answer for the defaults: kernel', async () => assertDefaults(await compute({})));

test('the known answer for the defaults: reference', () => {
  const p = threadParameters.parse({});
  assertDefaults(workload.reference(p, workload.range(p)));
});

test('the known answer for 20000 roots of three children: kernel', async () =>
  assertThreeChildren(await compute(THREE_CHILDREN)));

const slow = full ? {} : { skip: '8 million threads take the reference a minute: npm run test:full' };
test('the known answer for 20000 roots of three children: reference', slow, () => {
  const p = threadParameters.parse(THREE_CHILDREN);
  assertThreeChildren(workload.reference(p, workload.range(p)));
});

test(`kernel = reference for any parameters (seed ${seed})`, async () => {
  const bodies = fc.record({
    thread_count: fc.constant(2 ** 32),
    max_depth: fc.integer({ min: 0, max: 32 }),
    max_children: fc.integer({ min: 0, max: 4 }),
    spawn_threshold: fc.integer({ min: 0, max: 256 }),
    work_min: fc.constantFrom(1, 2, 10, 2 ** 19),
    work_max: fc.constantFrom(2 ** 19, 2 ** 19 + 1, 2 ** 20 - 1, 2 ** 20),
    max_threads: fc.integer({ min: 1, max: 200 }),
    seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  });
  const property = fc.asyncProperty(bodies, fc.nat({ max: 2 ** 32 - 5 }), async (body, start) => {
    const range = { start: BigInt(start), end: BigInt(start) + 4n };
    const exact = workload.reference(threadParameters.parse(body), range);
    assert.deepEqual(await compute(body, range), exact);
  });
  await fc.assert(property, { seed, numRuns: full ? 5000 : 150 });
});

test('a chain of constant work: each thread forks halfway', async () => {
  const work = 1001;
  const a = await compute({
    ...{ thread_count: 100, max_depth: 32, max_children: 1, spawn_threshold: 256 },
    ...{ work_min: work, work_max: work },
  });
  const span = BigInt(32 * Math.floor(work / 2) + work);
  assert.deepEqual(a.threadsByDepth, new Array<bigint>(33).fill(100n));
  assert.equal(a.span, 100n * span);
  assert.deepEqual(a.maxSpan, { root: 0, value: span });
});

test('trees of one thread: no chance, no luck, no depth, no room', async () => {
  for (const body of [
    { max_children: 0, spawn_threshold: 256 },
    { max_children: 4, spawn_threshold: 0 },
    { max_children: 4, spawn_threshold: 256, max_depth: 0 },
  ]) {
    const a = await compute(body);
    assert.deepEqual([a.threads, a.threadsByDepth, a.sizeHistogram], [1000n, [1000n], [1000n]]);
    assert.equal(a.span, a.work);
    assert.ok(a.makespanAlone.every(({ lower, upper }) => lower === a.work && upper === a.work));
  }
  const { oversize, threads } = await compute({ max_threads: 1 });
  assert.ok(oversize > 800n && oversize < 1000n && threads === 1000n - oversize);
});

test('a tree of exactly max_threads counts; with one thread more it is oversize and leaves nothing', async () => {
  const body = { thread_count: 7, max_depth: 6, max_children: 4, spawn_threshold: 256 };
  const threads = (4 ** 7 - 1) / 3;
  const all = await compute({ ...body, max_threads: threads });
  assert.deepEqual([all.oversize, all.threads], [0n, BigInt(7 * threads)]);
  const none = await compute({ ...body, max_threads: threads - 1 });
  assert.deepEqual(none, { ...workload.empty(threadParameters.parse(body)), roots: 7n, oversize: 7n });
});

test('the largest work there is: sums past 2^42 are exact', async () => {
  const work = 2 ** 20;
  const a = await compute({
    ...{ thread_count: 3, max_depth: 11, max_children: 4, spawn_threshold: 256, max_threads: 2 ** 24 },
    ...{ work_min: work, work_max: work },
  });
  const threads = (4n ** 12n - 1n) / 3n;
  assert.deepEqual([a.threads, a.work], [3n * threads, 3n * threads * 2n ** 20n]);
  assert.equal(a.span, 3n * BigInt(11 * Math.floor((work * 4) / 5) + work));
  assert.deepEqual(a.maxWork, { root: 0, value: threads * 2n ** 20n });
});

test('every root up to 2^32 - 1 has its own tree', async () => {
  const body = { thread_count: 2 ** 32, seed: '18446744073709551615' };
  const last = { start: 2n ** 32n - 20n, end: 2n ** 32n };
  assert.deepEqual(await compute(body, last), workload.reference(threadParameters.parse(body), last));
});

test('tiles hold about 2^15 to 2^20 threads', () => {
  const limits = (body: object) => tileLengths(threadParameters.parse(body));
  assert.deepEqual(limits({ max_children: 0 }), { min: 2 ** 15, max: 2 ** 16 });
  assert.deepEqual(limits({ max_children: 4, spawn_threshold: 256, max_threads: 2 ** 24 }), {
    min: 1,
    max: 1,
  });
  const { min, max } = limits({});
  assert.ok(min > 500 && min < 1000 && max > 20_000 && max < 30_000);
});

/** GPU words that say the same as CPU words, with no tree left over. */
function asGpu(cpuWords: Uint32Array): Uint32Array {
  const gpuWords = new Uint32Array(GPU_OUTPUT_WORDS);
  gpuWords.set(cpuWords);
  return gpuWords;
}

test('GPU words: deferred trees become claims, neighbours joined, and extend to the exact whole', async () => {
  const p = threadParameters.parse({});
  const exact = async (range: Range) => workload.decodeCpu(p, range, await words(p, range));
  // As if the GPU had left roots 0, 1, 2 and 6 of [0, 7) to the CPU.
  const range = first(7);
  const middle = { start: 3n, end: 6n };
  const gpuWords = asGpu(await words(p, middle));
  // Maxima are told as offsets in the piece, and this piece starts three roots earlier.
  for (const index of [170, 173, 176]) gpuWords[index] = (gpuWords[index] ?? 0) + 3;
  gpuWords.set([4, 0, 1, 2, 6], HEAD_WORDS);
  const tile = workload.decodeGpu(p, range, gpuWords);
  assert.ok(tile !== undefined);
  const claims = workload.claims(p, workload.empty(p), tile);
  assert.deepEqual(claims, [first(3), { start: 6n, end: 7n }]);
  const answers = await Promise.all(claims.map(exact));
  const batch = await exact({ start: 100n, end: 120n });
  const expected = workload.fold(p, batch, await exact(range));
  assert.deepEqual(workload.extend(p, batch, tile, answers), expected);
});

test('GPU words: too many deferred trees hand the whole tile back', () => {
  const p = threadParameters.parse({});
  const gpuWords = new Uint32Array(GPU_OUTPUT_WORDS);
  gpuWords[HEAD_WORDS] = DEFERRED_CAPACITY + 1;
  assert.equal(workload.decodeGpu(p, first(500), gpuWords), undefined);
});

test('GPU words that no run can give are a fault', async () => {
  const p = threadParameters.parse({});
  const range = first(50);
  const good = asGpu(await words(p, range));
  assert.ok(workload.decodeGpu(p, range, good) !== undefined);
  const faults = (change: (bad: Uint32Array) => void, what: string) => {
    const bad = good.slice();
    change(bad);
    assert.throws(() => workload.decodeGpu(p, range, bad), KernelFault, what);
  };
  faults((bad) => bad.fill(0), 'silent zeros');
  faults((bad) => bad.fill(0, 8, 74), 'no counts by depth');
  faults((bad) => bad.set([1], HEAD_WORDS), 'a tree both finished and left over');
  faults((bad) => bad.set([51], HEAD_WORDS), 'more trees left over than there are');
  faults((bad) => bad.set([2, 5, 5], HEAD_WORDS), 'left over twice');
  faults((bad) => bad.set([2, 6, 5], HEAD_WORDS), 'not in order');
  faults((bad) => bad.set([1, 50], HEAD_WORDS), 'left over outside the tile');
  faults((bad) => bad.set([7], GPU_OUTPUT_WORDS - 1), 'words behind the list');
  faults((bad) => bad.set([50], 170), 'a maximum outside the tile');
  for (let index = 0; index < 6; index++)
    faults((bad) => bad.set([(bad[index] ?? 0) ^ 1], index), `word ${index}`);
});
