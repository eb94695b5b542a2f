import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedThreads } from './expected-threads.ts';
import { encodeParameters, threadParameters } from './parameters.ts';

/** The paths that are complained about. */
function problems(body: unknown): string[] {
  const parsed = threadParameters.safeParse(body);
  return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
}

test('an empty body is the defaults of the specification', () => {
  assert.deepEqual(encodeParameters(threadParameters.parse({})), {
    thread_count: 1000,
    max_depth: 10,
    max_children: 2,
    spawn_threshold: 160,
    work_min: 10,
    work_max: 1000,
    max_threads: 65536,
    seed: '0',
  });
});

test('each limit is allowed, and one step past it is refused by name', () => {
  const limits = {
    thread_count: [1, 2 ** 32],
    max_depth: [0, 32],
    max_children: [0, 4],
    spawn_threshold: [0, 256],
    max_threads: [1, 2 ** 24],
    batch_size: [1, 2 ** 24],
  };
  for (const [name, [low = 0, high = 0]] of Object.entries(limits)) {
    assert.deepEqual(problems({ [name]: low }), []);
    assert.deepEqual(problems({ [name]: high }), []);
    assert.deepEqual(problems({ [name]: low - 1 }), [name]);
    assert.deepEqual(problems({ [name]: high + 1 }), [name]);
  }
  assert.deepEqual(problems({ work_min: 1, work_max: 2 ** 20 }), []);
  assert.deepEqual(problems({ work_min: 0 }), ['work_min']);
  assert.deepEqual(problems({ work_max: 2 ** 20 + 1 }), ['work_max']);
});

test('numbers are whole JSON numbers; only the seed may be a string', () => {
  for (const value of ['10', 1.5, null, true, [], {}, NaN, '']) {
    assert.deepEqual(problems({ thread_count: value }), ['thread_count'], JSON.stringify(value));
  }
  assert.equal(threadParameters.parse({ seed: '18446744073709551615' }).seed, 2n ** 64n - 1n);
  assert.equal(threadParameters.parse({ seed: 42 }).seed, 42n);
  for (const value of ['18446744073709551616', '-1', '+1', ' 1', '01', '1e3', '', 2 ** 53, -1, 0.5, null]) {
    assert.deepEqual(problems({ seed: value }), ['seed'], String(value));
  }
});

test('minus zero becomes zero', () => {
  assert.equal(JSON.stringify(threadParameters.parse({ max_depth: -0 }).maxDepth), '0');
  assert.ok(Object.is(threadParameters.parse({ max_depth: -0 }).maxDepth, 0));
});

test('work_min above work_max names both, also where one is the default', () => {
  assert.deepEqual(problems({ work_min: 20, work_max: 10 }), ['work_min', 'work_max']);
  assert.deepEqual(problems({ work_min: 1001 }), ['work_min', 'work_max']);
  assert.deepEqual(problems({ work_max: 9 }), ['work_min', 'work_max']);
  assert.deepEqual(problems({ work_min: 7, work_max: 7 }), []);
});

test('every wrong field is named, unknown ones too', () => {
  assert.deepEqual(problems({ max_depth: 33, max_children: 5 }), ['max_depth', 'max_children']);
  const parsed = threadParameters.safeParse({ threads: 1 });
  assert.match(parsed.error?.issues[0]?.message ?? '', /threads/);
});

test('the expected size of a tree is that of its branching process, cut at max_threads', () => {
  const expected = (body: unknown) => expectedThreads(threadParameters.parse(body));
  assert.equal(expected({ max_children: 0 }), 1);
  assert.equal(expected({ max_children: 1, spawn_threshold: 256, max_depth: 32 }), 33);
  assert.equal(expected({ max_children: 4, spawn_threshold: 256, max_depth: 5 }), 1365);
  assert.equal(expected({ max_children: 4, spawn_threshold: 256, max_depth: 32 }), 65536);
  // Measured over 1000 roots: 42.336.
  assert.ok(Math.abs(expected({}) - 42.6) < 0.1, String(expected({})));
});
