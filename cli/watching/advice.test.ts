/** Each piece of advice comes where there is a reason for it, and not where there is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advice } from './advice.ts';
import { usageText } from './usage-text.ts';
import type { ClusterUsage } from './usage.ts';

const LATENCY = { count: 1000, p50: 0.001, p90: 0.002, p99: 0.004 };
const worker = (node_id: string, busy_fraction: number) => ({ node_id, kind: 'cpu', busy_fraction });

/** A cluster that has nothing wrong with it. */
const WELL: ClusterUsage = {
  from: '2026-05-01T10:00:00.000Z',
  to: '2026-05-01T11:00:00.000Z',
  seconds: 3600,
  throughput: [{ type: 'collatz', kind: 'cpu', units: 3.6e9, units_per_second: 1e6, batches: 400 }],
  workers: [worker('a', 0.7), worker('b', 0.8), worker('c', 0.6)],
  workers_gone: 0,
  workers_expected: 3,
  connected: { operator: 3, volunteer: 0 },
  volunteers_busy_fraction: null,
  jobs_waiting: 0,
  jobs_running: 1,
  results: { accepted: 400, failed: 0, failed_fraction: 0, failed_by: [] },
  leases: { ended: 400, expired: 0, expired_fraction: 0 },
  memory: [{ process: 'coordinator', highest_bytes: 2e8, limit_bytes: 1e9 }],
  disk: { free_bytes: 5e10, total_bytes: 1e11 },
  latency: { http: LATENCY, commits: LATENCY, batch_compute: [{ ...LATENCY, kind: 'cpu', p99: 12 }] },
  http_failed_fraction: 0,
  alerts: [],
  alerts_over: [],
};

test('where nothing is wrong nothing is advised', () => {
  assert.deepEqual(advice(WELL), []);
  assert.match(usageText(WELL, []), /Advice\n {2}nothing stands out$/);
});

const cases: [string, Partial<ClusterUsage>, RegExp | null][] = [
  [
    'two of three workers idle',
    { workers: [worker('a', 0.2), worker('b', 0.1), worker('c', 0.9)] },
    /^2 of 3 workers are idle 80\.0 % of the time or more: more jobs, or fewer workers\.$/,
  ],
  ['one of two idle', { workers: [worker('a', 0), worker('b', 0.9)] }, /^1 of 2 workers is idle 100 %/],
  ['the only one idle', { workers: [worker('a', 0.05)] }, /^The worker is idle 95\.0 % of the time:/],
  [
    'all busy, jobs waiting',
    { workers: [worker('a', 0.95)], jobs_waiting: 4.2 },
    /4\.2 jobs waited.*more workers/,
  ],
  ['all busy, none waiting', { workers: [worker('a', 0.95)] }, null],
  ['a worker missing', { connected: { operator: 2, volunteer: 9 } }, /^2 of 3 expected workers .*`status`/],
  ['none expected', { connected: { operator: 2, volunteer: 0 }, workers_expected: null }, null],
  [
    'a slow disk',
    { latency: { ...WELL.latency, commits: { ...LATENCY, p99: 0.8 }, http: { ...LATENCY, p99: 2 } } },
    /^Commit p99 is 800 ms: the disk is slow/,
  ],
  [
    'slow requests on a quick disk',
    { latency: { ...WELL.latency, http: { ...LATENCY, p99: 2 } } },
    /^HTTP p99 is 2000 ms and commits are quick/,
  ],
  [
    'one slow commit of two',
    { latency: { ...WELL.latency, commits: { count: 2, p50: 1, p90: 1, p99: 1 } } },
    null,
  ],
  [
    'results refused',
    {
      results: {
        accepted: 360,
        failed: 40,
        failed_fraction: 0.1,
        failed_by: [{ outcome: 'lease_expired', count: 40 }],
      },
    },
    /^10\.0 % of the results were refused, mostly as lease_expired: workers answer too late/,
  ],
  [
    'one refused of two',
    {
      results: {
        accepted: 1,
        failed: 1,
        failed_fraction: 0.5,
        failed_by: [{ outcome: 'internal', count: 1 }],
      },
    },
    null,
  ],
  [
    'leases expire',
    { leases: { ended: 400, expired: 80, expired_fraction: 0.2 } },
    /^20\.0 % of the leases expired/,
  ],
  ['requests fail', { http_failed_fraction: 0.02 }, /^2\.0 % of the HTTP requests failed/],
  [
    'a coordinator near its limit',
    { memory: [{ process: 'coordinator', highest_bytes: 9e8, limit_bytes: 1e9 }] },
    /^coordinator came to 900 MB of the 1\.00 GB .*raise its limit\.$/,
  ],
  [
    'a worker near its limit',
    { memory: [{ process: 'w', highest_bytes: 9e8, limit_bytes: 1e9 }] },
    /^w came to .*WORKER_THREADS/,
  ],
  ['no limit known', { memory: [{ process: 'w', highest_bytes: 9e11, limit_bytes: null }] }, null],
  [
    'a full disk',
    { disk: { free_bytes: 1e10, total_bytes: 1e11 } },
    /^10\.0 % of the disk is free .*RETENTION_DAYS/,
  ],
];

for (const [what, change, expected] of cases) {
  test(`advice: ${what}`, () => {
    const lines = advice({ ...WELL, ...change });
    if (expected === null) assert.deepEqual(lines, []);
    else {
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0] ?? '', expected);
    }
  });
}

test('advice where nothing was computed: whether there was work, and somebody to do it', () => {
  const nothing: ClusterUsage = {
    ...WELL,
    workers: WELL.workers.map((one) => ({ ...one, busy_fraction: 0 })),
    results: { accepted: 0, failed: 0, failed_fraction: null, failed_by: [] },
    jobs_running: 0,
  };
  assert.match(advice(nothing).join(), /^Nothing was computed, and no job waited/);
  assert.match(advice({ ...nothing, jobs_running: 1 }).join(), /^Jobs run and no result was accepted/);
  const alone = { ...nothing, jobs_waiting: 1, connected: { operator: 0, volunteer: 0 } };
  assert.match(advice({ ...alone, workers_expected: null }).join(), /^Jobs wait and no worker was connected/);
});

test('what others named cannot steer the terminal', () => {
  const text = usageText({ ...WELL, workers: [worker('a\u001b[31m', 0.5)], alerts_over: ['x\u0007'] }, []);
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
});
