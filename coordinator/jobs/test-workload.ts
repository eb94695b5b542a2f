/**
 * A workload for tests of the core: the sum of the squares of a range. Its aggregate has a closed form, so
 * a test can answer batches of 2^50 numbers at once, and a wrong sum passes `check`, so that disputes can be
 * staged. The real workloads can serve neither.
 */
import { z } from 'zod';
import { decimalBigInt, decimalInput } from '../../protocol/decimal.ts';
import { ClusterError } from '../../protocol/errors.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';

interface Parameters {
  readonly start: bigint;
  readonly end: bigint;
  readonly batchSize?: bigint | undefined;
}

interface Squares {
  readonly count: bigint;
  readonly sum: bigint;
}

const parameters = z
  .strictObject({
    start: decimalInput(0n, 1n << 96n),
    end: decimalInput(0n, 1n << 96n),
    batch_size: decimalInput(1n, 1n << 53n).optional(),
  })
  .refine(({ start, end }) => start < end, { path: ['end'], error: 'expected end above start' })
  .transform(({ start, end, batch_size: batchSize }): Parameters => ({ start, end, batchSize }));

const claimed = z.strictObject({ count: decimalBigInt, sum: z.string().max(128) });

/** Σ i² for i < n */
const below = (n: bigint): bigint => ((n - 1n) * n * (2n * n - 1n)) / 6n;

function squares({ start, end }: Range): Squares {
  return { count: end - start, sum: below(end) - below(start) };
}

function read(json: unknown): Squares {
  const parsed = claimed.safeParse(json);
  if (!parsed.success || !/^[0-9]+$/.test(parsed.data.sum)) {
    throw new ClusterError('result_contradicts', 'not an aggregate of squares');
  }
  return { count: parsed.data.count, sum: BigInt(parsed.data.sum) };
}

const kernels = {
  gpu: {
    source: 'squares.wgsl',
    entryPoints: ['main'],
    outputWords: 4,
    scratchWords: 1,
    itemsPerWorkgroup: 256,
    maxWorkgroups: 256,
    maxPieceLength: 1 << 30,
  },
  cpu: { source: 'squares.ts', module: 'squares.wasm' },
} as const;

export const squaresWorkload: Workload<Parameters, Squares, Squares> = {
  type: 'squares',
  version: 1,
  unit: 'numbers',
  parameters,
  encodeParameters: ({ start, end, batchSize }) => ({
    start: start.toString(),
    end: end.toString(),
    ...(batchSize === undefined ? {} : { batch_size: batchSize.toString() }),
  }),
  range: ({ start, end }) => ({ start, end }),
  batchHint: ({ batchSize }) => batchSize,
  tileLimits: () => ({ min: 16n, max: 1n << 50n }),
  kernels: () => kernels,
  allKernels: [kernels],
  parameterWords: () => new Uint32Array(),
  gpuConstants: () => new Uint32Array(1),
  probe: () => ({ start: 0n, end: 16n }),
  empty: () => ({ count: 0n, sum: 0n }),
  fold: (_p, a, b) => ({ count: a.count + b.count, sum: a.sum + b.sum }),
  decodeCpu: (_p, range) => squares(range),
  decodeGpu: (_p, range) => squares(range),
  claims: () => [],
  extend: (_p, batch, tile) => ({ count: batch.count + tile.count, sum: batch.sum + tile.sum }),
  encode: (_p, { count, sum }) => ({ count: count.toString(), sum: sum.toString() }),
  decode: (_p, _range, json) => read(json),
  decodeStored: (_p, json) => read(json),
  check: (_p, range, { count }) =>
    count === rangeLength(range) ? [] : [`count is ${count}, the range has ${rangeLength(range)}`],
  result: (_p, { count, sum }) => ({ count: count.toString(), sum: sum.toString() }),
  figure: (_p, { count, sum }) => ({ sum, weight: count }),
  count: (_p, { count }) => count,
  reference: (_p, range) => squares(range),
  samples: [],
};
