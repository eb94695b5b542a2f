/**
 * `collatz`: delays and peaks of the 3n + 1 map over a range (mode statistics), or whether every number of it
 * reaches a smaller one (mode verify). Definitions: workloads.md.
 */
import type { Kernels, Workload } from '../../protocol/workload.ts';
import { decodeAggregate, encodeAggregate } from './json.ts';
import { verificationConstants } from './jump-tables.ts';
import type { CollatzParameters } from './parameters.ts';
import { encodeParameters, parametersSchema } from './parameters.ts';
import { referenceStatistics, referenceVerification } from './reference.ts';
import { collatzSamples } from './samples.ts';
import { survivingResidues } from './sieve.ts';
import type { StatisticsTile } from './statistics-gpu.ts';
import { decodeStatisticsGpu, extendStatistics, statisticsClaims } from './statistics-gpu.ts';
import { decodeStatisticsCpu } from './statistics-kernel.ts';
import { statisticsGpuKernel } from './statistics-plan.ts';
import { statisticsConstants } from './statistics-tables.ts';
import type { Statistics } from './statistics.ts';
import {
  EMPTY_STATISTICS,
  checkStatistics,
  checkStatisticsSteps,
  foldStatistics,
  statisticsFigure,
  statisticsResult,
} from './statistics.ts';
import type { VerificationTile } from './verification-kernel.ts';
import {
  decodeVerificationCpu,
  decodeVerificationGpu,
  extendVerification,
  verificationClaims,
  verificationGpuKernel,
} from './verification-kernel.ts';
import type { Verification } from './verification.ts';
import {
  EMPTY_VERIFICATION,
  checkVerification,
  checkVerificationSteps,
  foldVerification,
  verificationFigure,
  verificationResult,
} from './verification.ts';

type Aggregate = Statistics | Verification;
type Tile = StatisticsTile | VerificationTile;

const statisticsKernels: Kernels = {
  gpu: statisticsGpuKernel,
  cpu: { source: 'collatz/assembly/statistics.ts', module: 'collatz-statistics.wasm', grain: 1n << 20n },
};
const verifyKernels: Kernels = {
  gpu: verificationGpuKernel,
  cpu: { source: 'collatz/assembly/verify.ts', module: 'collatz-verify.wasm', grain: 1n << 30n },
};

/** 12327829503 is the first start whose path passes 2^64. */
const CLIMBER = 12327829503n;

export const collatzWorkload: Workload<CollatzParameters, Tile, Aggregate> = {
  type: 'collatz',
  version: 1,
  unit: 'numbers',
  parameters: parametersSchema,
  encodeParameters,

  range: ({ start, end }) => ({ start, end }),
  // To verify a number is some hundredths of the work of walking its whole path.
  variant: ({ mode }) => mode,
  batchHint: (p) => p.batchHint,
  // The shortest are 5 ms of a CPU core; the longest are what a piece of the GPU kernel takes.
  tileLimits: (p) =>
    p.mode === 'statistics'
      ? { min: 1n << 17n, max: BigInt(statisticsGpuKernel.maxPieceLength) }
      : { min: 1n << 24n, max: BigInt(verificationGpuKernel.maxPieceLength) },
  kernels: (p) => (p.mode === 'statistics' ? statisticsKernels : verifyKernels),
  allKernels: [statisticsKernels, verifyKernels],
  parameterWords: (p) => (p.mode === 'statistics' ? new Uint32Array(1) : survivingResidues()),
  gpuConstants: (p) => (p.mode === 'statistics' ? statisticsConstants() : verificationConstants()),
  probe: (p) =>
    p.mode === 'statistics'
      ? { start: (CLIMBER >> 16n) << 16n, end: ((CLIMBER >> 16n) + 1n) << 16n }
      : { start: CLIMBER - 1500n, end: CLIMBER + 500n },

  empty: (p) => (p.mode === 'statistics' ? EMPTY_STATISTICS : EMPTY_VERIFICATION),
  fold: (_p, a, b) => {
    if (a.mode === 'statistics' && b.mode === 'statistics') return foldStatistics(a, b);
    if (a.mode === 'verify' && b.mode === 'verify') return foldVerification(a, b);
    throw mixed();
  },

  decodeCpu: (p, range, words) =>
    p.mode === 'statistics' ? decodeStatisticsCpu(range, words) : decodeVerificationCpu(range, words),
  decodeGpu: (p, range, words) =>
    p.mode === 'statistics' ? decodeStatisticsGpu(range, words) : decodeVerificationGpu(range, words),
  claims: (_p, batch, tile) => {
    if (batch.mode === 'statistics' && tile.mode === 'statistics') return statisticsClaims(batch, tile);
    if (batch.mode === 'verify' && tile.mode === 'verify') return verificationClaims(batch, tile);
    throw mixed();
  },
  extend: (_p, batch, tile, exact) => {
    if (batch.mode === 'statistics' && tile.mode === 'statistics') {
      return extendStatistics(
        batch,
        tile,
        exact.filter((a) => a.mode === 'statistics'),
      );
    }
    if (batch.mode === 'verify' && tile.mode === 'verify') {
      return extendVerification(
        batch,
        tile,
        exact.filter((a) => a.mode === 'verify'),
      );
    }
    throw mixed();
  },

  encode: (_p, a) => encodeAggregate(a),
  decode: (p, range, json) => decodeAggregate(p.mode, range, json),
  decodeStored: (p, json) => decodeAggregate(p.mode, undefined, json),
  check: (_p, range, a) =>
    a.mode === 'statistics' ? checkStatistics(range, a) : checkVerification(range, a),
  checkSteps: (_p, a) => (a.mode === 'statistics' ? checkStatisticsSteps(a) : checkVerificationSteps(a)),

  result: (_p, a) => (a.mode === 'statistics' ? statisticsResult(a) : verificationResult(a)),
  figure: (_p, a) => (a.mode === 'statistics' ? statisticsFigure(a) : verificationFigure(a)),
  count: (_p, a) => a.count,

  reference: (p, range) =>
    p.mode === 'statistics' ? referenceStatistics(range) : referenceVerification(range),
  samples: collatzSamples,
  undetectable: [
    {
      path: 'peak_records',
      reason: 'a list cut short looks whole: no sum tells how large the largest peak is',
    },
    {
      path: 'delay_records.*.n',
      reason: 'moved to a later number of the same delay: only computing what lies between shows the first',
    },
    {
      path: 'peak_records.*.n',
      reason: 'moved to a later number of the same peak: only computing what lies between shows the first',
    },
  ],
};

function mixed(): TypeError {
  return new TypeError('aggregates of the two modes do not mix');
}
