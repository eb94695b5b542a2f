/** What the forms make of text: bodies that the schemas take, problems that say what to enter, commands for a shell. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { estimateSeconds } from '../../client/browser/submit/estimate.ts';
import { collatzCommand, readCollatz } from '../../client/browser/submit/collatz-order.ts';
import type { CollatzDraft } from '../../client/browser/submit/collatz-order.ts';
import { problemsOfApi } from '../../client/browser/submit/reading.ts';
import type { Reading } from '../../client/browser/submit/reading.ts';
import { readThread, threadCommand, threadDraft } from '../../client/browser/submit/thread-order.ts';
import type { ThreadField } from '../../client/browser/submit/thread-order.ts';
import { duration } from '../../client/browser/format/duration.ts';
import { clusterStatus, jobStatus, submitBody } from '../../protocol/http.ts';
import { parametersSchema } from '../../shaders/collatz/parameters.ts';
import { threadParameters } from '../../shaders/thread-sim/parameters.ts';

const COLLATZ: CollatzDraft = { start: '1', end: '1e9', mode: 'statistics', priority: 'normal', name: '' };
const ORIGIN = 'http://127.0.0.1:3000';

function bodyOf(reading: Reading) {
  assert.ok(reading.problems === undefined, JSON.stringify([...(reading.problems ?? [])]));
  return reading.body;
}

function problemOf(reading: Reading, field: string): string {
  return reading.problems?.get(field) ?? '';
}

function thread(fields: Partial<Record<ThreadField, string>>) {
  const draft = threadDraft();
  return { ...draft, fields: { ...draft.fields, ...fields } };
}

suite('a Collatz job', () => {
  test('numbers as people write them become plain decimals that the schema takes', () => {
    const body = bodyOf(
      readCollatz({
        start: '2^68',
        end: '2^68 + 1 000',
        mode: 'verify',
        priority: 'high',
        name: ' Far out ',
      }),
    );
    const parsed = submitBody.parse(body);
    assert.deepEqual(parametersSchema.parse(parsed.parameters), {
      start: 2n ** 68n,
      end: 2n ** 68n + 1000n,
      mode: 'verify',
      batchHint: undefined,
    });
    assert.equal(parsed.name, 'Far out');
    assert.equal(parsed.priority, 'high');
  });

  test('each wrong field says what to enter', () => {
    for (const text of ['', ' ', 'ten', '1.5', '-3', '1e', '0x10', '2^', '<b>1</b>']) {
      assert.match(problemOf(readCollatz({ ...COLLATZ, start: text }), 'start'), /[Ee]nter/, text);
      assert.match(problemOf(readCollatz({ ...COLLATZ, end: text }), 'end'), /[Ee]nter/, text);
    }
    assert.match(problemOf(readCollatz({ ...COLLATZ, start: '0' }), 'start'), /from 1 to 2\^96/);
    assert.match(problemOf(readCollatz({ ...COLLATZ, end: '2^96+1' }), 'end'), /from 2 to 2\^96/);
    assert.match(problemOf(readCollatz({ ...COLLATZ, start: '5', end: '5' }), 'end'), /enter 6 or more/);
    assert.match(problemOf(readCollatz({ ...COLLATZ, name: 'x'.repeat(201) }), 'name'), /200/);
    assert.match(problemOf(readCollatz({ ...COLLATZ, name: 'a\u0007b' }), 'name'), /control/);
  });

  test('whatever is accepted, the API’s schema accepts too (property)', () => {
    const text = fc.oneof(
      fc.bigInt({ min: 0n, max: 1n << 97n }).map(String),
      fc.constantFrom('1e9', '2^68+1', '2^96', '2^96-1', '1,000', '10^12 - 1', '0', '', '1e-3'),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(text, text, fc.string({ maxLength: 210 }), (start, end, name) => {
        const reading = readCollatz({ ...COLLATZ, start, end, name });
        if (reading.problems !== undefined) return reading.problems.size > 0;
        return parametersSchema.safeParse(submitBody.parse(reading.body).parameters).success;
      }),
      { seed: 20261122, numRuns: 400 },
    );
  });
});

suite('a thread job', () => {
  test('what it begins with are the defaults of the schema', () => {
    const body = submitBody.parse(bodyOf(readThread(threadDraft())));
    assert.deepEqual(threadParameters.parse(body.parameters), threadParameters.parse({}));
  });

  test('a given shape fills the fields', () => {
    const draft = threadDraft({ threadCount: 20_000, maxDepth: 14, maxChildren: 3, seed: 42n });
    const parsed = threadParameters.parse(bodyOf(readThread(draft)).parameters);
    assert.deepEqual(
      [parsed.threadCount, parsed.maxDepth, parsed.maxChildren, parsed.seed],
      [20_000, 14, 3, 42n],
    );
  });

  test('each wrong field says what to enter', () => {
    const beyond: readonly [ThreadField, string, RegExp][] = [
      ['thread_count', '0', /from 1 to 4.294.967.296/],
      ['thread_count', '2^32+1', /from 1/],
      ['max_depth', '33', /from 0 to 32/],
      ['max_children', '5', /from 0 to 4/],
      ['spawn_threshold', '257', /from 0 to 256/],
      ['work_min', '0', /from 1/],
      ['work_max', '2^20+1', /from 1/],
      ['max_threads', '0', /from 1/],
      ['seed', '2^64', /2\^64 − 1/],
      ['seed', '', /Enter a whole number/],
      ['max_depth', 'deep', /enter one like/],
    ];
    for (const [field, text, wanted] of beyond) {
      assert.match(problemOf(readThread(thread({ [field]: text })), field), wanted, `${field} ${text}`);
    }
    assert.match(problemOf(readThread(thread({ work_min: '20', work_max: '10' })), 'work_max'), /20 or more/);
  });
});

suite('the command', () => {
  test('is what was typed, and leaves defaults out', () => {
    assert.equal(collatzCommand(COLLATZ, ORIGIN), 'threads submit collatz --start 1 --end 1e9');
    assert.equal(
      collatzCommand({ ...COLLATZ, end: '1 000 000', mode: 'verify', priority: 'high' }, 'https://a.example'),
      'threads submit collatz --start 1 --end 1000000 --mode verify --priority high --url https://a.example',
    );
    assert.equal(
      threadCommand(thread({ max_depth: '14', seed: '42' }), ORIGIN),
      'threads submit thread --thread-count 1000 --seed 42 --max-depth 14',
    );
  });

  test('a name stays one argument of a shell, whatever it holds (property)', () => {
    const names = fc.stringMatching(/^[ -~é’]{1,24}$/).filter((name) => name.trim() !== '');
    fc.assert(
      fc.property(fc.array(names, { minLength: 30, maxLength: 30 }), (list) => {
        const lines = list.map((name) => collatzCommand({ ...COLLATZ, name }, ORIGIN));
        const script = `threads() { printf '%s\\0' "$8"; }\n${lines.join('\n')}`;
        const read = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
        assert.deepEqual(
          read,
          list.map((name) => name.trim()),
        );
      }),
      { seed: 7, numRuns: 5 },
    );
  });
});

suite('the estimate', () => {
  const cluster = (units_per_second: number, type = 'collatz', more: readonly object[] = []) =>
    clusterStatus.parse({
      now: '2026-01-01T00:00:00Z',
      version: '0',
      protocol: 1,
      uptime_seconds: 1,
      draining: false,
      store: 'ok',
      workers: { expected: null, connected: 1, by_kind: {}, by_state: {} },
      jobs: { pending: 0, running: 1, paused: 0, completed: 0, failed: 0, cancelled: 0 },
      throughput: [
        {
          type,
          kind: 'cpu',
          units_per_second,
          variants: [{ variant: type === 'collatz' ? 'statistics' : null, units_per_second }, ...more],
        },
      ],
      waiting: [],
    });
  const job = (type: string, parameters: Record<string, string | number>, finished: string | null = null) =>
    jobStatus.parse({
      job_id: 'a',
      type,
      name: null,
      status: finished === null ? 'running' : 'completed',
      priority: 'normal',
      user_id: null,
      expected_seconds: null,
      max_attempts: 20,
      gpu_preferred: false,
      placement: {},
      parameters,
      unit: 'numbers',
      progress: { total: '1', done: '0', fraction: 0, rate_per_second: null, eta_seconds: null },
      queue_position: null,
      waiting_for: null,
      created_at: '2026-01-01T00:00:00Z',
      started_at: null,
      updated_at: '2026-01-01T00:00:00Z',
      finished_at: finished,
      error: null,
    });
  const now = Date.parse('2026-01-01T01:00:00Z');
  const order = bodyOf(readCollatz({ ...COLLATZ, end: '1000001' }));

  test('is the range over the rate, and hidden where it is not known', () => {
    const like = job('collatz', { mode: 'statistics' });
    assert.equal(estimateSeconds(order, cluster(1000), [like], now), 1000);
    assert.equal(estimateSeconds(order, undefined, [like], now), undefined);
    assert.equal(estimateSeconds(order, cluster(1000), undefined, now), undefined);
    assert.equal(estimateSeconds(order, cluster(0), [like], now), undefined);
    assert.equal(estimateSeconds(order, cluster(1000, 'thread'), [like], now), undefined);
    // Verifying says nothing about statistics, at the same time either, nor does what ended long ago.
    const verifying = job('collatz', { mode: 'verify' });
    const both = cluster(1000, 'collatz', [{ variant: 'verify', units_per_second: 1e9 }]);
    assert.equal(estimateSeconds(order, both, [like, verifying], now), 1000);
    assert.equal(estimateSeconds(order, cluster(1000), [verifying], now), undefined);
    const old = job('collatz', { mode: 'statistics' }, '2026-01-01T00:50:00Z');
    assert.equal(estimateSeconds(order, cluster(1000), [old], now), undefined);
  });

  test('weighs roots by how many threads they have', () => {
    const small = bodyOf(readThread(thread({ max_depth: '0' })));
    const chain = bodyOf(readThread(thread({ max_depth: '9', max_children: '1', spawn_threshold: '256' })));
    const running = job('thread', small.parameters);
    assert.equal(estimateSeconds(small, cluster(100, 'thread'), [running], now), 10);
    assert.equal(estimateSeconds(chain, cluster(100, 'thread'), [running], now), 100);
  });
});

test('the API’s problems stand at the fields of the form, as sentences', () => {
  const problems = problemsOfApi(
    new Map([
      ['parameters.end', 'expected a whole number'],
      ['name', 'Too long.'],
    ]),
  );
  assert.deepEqual(
    [...problems],
    [
      ['end', 'Expected a whole number.'],
      ['name', 'Too long.'],
    ],
  );
});

test('lengths of time', () => {
  const said: readonly [number, string][] = [
    [0.2, 'less than 1 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [360, '6 min'],
    [3599, '1 h'],
    [11_400, '3 h 10 min'],
    [86_399, '1 d'],
    [90_000, '1 d 1 h'],
    [864_000 * 3, '30 days'],
    [1e9, '32 years'],
    [1e12, 'more than a thousand years'],
  ];
  for (const [seconds, text] of said) assert.equal(duration(seconds).replaceAll('\u00a0', ' '), text);
});
