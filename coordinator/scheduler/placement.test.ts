import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Placement } from '../../protocol/http.ts';
import { batchLength } from './batch-length.ts';
import type { BatchRequest } from './batch-length.ts';
import { demandKey, isFeasible, isFit, lacking, score } from './placement.ts';
import type { Demand, WorkerFacts } from './placement.ts';
import { deservesSecondLease } from './second-lease.ts';

const demand = (placement: Placement, gpuPreferred = false): Demand => ({
  type: 'squares',
  workloadVersion: 3,
  gpuPreferred,
  placement,
});
const worker = (more: Partial<WorkerFacts> = {}): WorkerFacts => ({
  nodeId: 'one',
  own: true,
  kind: 'cpu',
  gpuMemoryMb: null,
  tags: new Set(['eu', 'ssd']),
  workloads: new Set(['squares@3']),
  priority: 0,
  ...more,
});
const gpu = worker({ nodeId: 'gpu', kind: 'node-gpu', gpuMemoryMb: 8192 });

test('feasible: every hard requirement, alone and together', () => {
  const cases: readonly [Placement, WorkerFacts, boolean][] = [
    [{}, worker(), true],
    [{}, worker({ workloads: new Set(['squares@2']) }), false],
    [{ node_id: 'one' }, worker(), true],
    [{ node_id: 'two' }, worker(), false],
    [{ require_gpu: true }, worker(), false],
    [{ require_gpu: false }, worker(), true],
    [{ require_gpu: true }, worker({ kind: 'browser-gpu' }), true],
    [{ min_gpu_memory_mb: 8192 }, gpu, true],
    [{ min_gpu_memory_mb: 8193 }, gpu, false],
    [{ min_gpu_memory_mb: 0 }, worker({ kind: 'browser-gpu' }), false],
    [{ tags: [] }, worker(), true],
    [{ tags: ['ssd', 'eu'] }, worker(), true],
    [{ tags: ['ssd', 'us'] }, worker(), false],
    [{ node_id: 'gpu', require_gpu: true, min_gpu_memory_mb: 1, tags: ['eu'] }, gpu, true],
  ];
  for (const [placement, facts, expected] of cases) {
    assert.equal(isFeasible(demand(placement), facts), expected, JSON.stringify(placement));
    assert.equal(lacking(demand(placement), [facts]) === null, expected);
  }
});

test('fit: a job that prefers GPUs is left to them while there is one', () => {
  assert.equal(isFit(demand({}, true), worker(), true), false);
  assert.equal(isFit(demand({}, true), worker(), false), true);
  assert.equal(isFit(demand({}, true), gpu, true), true);
  assert.equal(isFit(demand({}), worker(), true), true);
});

test('score: the operator’s priority first, then the fitting kind', () => {
  assert.ok(score(demand({}, true), gpu) > score(demand({}, true), worker()));
  assert.ok(score(demand({}), worker()) > score(demand({}), gpu));
  assert.ok(score(demand({}), worker({ priority: -1 })) < score(demand({}), gpu));
});

test('what is lacking is the first requirement that nobody is left for', () => {
  const workers = [worker(), gpu];
  assert.match(lacking(demand({}), []) ?? '', /none is connected/);
  assert.match(lacking(demand({ tags: ['us'] }), workers) ?? '', /tags us/);
  assert.match(lacking(demand({ require_gpu: true, tags: ['us'] }), [worker()]) ?? '', /a GPU worker/);
  assert.equal(lacking(demand({ require_gpu: true }), workers), null);
});

test('equal demands have equal keys, whatever their spelling', () => {
  const key = (placement: Placement): string => demandKey(demand(placement));
  assert.equal(key({ tags: ['b', 'a', 'a'] }), key({ tags: ['a', 'b'] }));
  assert.equal(key({ tags: [] }), key({}));
  assert.equal(key({ require_gpu: false }), key({}));
  assert.notEqual(key({ require_gpu: true }), key({}));
  assert.notEqual(demandKey(demand({}, true)), demandKey(demand({})));
});

const request: BatchRequest = {
  measuredRate: 1e6,
  previousLength: 10_000_000n,
  reportedRate: 0,
  targetMs: 10_000,
  clusterTargetMs: 10_000,
  unleased: 1n << 80n,
  totalRate: 1e6,
  tileLimits: { min: 1000n, max: 1_000_000n },
  hint: undefined,
};

test('batch length: rate times target, in whole tiles', () => {
  const { length, tileLength, expectedMs } = batchLength(request);
  assert.equal(tileLength, 9766n);
  assert.equal(length % tileLength, 0n);
  assert.ok(length > 9_990_000n && length <= 10_000_000n);
  assert.ok(Math.abs((expectedMs ?? 0) - 10_000) < 20);
});

test('batch length: a first batch is short, growth is bounded, falling is not', () => {
  const unknown = batchLength({ ...request, measuredRate: undefined, previousLength: undefined });
  assert.equal(unknown.length, 1000n);
  assert.equal(unknown.expectedMs, undefined);
  const reported = batchLength({ ...request, measuredRate: undefined, reportedRate: 1e6 });
  assert.ok(reported.length > 990_000n && reported.length <= 1_000_000n);
  assert.ok(batchLength({ ...request, previousLength: 1_000_000n }).length <= 4_000_000n);
  assert.ok(batchLength({ ...request, measuredRate: 1000 }).length <= 10_000n);
});

test('batch length: the end of a job is shared, but no batch is shorter than a second', () => {
  const near = batchLength({ ...request, unleased: 20_000_000n, totalRate: 4e6 });
  assert.ok(Math.abs((near.expectedMs ?? 0) - 2500) < 20, `${near.expectedMs}`);
  const last = batchLength({ ...request, unleased: 4_000_000n, totalRate: 1e9 });
  assert.ok(Math.abs((last.expectedMs ?? 0) - 1000) < 20);
  assert.equal(batchLength({ ...request, unleased: 300n }).length, 300n);
  assert.equal(batchLength({ ...request, unleased: 300n }).tileLength, 300n);
});

test('batch length: hints, tile limits and absurd rates bind', () => {
  assert.equal(batchLength({ ...request, hint: 1n }).length, 1n);
  assert.equal(batchLength({ ...request, hint: 5000n }).length, 5000n);
  assert.equal(batchLength({ ...request, hint: 5000n, unleased: 5500n }).length, 5000n);
  const fast = batchLength({ ...request, measuredRate: 1e15, previousLength: 1n << 70n });
  assert.equal(fast.tileLength, 1_000_000n);
  for (const rate of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e30]) {
    assert.equal(
      batchLength({ ...request, measuredRate: rate, reportedRate: rate }).length,
      1000n,
      `${rate}`,
    );
  }
});

test('a second lease: for the late, or where the other would be done clearly sooner', () => {
  const straggler = { elapsedMs: 3000, expectedMs: 10_000, remainingMs: 7000, ownMs: 1000 };
  assert.equal(deservesSecondLease(straggler), true);
  assert.equal(deservesSecondLease({ ...straggler, ownMs: 6000 }), false);
  assert.equal(deservesSecondLease({ ...straggler, ownMs: undefined }), false);
  assert.equal(deservesSecondLease({ ...straggler, ownMs: undefined, elapsedMs: 26_000 }), true);
  assert.equal(deservesSecondLease({ ...straggler, expectedMs: undefined, remainingMs: undefined }), false);
  assert.equal(
    deservesSecondLease({
      elapsedMs: 31_000,
      expectedMs: undefined,
      remainingMs: undefined,
      ownMs: undefined,
    }),
    true,
  );
});
