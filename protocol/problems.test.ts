import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloads } from '../shaders/registry.ts';
import { ClusterError } from './errors.ts';
import { jobListQuery, submitBody, throughputQuery } from './http.ts';
import { parseOrRefuse, problemsWith, summary } from './problems.ts';
import { readSubmit } from './submit.ts';

test('every wrong field is named, with what it should be', () => {
  const body = {
    name: '',
    priority: 'urgent',
    gpu_preferred: 1,
    placement: { tags: 'a', node_id: 'no spaces', min_gpu_memory_mb: 1.5, colour: 1 },
    parameters: [],
    parallel: true,
  };
  assert.deepEqual(problemsWith(submitBody, body), [
    { path: 'type', message: 'missing: expected text' },
    { path: 'name', message: 'expected at least 1 character' },
    { path: 'priority', message: 'expected one of low, normal, high' },
    { path: 'gpu_preferred', message: 'expected true or false' },
    {
      path: 'placement.node_id',
      message: 'expected 1-64 letters, digits, dots, dashes or underscores',
    },
    { path: 'placement.min_gpu_memory_mb', message: 'expected a whole number' },
    { path: 'placement.tags', message: 'expected a list' },
    { path: 'placement.colour', message: 'unknown field: remove it' },
    { path: 'parameters', message: 'expected a JSON object' },
    { path: 'parallel', message: 'unknown field: remove it' },
  ]);
});

test('a submit body is told of its own problems and its parameters’ at once', () => {
  const body = { type: 'collatz', priority: 1, parameters: { start: '0', end: '10', width: 3 } };
  const { body: parsed, problems } = readSubmit(body, workloads);
  assert.equal(parsed, undefined);
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['priority', 'parameters.start', 'parameters.width'],
  );
});

test('an unknown workload is told which there are', () => {
  const { problems } = readSubmit({ type: 'fractal', parameters: {} }, workloads);
  assert.deepEqual(problems, [{ path: 'type', message: 'expected one of collatz, thread' }]);
  const inherited = readSubmit({ type: 'constructor', parameters: {} }, workloads);
  assert.equal(inherited.problems[0]?.path, 'type');
});

test('a body that is no object is refused as such', () => {
  for (const body of [null, 1, 'text', [], true]) {
    const { problems } = readSubmit(body, workloads);
    assert.deepEqual(problems, [{ path: '', message: 'expected a JSON object' }]);
  }
});

test('a refusal is bounded, however many fields are wrong and however long their names', () => {
  const body = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${'x'.repeat(1000)}${i}`, i]));
  const problems = problemsWith(submitBody, body);
  assert.ok(problems.length <= 33);
  assert.match(problems.at(-1)?.message ?? '', /more problems are not listed/);
  assert.ok(summary(problems).length < 10_000);
});

test('queries are read as plain numbers and spans of time', () => {
  assert.equal(parseOrRefuse(jobListQuery, {}).limit, 50);
  assert.equal(parseOrRefuse(jobListQuery, { limit: '500' }).limit, 500);
  for (const limit of ['0', '501', '1e2', '0x10', ' 5', '-1', '', ['1', '2']]) {
    assert.throws(() => parseOrRefuse(jobListQuery, { limit }), ClusterError, String(limit));
  }
  for (const window of ['24', '0h', '1y', '-1h', '1.5h', '367d', '999999d']) {
    assert.throws(() => parseOrRefuse(throughputQuery, { window }), ClusterError, window);
  }
  assert.equal(parseOrRefuse(throughputQuery, { window: '366d' }).window, '366d');
});
