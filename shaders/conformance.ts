/**
 * What every workload must keep, whatever it computes. Called once per workload with the engines that there
 * are; the test library is handed in, so that this file needs neither Node nor a test framework.
 */
import { ClusterError } from '../protocol/errors.ts';
import type { Range } from '../protocol/range.ts';
import { cutTiles, rangeLength } from '../protocol/range.ts';
import type { GpuKernel, PipelineConstants, Workload } from '../protocol/workload.ts';
import { KernelFault } from '../protocol/workload.ts';
import { forgeries, reordered } from './forgery.ts';
import type { Forgery } from './forgery.ts';

/** A random whole number from 0 to `max`, both included. */
export type Draw = (max: bigint) => bigint;

export interface TestApi {
  test(name: string, body: () => Promise<void> | void): void;
  /** Runs `body` with different draws, as often as the test run is thorough; prints the seed when it fails. */
  property(name: string, body: (draw: Draw) => Promise<void> | void): void;
}

export interface Engines<P, A> {
  cpu(p: P, range: Range): Promise<A>;
  /** The words of the CPU kernel, as `decodeCpu` gets them. */
  cpuWords(p: P, range: Range): Promise<Uint32Array>;
  readonly gpus: readonly GpuUnderTest<P, A>[];
}

export interface GpuUnderTest<P, A> {
  readonly name: string;
  /** @param tuning one of the kernel's; absent: the conservative one */
  compute(p: P, range: Range, tileLength: bigint, tuning?: PipelineConstants): Promise<A>;
}

interface Case<P> {
  readonly name: string;
  readonly p: P;
  readonly ranges: readonly Range[];
}

/** Tiles of one range that are compared one by one. */
const MOST_TILES = 2000;
const MOST_PIECES = 6n;
/** Devices guarantee no more groups per dimension. */
const MOST_WORKGROUPS = 65535;
const WORD = 2n ** 32n - 1n;

export function conformance<P, T, A>(
  api: TestApi,
  workload: Workload<P, T, A>,
  engines: Engines<P, A>,
): void {
  const cases = casesOf(workload);
  plan(api, workload, cases);
  parameters(api, workload, cases);
  answers(api, workload, cases, engines);
  folding(api, workload, cases, engines);
  canonical(api, workload, cases, engines);
  forged(api, workload, cases, engines);
  garbage(api, workload, cases, engines);
}

/** The part that differs from device to device: every engine's answers against the reference, and each other's. */
export function comparisons<P, T, A>(
  api: TestApi,
  workload: Workload<P, T, A>,
  engines: Engines<P, A>,
): void {
  answers(api, workload, casesOf(workload), engines);
}

function casesOf<P, T, A>(workload: Workload<P, T, A>): readonly Case<P>[] {
  return workload.samples.map(({ name, parameters, ranges }) => ({
    name,
    p: workload.parameters.parse(parameters),
    ranges,
  }));
}

function parameters<P, T, A>(api: TestApi, w: Workload<P, T, A>, cases: readonly Case<P>[]): void {
  for (const { name, p } of cases) {
    api.test(`${w.type}: parameters read back what they wrote: ${name}`, () => {
      const written = JSON.stringify(w.encodeParameters(p));
      const again = w.parameters.parse(JSON.parse(written));
      same(JSON.stringify(w.encodeParameters(again)), written, 'parameters');
      same(String(w.parameterWords(again)), String(w.parameterWords(p)), 'parameter words');
      const { start, end } = w.range(again);
      same(`${start} ${end}`, `${w.range(p).start} ${w.range(p).end}`, 'range');
      const variant = w.variant?.(p);
      check(variant === undefined || /^[a-z][a-z-]{0,31}$/.test(variant), `the variant ${variant}`);
      same(w.variant?.(again) ?? '', variant ?? '', 'variant');
    });
  }
  api.test(`${w.type}: parameters refuse what no job has`, () => {
    const [known] = cases;
    const base = known === undefined ? {} : w.encodeParameters(known.p);
    const wrong: unknown[] = [undefined, null, 1, 'x', [], { ...base, no_such_parameter: 1 }];
    for (const name of Object.keys(base)) {
      for (const value of [null, '', ' 1', '+1', '-1', '1e3', -1, 0.5, NaN, {}, [], true, 1e300]) {
        wrong.push({ ...base, [name]: value });
      }
    }
    for (const value of wrong) {
      check(!w.parameters.safeParse(value).success, `accepts ${JSON.stringify(value)}`);
    }
  });
}

function plan<P, T, A>(api: TestApi, w: Workload<P, T, A>, cases: readonly Case<P>[]): void {
  const kernelSources = new Set(w.allKernels.flatMap(({ gpu, cpu }) => [gpu.source, cpu.source]));
  for (const { name, p, ranges } of cases) {
    api.test(`${w.type}: the kernels fit the contract: ${name}`, () => {
      const { gpu, cpu } = w.kernels(p);
      const { min, max } = w.tileLimits(p);
      check(kernelSources.has(gpu.source) && kernelSources.has(cpu.source), 'a kernel is not in allKernels');
      check(gpu.entryPoints.length > 0 && gpu.outputWords > 0 && gpu.scratchWords >= 0, 'an empty kernel');
      check(gpu.itemsPerWorkgroup > 0 && gpu.maxWorkgroups > 0, 'no work per group');
      check(gpu.maxWorkgroups <= MOST_WORKGROUPS, 'more groups than devices take');
      check(min >= 1n && min <= max, `tile limits ${min} … ${max}`);
      check(max <= BigInt(gpu.maxPieceLength), 'tiles are longer than pieces');
      const probe = rangeLength(w.probe(p));
      check(probe >= 1n && probe <= BigInt(gpu.maxPieceLength), `a probe of ${probe} ${w.unit}`);
      const whole = w.range(p);
      check(whole.start < whole.end, 'the job has no range');
      for (const { start, end } of ranges) {
        check(whole.start <= start && start < end && end <= whole.end, `sample ${start}-${end} is outside`);
      }
    });
    api.property(`${w.type}: tiles cover any range exactly: ${name}`, (draw) => {
      const { min, max } = w.tileLimits(p);
      const length = min + draw(max - min);
      const whole = w.range(p);
      const start = whole.start + draw(rangeLength(whole) - 1n);
      const left = whole.end - start;
      const most = length * BigInt(MOST_TILES);
      const end = start + 1n + draw((left < most ? left : most) - 1n);
      let next = start;
      for (const tile of cutTiles({ start, end }, length)) {
        check(
          tile.start === next && tile.end > tile.start && tile.end <= end,
          'a gap, or tiles that overlap',
        );
        check(rangeLength(tile) === length || tile.end === end, 'a short tile that is not the last');
        next = tile.end;
      }
      same(next, end, 'the end of the last tile');
    });
  }
}

function answers<P, T, A>(
  api: TestApi,
  w: Workload<P, T, A>,
  cases: readonly Case<P>[],
  engines: Engines<P, A>,
): void {
  const text = textOf(w);
  for (const { name, p, ranges } of cases) {
    api.test(`${w.type}: CPU = reference: ${name}`, async () => {
      for (const range of ranges) {
        same(text(p, await engines.cpu(p, range)), text(p, w.reference(p, range)), named(range));
      }
    });
    api.property(`${w.type}: CPU = reference on random parts: ${name}`, async (draw) => {
      const range = partOf(pick(ranges, draw), draw);
      same(text(p, await engines.cpu(p, range)), text(p, w.reference(p, range)), named(range));
    });
    for (const gpu of engines.gpus) {
      api.test(`${w.type}: GPU = CPU, ${gpu.name}: ${name}`, async () => {
        const { max } = w.tileLimits(p);
        for (const range of [...ranges, w.probe(p)]) {
          const exact = text(p, await engines.cpu(p, range));
          for (const tile of new Set([max, 1n + rangeLength(range) / 3n])) {
            const found = await gpu.compute(p, range, tile < max ? tile : max);
            same(text(p, found), exact, `${named(range)} in tiles of ${tile}`);
          }
        }
      });
      api.test(`${w.type}: GPU = CPU by any tuning, ${gpu.name}: ${name}`, async () => {
        const { max } = w.tileLimits(p);
        const [range] = ranges;
        if (range === undefined) return;
        const exact = text(p, await engines.cpu(p, range));
        for (const tuning of w.kernels(p).gpu.tunings?.slice(1) ?? []) {
          const length = rangeLength(range);
          const found = await gpu.compute(p, range, length < max ? length : max, tuning);
          same(text(p, found), exact, `${named(range)} with ${JSON.stringify(tuning)}`);
        }
      });
      api.property(`${w.type}: GPU = CPU on random ranges, ${gpu.name}: ${name}`, async (draw) => {
        // Anywhere in the job, as long as a sample at most: its cost is of the same order.
        const sample = partOf(pick(ranges, draw), draw);
        const whole = w.range(p);
        const length = rangeLength(sample);
        const start = whole.start + draw(rangeLength(whole) - length);
        const range = draw(1n) === 0n ? sample : { start, end: start + length };
        const { max } = w.tileLimits(p);
        const tile = 1n + draw((length < max ? length : max) - 1n);
        const found = await gpu.compute(p, range, tile);
        same(text(p, found), text(p, await engines.cpu(p, range)), `${named(range)} in tiles of ${tile}`);
      });
    }
  }
}

function folding<P, T, A>(
  api: TestApi,
  w: Workload<P, T, A>,
  cases: readonly Case<P>[],
  engines: Engines<P, A>,
): void {
  const text = textOf(w);
  for (const { name, p, ranges } of cases) {
    api.property(`${w.type}: folding any cut in any order gives the whole: ${name}`, async (draw) => {
      const range = pick(ranges, draw);
      const whole = text(p, await engines.cpu(p, range));
      const pieces: A[] = [];
      for (const piece of cutAnywhere(range, draw)) pieces.push(await engines.cpu(p, piece));
      // Folds any two until one is left: any order, any grouping, pieces that are no neighbours.
      while (pieces.length > 1) {
        const [a] = pieces.splice(Number(draw(BigInt(pieces.length - 1))), 1);
        const [b] = pieces.splice(Number(draw(BigInt(pieces.length - 1))), 1);
        if (a === undefined || b === undefined) throw new Error('nothing was drawn');
        const before = [text(p, a), text(p, b)].join();
        const ab = w.fold(p, a, b);
        same(text(p, w.fold(p, b, a)), text(p, ab), 'fold is not commutative');
        same([text(p, a), text(p, b)].join(), before, 'fold changed its arguments');
        same(w.count(p, ab), w.count(p, a) + w.count(p, b), 'count');
        pieces.push(ab);
      }
      same(text(p, pieces[0] ?? w.empty(p)), whole, `cut of ${named(range)}`);
    });
    api.property(`${w.type}: fold is associative, also between ranges with gaps: ${name}`, async (draw) => {
      const thirds: [A, A, A] = [w.empty(p), w.empty(p), w.empty(p)];
      for (const piece of cutAnywhere(pick(ranges, draw), draw)) {
        const third = Number(draw(2n));
        const grown = w.fold(p, thirds[third] ?? w.empty(p), await engines.cpu(p, piece));
        thirds[third] = grown;
        same(text(p, w.decodeStored(p, copied(w.encode(p, grown)))), text(p, grown), 'stored and read back');
      }
      const [a, b, c] = thirds;
      same(text(p, w.fold(p, w.fold(p, a, b), c)), text(p, w.fold(p, a, w.fold(p, b, c))), 'fold');
      same(text(p, w.fold(p, w.empty(p), a)), text(p, a), 'empty on the left');
      same(text(p, w.fold(p, a, w.empty(p))), text(p, a), 'empty on the right');
    });
  }
}

function canonical<P, T, A>(
  api: TestApi,
  w: Workload<P, T, A>,
  cases: readonly Case<P>[],
  engines: Engines<P, A>,
): void {
  const text = textOf(w);
  for (const { name, p, ranges } of cases) {
    api.test(`${w.type}: honest results are read back and pass the check: ${name}`, async () => {
      for (const range of ranges) {
        const a = await engines.cpu(p, range);
        const read = w.decode(p, range, copied(w.encode(p, a)));
        same(text(p, read), text(p, a), 'decode');
        same(text(p, w.decodeStored(p, copied(w.encode(p, a)))), text(p, a), 'decodeStored');
        // The order of an object's fields says nothing: it may be refused, but not change the text.
        const backwards = accepts(w, p, range, reordered(copied(w.encode(p, a))));
        if (backwards !== undefined) same(text(p, backwards), text(p, a), 'fields in another order');
        same(w.check(p, range, read).join('; '), '', `contradictions in an honest result of ${named(range)}`);
        same(w.count(p, a), rangeLength(range), 'count');
        const shown = w.result(p, a);
        same(JSON.stringify(copied(shown)), JSON.stringify(shown), 'the result is not plain JSON');
        const { sum, weight } = w.figure(p, a);
        check(sum >= 0n && weight >= 0n, 'a negative figure');
      }
    });
    api.test(`${w.type}: a range without anything done has a result: ${name}`, () => {
      JSON.stringify(w.result(p, w.empty(p)));
      same(w.count(p, w.empty(p)), 0n, 'count');
      same(text(p, w.decodeStored(p, copied(w.encode(p, w.empty(p))))), text(p, w.empty(p)), 'read back');
    });
  }
}

function forged<P, T, A>(
  api: TestApi,
  w: Workload<P, T, A>,
  cases: readonly Case<P>[],
  engines: Engines<P, A>,
): void {
  const undetectable = w.undetectable ?? [];
  const seen = new Set<string>();
  for (const { name, p, ranges } of cases) {
    api.test(`${w.type}: results of another length are refused: ${name}`, async () => {
      for (const range of ranges) {
        const json = w.encode(p, await engines.cpu(p, range));
        const others: Range[] = [
          { start: range.start, end: range.end + 1n },
          { start: range.start, end: range.start + 2n * rangeLength(range) },
        ];
        if (range.start > 0n) others.push({ start: range.start - 1n, end: range.end });
        if (rangeLength(range) > 1n) {
          others.push(
            { start: range.start + 1n, end: range.end },
            { start: range.start, end: range.end - 1n },
          );
        }
        for (const other of others) {
          check(
            accepts(w, p, other, copied(json)) === undefined,
            `${named(range)} passes for ${named(other)}`,
          );
        }
      }
    });
    api.test(`${w.type}: every forged field is refused: ${name}`, async () => {
      for (const range of ranges) {
        const json = copied(w.encode(p, await engines.cpu(p, range)));
        let made = 0;
        const passed: string[] = [];
        for (const forgery of forgeries(json)) {
          made++;
          if (accepts(w, p, range, forgery.json) === undefined) continue;
          const excuse = undetectable.find((field) => matches(field.path, forgery.path));
          if (forgery.kind === 'value' && excuse !== undefined) seen.add(excuse.path);
          else passed.push(described(forgery));
        }
        check(made > 20, 'hardly anything was forged');
        same(passed.slice(0, 10).join('; '), '', `${passed.length} forgeries pass for ${named(range)}`);
      }
    });
  }
  // After the others: the list must not claim blindness that is not there.
  api.test(`${w.type}: what is called undetectable is`, () => {
    const stale = undetectable.map(({ path }) => path).filter((path) => !seen.has(path));
    same(stale.join(', '), '', 'forgeries of these fields are all refused: take them off the list');
  });
}

function garbage<P, T, A>(
  api: TestApi,
  w: Workload<P, T, A>,
  cases: readonly Case<P>[],
  engines: Engines<P, A>,
): void {
  for (const { name, p, ranges } of cases) {
    const [range] = ranges;
    if (range === undefined) continue;
    const { gpu } = w.kernels(p);
    api.test(`${w.type}: words of the wrong length are a fault: ${name}`, async () => {
      const words = await engines.cpuWords(p, range);
      for (const wrong of wrongLengths(words)) {
        faults(`${wrong.length} of ${words.length} CPU words`, () => w.decodeCpu(p, range, wrong));
      }
      for (const wrong of wrongLengths(new Uint32Array(gpu.outputWords))) {
        faults(`${wrong.length} GPU words`, () => w.decodeGpu(p, range, wrong));
      }
      const ones = new Uint32Array(words.length).fill(0xffffffff);
      faults('CPU words that are all ones', () => w.decodeCpu(p, range, ones));
    });
    api.property(`${w.type}: random words are a fault or read within bounds: ${name}`, async (draw) => {
      const words = (await engines.cpuWords(p, range)).slice();
      const changes = 1n + draw(4n);
      for (let change = 0n; change < changes; change++) {
        words[Number(draw(BigInt(words.length - 1)))] = Number(draw(WORD));
      }
      faultOrValue(() => w.decodeCpu(p, range, words));
      faultOrValue(() => w.decodeGpu(p, range, randomWords(gpu, draw)));
    });
  }
}

function randomWords(gpu: GpuKernel, draw: Draw): Uint32Array {
  // Mostly zeros, as from a kernel that stopped half-way, or mostly noise.
  const noise = draw(1n) === 1n;
  const words = new Uint32Array(gpu.outputWords);
  let state = Number(draw(WORD));
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (noise || state % 16 === 0) words[index] = state >>> (state & 31);
  }
  return words;
}

function* wrongLengths(words: Uint32Array): Generator<Uint32Array> {
  yield new Uint32Array(0);
  yield words.subarray(0, words.length - 1);
  yield words.subarray(0, words.length >> 1);
  const longer = new Uint32Array(words.length + 1);
  longer.set(words);
  yield longer;
}

/** What decode and check let through; undefined if they refuse it as they should. */
function accepts<P, T, A>(w: Workload<P, T, A>, p: P, range: Range, json: unknown): A | undefined {
  let a: A;
  try {
    a = w.decode(p, range, json);
  } catch (error) {
    if (error instanceof ClusterError && error.code === 'result_contradicts' && error.message !== '') {
      return undefined;
    }
    throw new Error('decode threw something else than result_contradicts', { cause: error });
  }
  return w.check(p, range, a).length === 0 ? a : undefined;
}

function faults(what: string, decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    check(error instanceof KernelFault, `${what}: ${String(error)} instead of a KernelFault`);
    return;
  }
  throw new Error(`${what} pass`);
}

function faultOrValue(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof KernelFault)) throw error;
  }
}

/** Up to MOST_PIECES consecutive pieces, cut at random. */
function cutAnywhere(range: Range, draw: Draw): Range[] {
  const cuts = new Set<bigint>([range.start]);
  const count = draw(MOST_PIECES - 1n);
  for (let cut = 0n; cut < count; cut++) cuts.add(range.start + draw(rangeLength(range) - 1n));
  const starts = [...cuts].toSorted((a, b) => (a < b ? -1 : 1));
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? range.end }));
}

function partOf(range: Range, draw: Draw): Range {
  const start = range.start + draw(rangeLength(range) - 1n);
  return { start, end: start + 1n + draw(range.end - start - 1n) };
}

function pick(ranges: readonly Range[], draw: Draw): Range {
  const range = ranges[Number(draw(BigInt(ranges.length - 1)))];
  if (range === undefined) throw new Error('a sample without ranges');
  return range;
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('.');
  const names = path.split('.');
  return wanted.length === names.length && wanted.every((name, at) => name === '*' || name === names[at]);
}

function textOf<P, T, A>(w: Workload<P, T, A>): (p: P, a: A) => string {
  return (p, a) => JSON.stringify(w.encode(p, a));
}

/** As it would arrive. */
function copied(json: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(json));
  return copy;
}

const named = ({ start, end }: Range) => `[${start}, ${end})`;
const described = ({ path, what }: Forgery) => `${path === '' ? 'the whole' : path} ${what}`;

function check(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

function same(found: string | bigint, expected: string | bigint, what: string): void {
  if (found !== expected) throw new Error(`${what}:\n  found    ${found}\n  expected ${expected}`);
}
