/** What strangers may claim, beyond the field-by-field forgeries of the conformance suite. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import { referenceStatistics, referenceVerification } from './reference.ts';
import { statisticsOf } from './statistics.ts';
import { walkToOne } from './walk.ts';
import { collatzWorkload as workload } from './workload.ts';

const range = { start: 1n, end: 2000n };
const p = workload.parameters.parse({ start: '1', end: '100000' });
const verify = workload.parameters.parse({ start: '1', end: '100000', mode: 'verify' });
const honest = referenceStatistics(range);
const verified = referenceVerification(range);

const contradictions = (change: Partial<typeof honest>) => workload.check(p, range, { ...honest, ...change });
const refuted = (change: Partial<typeof verified>) =>
  workload.check(verify, range, { ...verified, ...change });

test('honest aggregates have no contradictions', () => {
  assert.deepEqual(contradictions({}), []);
  assert.deepEqual(refuted({}), []);
});

test('a record left out is found when the other list shows it', () => {
  // 27 is a delay record and a path record.
  const without = honest.peakRecords.filter(({ n }) => n !== 27n);
  assert.deepEqual(contradictions({ peakRecords: without }), ['peak_records lacks 27']);
  const delays = honest.delayRecords.filter(({ n }) => n !== 27n);
  assert.match(contradictions({ delayRecords: delays }).join(), /lacks 27/);
});

test('a result of a part of the range does not pass for the whole', () => {
  const part = referenceStatistics({ start: 1n, end: 1000n });
  assert.notDeepEqual(workload.check(p, range, part), []);
  assert.notDeepEqual(workload.check(p, range, { ...part, count: 1999n }), []);
  const half = referenceVerification({ start: 1n, end: 1000n });
  assert.notDeepEqual(workload.check(verify, range, { ...half, count: 1999n }), []);
});

test('candidates and failures are not believed', () => {
  assert.match(refuted({ candidates: verified.candidates + 1n }).join(), /candidates/);
  assert.match(refuted({ failures: [27n] }).join(), /27 is settled/);
  assert.match(refuted({ failures: [28n] }).join(), /28 is settled/);
  assert.match(refuted({ failures: [5000n] }).join(), /outside/);
  assert.match(refuted({ peakRecords: [{ n: 5n, value: 16n }] }).join(), /begin with the first candidate/);
  const first = verified.peakRecords.slice(0, 1);
  assert.match(refuted({ peakRecords: [...first, { n: 1998n, value: 10n ** 9n }] }).join(), /no candidate/);
  assert.match(refuted({ peakRecords: [...first, { n: 1999n, value: 10n ** 9n }] }).join(), /glide peak/);
});

test('the other mode’s aggregate is refused by its shape', () => {
  const json: unknown = JSON.parse(JSON.stringify(workload.encode(verify, verified)));
  assert.throws(
    () => workload.decode(p, range, json),
    (error) => error instanceof ClusterError && error.code === 'result_contradicts',
  );
  assert.throws(() => workload.fold(p, honest, verified), TypeError);
});

test('counts past 2^53 survive folding, storing and reading', () => {
  let sum = honest;
  for (let doubling = 0; doubling < 60; doubling++) sum = doubled(sum);
  const text = JSON.stringify(workload.encode(p, sum));
  const read = workload.decodeStored(p, JSON.parse(text));
  assert.equal(JSON.stringify(workload.encode(p, read)), text);
  assert.equal(workload.count(p, read), 1999n << 60n);
  assert.equal(sum.histogram.sums().weighted, sum.delaySum);
});

function doubled(a: typeof honest): typeof honest {
  const twice = workload.fold(p, a, a);
  assert.ok(twice.mode === 'statistics');
  return twice;
}

test('the public result has the types of workloads.md', () => {
  const result = workload.result(p, statisticsOf([27n, 28n].map((n) => ({ n, ...walkToOne(n) }))));
  assert.deepEqual(result, {
    count: '2',
    delay_sum: '129',
    delay_histogram: Array.from({ length: 112 }, (_, d) => (d === 18 || d === 111 ? '1' : '0')),
    max_delay: { n: '27', delay: 111 },
    max_peak: { n: '27', peak: '9232' },
    delay_records: [{ n: '27', delay: 111 }],
    peak_records: [{ n: '27', peak: '9232' }],
  });
  assert.deepEqual(workload.result(verify, referenceVerification({ start: 26n, end: 29n })), {
    count: '3',
    verified: '3',
    candidates: '1',
    failures: [],
    max_peak: { n: '27', peak: '9232' },
    peak_records: [{ n: '27', peak: '9232' }],
  });
  assert.equal(workload.result(verify, workload.empty(verify))['max_peak'], null);
  assert.equal(workload.result(p, workload.empty(p))['max_delay'], null);
});
