import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRate } from './job.ts';
import type { Rate } from './kernels.ts';
import type { Place, ProgramName } from './names.ts';
import { ratiosOf } from './ratios.ts';
import { spreadOf } from './spread.ts';

function rate(
  workload: Rate['workload'],
  place: Place,
  engine: ProgramName,
  samples: readonly number[],
  adapter?: { readonly name: string; readonly software: boolean },
): Rate {
  return {
    case: `${workload} at ${place}`,
    ...{ workload, place, engine, samples },
    adapter: adapter?.name ?? null,
    software: adapter?.software ?? false,
    title: adapter === undefined ? engine : `${engine}, ${adapter.name}`,
    unit: 'numbers/s',
    ...spreadOf(samples),
    clock: 'CPU time',
    hostShare: 0,
  };
}

test('ratios are those of the issue, with its two columns, where both sides were measured', () => {
  const found = ratiosOf(
    [
      rate('verify', '2^40', 'wasm', [10, 12]),
      rate('verify', '2^40', 'c', [20, 24]),
      rate('verify', '2^40', 'twin', [1, 3]),
      rate('verify', '2^32', 'wasm', [1, 1]),
      rate('verify', '2^32', 'c', [1, 1]),
      rate('statistics', '2^68', 'wasm', [60, 60]),
      rate('statistics', '2^68', 'textbook', [2, 2]),
    ],
    [],
  );
  assert.deepEqual(
    found.map(({ what, found: { median }, atLeast, goFor }) => [what, median, atLeast, goFor]),
    [
      ['verify at 2^40, wasm : c', 0.5, 0.85, 1.2],
      ['statistics at 2^68, wasm : textbook', 30, 20, 35],
      ['verify at 2^40, twin : wasm', 0.175, 0.1, 0.2],
    ],
  );
});

test('a software adapter has targets, a GPU of its own has none', () => {
  const [software, hardware] = ratiosOf(
    [
      rate('thread', 'D', 'c', [100]),
      rate('thread', 'D', 'wgsl', [5], { name: 'llvmpipe', software: true }),
      rate('thread', 'D', 'wgsl', [5000], { name: 'a GPU', software: false }),
    ],
    [],
  );
  assert.deepEqual([software?.atLeast, software?.goFor], [0.04, 0.1]);
  assert.deepEqual([hardware?.found.median, hardware?.atLeast, hardware?.goFor], [50, null, null]);
});

test('the farthest numbers are held against the far ones, each program against itself; so are jobs', () => {
  const job: JobRate = {
    kind: 'gpu',
    title: 'WGSL',
    what: 'verify at 2^40',
    efficiency: 0.96,
    report: { title: '', figures: [] },
  };
  const found = ratiosOf(
    [
      rate('verify', '2^95', 'wasm', [6]),
      rate('verify', '2^68', 'wasm', [8]),
      rate('verify', '2^68', 'textbook', [1]),
    ],
    [job],
  );
  assert.deepEqual(
    found.map(({ what, found: { median }, atLeast }) => [what, median, atLeast]),
    [
      ['verify at 2^95 : at 2^68, wasm', 0.75, 0.5],
      ["verify at 2^40, a job's rate : its kernel's, WGSL", 0.96, 0.95],
    ],
  );
});
