/** What a stranger may claim, and what is refused. The systematic forgeries are in the conformance suite. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import { emptyAggregate, foldAggregates } from './aggregate.ts';
import type { Aggregate } from './aggregate.ts';
import { checkThreads, contradictions } from './check.ts';
import { decodeAggregate, decodeResult, encodeAggregate } from './json.ts';
import { threadParameters } from './parameters.ts';
import { referenceAggregate } from './reference.ts';
import { threadResult } from './result.ts';
import { walkTree } from './tree.ts';

const p = threadParameters.parse({});
const range = { start: 100n, end: 160n };
const honest = referenceAggregate(p, range);

test('the result of another range of the same length is refused by its maxima', () => {
  for (const shift of [-100n, -1n, 1n, 60n]) {
    const claimed = referenceAggregate(p, { start: range.start + shift, end: range.end + shift });
    const outside = [claimed.maxThreads, claimed.maxWork, claimed.maxSpan].some((largest) => {
      const root = BigInt(largest?.root ?? -1);
      return root < range.start || root >= range.end;
    });
    // Shifted by one, the maxima may well lie in both: then only recomputation tells.
    if (Math.abs(Number(shift)) > 1) assert.ok(outside);
    assert.equal(contradictions(p, range, claimed).length > 0, outside);
  }
});

test('a hidden maximum: the second largest tree in place of the largest is refused', () => {
  const largest = honest.maxThreads;
  assert.ok(largest !== null);
  for (let root = Number(range.start); root < Number(range.end); root++) {
    const tree = walkTree(p, root, p.maxThreads);
    if (tree === undefined || BigInt(tree.threads) === largest.value) continue;
    const claimed = { ...honest, maxThreads: { root, value: BigInt(tree.threads) } };
    // Only where the size class hides it and no walked tree shows it could it pass: not in this range.
    assert.notDeepEqual(contradictions(p, range, claimed), [], `root ${root}`);
  }
});

test('made up but consistent sums fall to the recomputed maxima', () => {
  const claimed = foldAggregates(referenceAggregate(p, { start: 200n, end: 259n }), {
    ...referenceAggregate(p, { start: 100n, end: 101n }),
  });
  assert.equal(claimed.roots, honest.roots);
  assert.notDeepEqual(contradictions(p, range, claimed), []);
});

test('a claimed giant costs one walk that ends at the claimed size', () => {
  assert.equal(checkThreads(emptyAggregate), 0);
  const walks = new Set([honest.maxThreads?.root, honest.maxWork?.root, honest.maxSpan?.root]).size;
  assert.equal(checkThreads(honest), walks * Number(honest.maxThreads?.value));
});

test('without trees there are no maxima, and nothing else either', () => {
  const all = threadParameters.parse({ max_depth: 5, max_children: 4, spawn_threshold: 256, max_threads: 9 });
  const none: Aggregate = { ...emptyAggregate, roots: 60n, oversize: 60n };
  assert.deepEqual(contradictions(all, range, none), []);
  assert.notDeepEqual(contradictions(all, range, { ...none, threads: 1n }), []);
  assert.notDeepEqual(contradictions(all, range, { ...none, maxWork: { root: 100, value: 1n } }), []);
  assert.deepEqual(threadResult(none)['threads_by_depth'], []);
  assert.equal(threadResult(none)['deepest'], 0);
  assert.equal(threadResult(none)['max_threads'], null);
});

test('decode names the field that is wrong', () => {
  const json = encodeAggregate(honest);
  assert.ok(typeof json === 'object' && json !== null);
  assert.deepEqual(decodeAggregate(json), honest);
  const refuses = (change: object, message: RegExp) => {
    assert.throws(
      () => decodeResult(range, { ...json, ...change }),
      (error) =>
        error instanceof ClusterError && error.code === 'result_contradicts' && message.test(error.message),
    );
  };
  refuses({ work: '007' }, /^work: /);
  refuses({ roots: 61 }, /^roots: 61, but the range has 60/);
  refuses({ threads_by_depth: ['60', '0'] }, /^threads_by_depth: /);
  refuses({ max_span: { root: 100, span: -0 } }, /^max_span\.span: /);
  refuses({ makespan_alone: { lower: [], upper: [] } }, /^makespan_alone\.lower: /);
  refuses({ span: '9'.repeat(60) }, /^span: /);
});

test('the public result has the fields, order and types of the specification', () => {
  const result = threadResult(honest);
  assert.deepEqual(
    Object.entries(result).map(([name, value]) => [
      name,
      Array.isArray(value) ? typeof value[0] : typeof value,
    ]),
    [
      ['roots', 'number'],
      ['oversize', 'number'],
      ['threads', 'string'],
      ['work', 'string'],
      ['span', 'string'],
      ['deepest', 'number'],
      ['threads_by_depth', 'string'],
      ['size_histogram', 'string'],
      ['max_threads', 'object'],
      ['max_work', 'object'],
      ['max_span', 'object'],
      ['makespan_alone', 'object'],
      ['makespan_together', 'object'],
    ],
  );
  const text = JSON.stringify(result);
  assert.match(text, /"max_threads":\{"root":\d+,"threads":\d+\}/);
  assert.match(text, /"max_work":\{"root":\d+,"work":\d+\}/);
  assert.match(text, /"max_span":\{"root":\d+,"span":\d+\}/);
  for (const name of ['makespan_alone', 'makespan_together']) {
    const rows = result[name];
    assert.ok(Array.isArray(rows));
    const machines = rows.map((row: unknown) => JSON.stringify(row).replaceAll(/"\d+"/g, '""'));
    const expected = Array.from({ length: 11 }, (_, at) => `{"processors":${2 ** at},"lower":"","upper":""}`);
    assert.deepEqual(machines, expected);
  }
});
