/** The parts of "Test this device" that need no device. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawer, collector, runCases } from '../../client/browser/device/cases.ts';
import type { Case } from '../../client/browser/device/cases.ts';
import {
  comparisonName,
  cpuNote,
  fileName,
  gpuName,
  rateText,
  verdict,
} from '../../client/browser/device/report-text.ts';

test('draws are within bounds, reach both ends, and are the same for the same seed', () => {
  for (const max of [0n, 1n, 9n, 2n ** 32n - 1n, 2n ** 96n]) {
    const [a, b] = [drawer(7), drawer(7)];
    for (let run = 0; run < 200; run++) {
      const drawn = a(max);
      assert.ok(drawn >= 0n && drawn <= max);
      assert.equal(drawn, b(max));
    }
  }
  const draw = drawer(1);
  assert.equal(new Set(Array.from({ length: 300 }, () => draw(9n))).size, 10);
  const wide = drawer(2);
  assert.ok(Array.from({ length: 50 }, () => wide(2n ** 96n)).some((drawn) => drawn > 2n ** 95n));
  assert.notEqual(drawer(1)(2n ** 64n), drawer(2)(2n ** 64n));
});

test('cases are counted by workload, engine and comparison, and failures keep their reason', async () => {
  const cases: Case[] = [];
  const api = collector(cases, 5, 3);
  let draws = 0;
  api.test('collatz: CPU = reference: from 1', () => undefined);
  api.test('collatz: GPU = CPU, WebGPU: from 1: and on', () =>
    Promise.reject(new Error('found 1, expected 2')),
  );
  api.property('collatz: GPU = CPU, WebGPU: random', (draw) => {
    draws++;
    draw(5n);
  });
  const seen: number[] = [];
  const groups = await runCases(cases, (index) => void seen.push(index));
  assert.deepEqual(seen, [0, 1, 2]);
  assert.equal(draws, 3);
  assert.deepEqual(groups, [
    {
      workload: 'collatz',
      engine: 'cpu',
      comparison: 'CPU = reference',
      passed: 1,
      failed: 0,
      failures: [],
    },
    {
      workload: 'collatz',
      engine: 'gpu',
      comparison: 'GPU = CPU',
      passed: 1,
      failed: 1,
      failures: [{ name: 'from 1: and on', message: 'found 1, expected 2' }],
    },
  ]);
  assert.equal(verdict(groups), '1 of 3 tests failed on this device.');
  assert.equal(verdict(groups.slice(0, 1)), 'This device is exact: all 1 tests passed.');
});

test('the report in words', () => {
  assert.equal(comparisonName({ comparison: 'GPU', engine: 'gpu' }), 'GPU: known answers');
  assert.equal(comparisonName({ comparison: 'something new', engine: 'cpu' }), 'CPU: something new');
  assert.equal(rateText({ units_per_second: 412_600_000 }), '413 million');
  assert.equal(rateText({ units_per_second: null }), 'failed');
  const gpu = {
    vendor: 'apple',
    architecture: 'metal 3',
    device: '',
    description: '',
    fallback: false,
    features: [],
    limits: {},
  };
  assert.equal(gpuName({ gpu, gpu_problem: null }), 'apple · metal 3');
  assert.equal(gpuName({ gpu: { ...gpu, fallback: true }, gpu_problem: null }), 'apple · metal 3 (software)');
  assert.equal(gpuName({ gpu: null, gpu_problem: 'no WebGPU' }), 'no WebGPU');
  assert.equal(cpuNote({ cpu: { threads: 8, web_assembly: true } }), undefined);
  assert.match(
    cpuNote({ cpu: { threads: 8, web_assembly: false } }) ?? '',
    /^This browser runs no WebAssembly, so its CPU computes in JavaScript: the same answers/,
  );
  assert.equal(fileName({ date: '2026-01-31', gpu }), 'device-report-apple-metal-3-2026-01-31.json');
  assert.equal(fileName({ date: '2026-01-31', gpu: null }), 'device-report-cpu-2026-01-31.json');
});
