/** What the Cluster page makes of the API's answers: sentences, strips, lanes, addresses. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  matches,
  readAddress,
  writeAddress,
  STATE_FILTERS,
  WINDOWS,
} from '../../client/browser/cluster/address.ts';
import { devicesInOrder, laneRuns, laneText } from '../../client/browser/cluster/devices.ts';
import { headline } from '../../client/browser/cluster/headline.ts';
import { jobList } from '../../client/browser/cluster/job-list.ts';
import { donePercent, jobTitle, jobWhen, shortRate } from '../../client/browser/cluster/job-text.ts';
import { lateLeases } from '../../client/browser/cluster/late-leases.ts';
import { needsALook } from '../../client/browser/cluster/needs-a-look.ts';
import { numberName } from '../../client/browser/cluster/number-name.ts';
import { stripCells } from '../../client/browser/cluster/range-strip.ts';
import { resultFigures } from '../../client/browser/cluster/result-figures.ts';
import type { ClusterStatus, JobCoverage, JobStatus, NodeStatus } from '../../protocol/http.ts';

const NOW = '2026-01-01T12:00:00.000Z';
const NOW_MS = Date.parse(NOW);
const before = (seconds: number) => new Date(NOW_MS - seconds * 1000).toISOString();
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

function clusterWith(more: Partial<ClusterStatus> = {}): ClusterStatus {
  return {
    now: NOW,
    version: '0',
    protocol: 1,
    uptime_seconds: 1,
    draining: false,
    store: 'ok',
    workers: { expected: null, connected: 2, by_kind: {}, by_state: {} },
    jobs: { pending: 0, running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 },
    throughput: [],
    waiting: [],
    ...more,
  };
}

function jobWith(more: Partial<JobStatus> = {}): JobStatus {
  return {
    job_id: 'job',
    type: 'collatz',
    name: null,
    status: 'running',
    user_id: null,
    priority: 'normal',
    gpu_preferred: false,
    placement: {},
    expected_seconds: null,
    max_attempts: 20,
    parameters: { start: '1', end: '1000000000000', mode: 'statistics' },
    unit: 'numbers',
    progress: { total: '100', done: '0', fraction: 0, rate_per_second: null, eta_seconds: null },
    queue_position: null,
    waiting_for: null,
    created_at: before(60),
    started_at: before(60),
    updated_at: before(10),
    finished_at: null,
    error: null,
    ...more,
  };
}

function nodeWith(more: Partial<NodeStatus> = {}): NodeStatus {
  return {
    node_id: 'loom-1',
    kind: 'cpu',
    host: 'node',
    own: true,
    state: 'computing',
    device: {
      description: 'CPU',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 1,
    },
    tags: [],
    priority: 0,
    software: '0',
    rate_per_second: null,
    busy_fraction: null,
    batches_done: 0,
    units_done: '0',
    errors: 0,
    leases: [],
    activity: '-'.repeat(120),
    health_url: null,
    connected_at: before(100),
    last_heartbeat: before(1),
    ...more,
  };
}

function lease(since: number, expected: number | null) {
  return {
    start: '10',
    end: '20',
    lease_id: 'l',
    job_id: 'job',
    since: before(since),
    expected_at: expected === null ? null : before(expected),
  };
}

suite('words', () => {
  test('numbers are short only where that is exact', () => {
    const names: readonly [bigint, string][] = [
      [27n, '27'],
      [999_999n, '999 999'],
      [10n ** 6n, '10⁶'],
      [3n * 10n ** 9n, '3 × 10⁹'],
      [2n ** 68n, '2⁶⁸'],
      [2n ** 68n + 10n ** 12n, '2⁶⁸ + 10¹²'],
      [2n ** 68n + 1n, '2⁶⁸ + 1'],
      [2n ** 96n - 1n, '2⁹⁶ − 1'],
      [123_456_789_012n, '123 456 789 012'],
    ];
    for (const [n, name] of names) assert.equal(plain(numberName(n)), name);
  });

  test('a job says what it computes, how far it is and when it ends, and nothing that is not known', () => {
    assert.equal(jobTitle(jobWith()), 'Collatz 1 to 10¹²');
    assert.equal(plain(donePercent(0.6264)), '62.6 %');
    assert.equal(plain(donePercent(0.99999)), '99.9 %');
    assert.equal(plain(donePercent(1e-9)), '< 0.1 %');
    assert.equal(plain(shortRate(2.85e9)), '2.85 G/s');
    assert.equal(plain(shortRate(892_000)), '892 k/s');
    assert.equal(plain(shortRate(999_900)), '1.00 M/s');
    assert.equal(plain(shortRate(12)), '12.0/s');
    assert.equal(shortRate(null), '');
    assert.equal(jobWhen(jobWith()), '');
    const eta = { total: '1', done: '0', fraction: 0, rate_per_second: 1, eta_seconds: 120 };
    assert.equal(plain(jobWhen(jobWith({ progress: eta }))), '2 min left');
    assert.equal(
      jobWhen(jobWith({ status: 'pending', waiting_for: 'behind 1 job' })),
      'waits for behind 1 job',
    );
    assert.equal(plain(jobWhen(jobWith({ status: 'completed', finished_at: before(59.1) }))), 'in 0.9 s');
  });

  test('the headline counts devices, jobs and late leases', () => {
    const jobs = { pending: 3, running: 2, paused: 0, completed: 9, failed: 0, cancelled: 0 };
    assert.equal(headline(clusterWith({ jobs }), []), '2 devices, 2 jobs running.');
    const late = nodeWith({ leases: [lease(100, 60)] });
    assert.equal(headline(clusterWith({ jobs }), [late]), '2 devices, 2 jobs running, 1 lease late.');
    assert.equal(headline(clusterWith(), []), '2 devices, no job to run.');
  });
});

suite('what needs a look', () => {
  const notices = (more: { cluster?: Partial<ClusterStatus>; nodes?: NodeStatus[]; jobs?: JobStatus[] }) =>
    needsALook({ cluster: clusterWith(more.cluster), nodes: more.nodes ?? [], jobs: more.jobs ?? [] });

  test('nothing, while all is well or only in line', () => {
    const waiting = [
      { job_id: 'job', waiting_for: 'behind 2 jobs' },
      { job_id: 'b', waiting_for: 'a free worker' },
    ];
    assert.deepEqual(notices({ cluster: { waiting }, nodes: [nodeWith()], jobs: [jobWith()] }), []);
  });

  test('each trouble once, the worst first, with what to do', () => {
    const found = notices({
      cluster: {
        store: 'unavailable',
        draining: true,
        workers: { expected: 5, connected: 2, by_kind: {}, by_state: {} },
        waiting: [
          { job_id: 'job', waiting_for: 'a GPU worker: none is connected that could take it' },
          { job_id: 'b', waiting_for: 'a worker: none is connected' },
        ],
      },
      nodes: [
        nodeWith({ leases: [lease(100, 60)] }),
        nodeWith({ node_id: 'quiet', state: 'silent', last_heartbeat: before(40) }),
        nodeWith({ node_id: 'wrong', errors: 3, batches_done: 10 }),
        nodeWith({ node_id: 'long gone', errors: 3, state: 'offline' }),
      ],
      jobs: [
        jobWith({
          job_id: 'f',
          status: 'failed',
          finished_at: before(9),
          error: { code: 'x', message: 'ten failed' },
        }),
        jobWith({ job_id: 'old', status: 'failed', finished_at: before(90_000) }),
      ],
    });
    assert.deepEqual(
      found.map(({ id, action }) => `${id}: ${action?.kind ?? 'none'}`),
      [
        'store: none',
        'draining: none',
        'failed f: job',
        'late l: job',
        'silent quiet: device',
        'errors wrong: device',
        'waiting job: job',
        'waiting b: add',
        'missing: add',
      ],
    );
    assert.equal(plain(found[3]?.title ?? ''), 'Lease late by 1 min');
    assert.match(plain(found[4]?.detail ?? ''), /last heard 40 s ago/);
  });

  test('a lease is late when it takes twice what was expected, and ten seconds more at least', () => {
    const late = (since: number, expected: number | null) =>
      lateLeases([nodeWith({ leases: [lease(since, expected)] })], NOW_MS).length;
    assert.equal(late(15, 9), 0);
    assert.equal(late(15, 11), 1);
    assert.equal(late(100, 45), 0);
    assert.equal(late(100, 55), 1);
    assert.equal(late(100, null), 0);
  });
});

suite('the range strip', () => {
  const range = (start: bigint, end: bigint) => ({ start: String(start), end: String(end) });

  test('its cells add up to what is done, for any ranges (property)', () => {
    const cuts = fc.uniqueArray(fc.bigInt({ min: 0n, max: 10_000n }), { minLength: 2, maxLength: 24 });
    fc.assert(
      fc.property(
        cuts,
        fc.bigInt({ min: 1n, max: 1n << 90n }),
        fc.integer({ min: 1, max: 200 }),
        (edges, from, count) => {
          const sorted = edges.toSorted((a, b) => (a < b ? -1 : 1)).map((edge) => from + edge);
          const done = sorted.flatMap((edge, i) =>
            i % 2 === 0 && sorted[i + 1] !== undefined ? [range(edge, sorted[i + 1] ?? 0n)] : [],
          );
          const total = range(from, from + 10_000n);
          const coverage = coverageWith({ total, done });
          const cells = stripCells(coverage, count, { ownNodeId: undefined, lateStarts: new Set() });
          assert.equal(cells.length, count);
          const covered = done.reduce((sum, { start, end }) => sum + Number(BigInt(end) - BigInt(start)), 0);
          const shown = cells.reduce((sum, cell, i) => {
            const length = Math.floor((10_000 * (i + 1)) / count) - Math.floor((10_000 * i) / count);
            return sum + cell.done * length;
          }, 0);
          // Each cell is rounded to a thousandth at most.
          assert.ok(Math.abs(shown - covered) <= 10_000 * 0.001 + 1e-6, `${shown} for ${covered}`);
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });

  test('holes, leases, own and late ones stand where they are', () => {
    const cells = stripCells(
      coverageWith({
        total: range(0n, 100n),
        done: [range(0n, 20n), range(30n, 35n)],
        leased: [
          { ...range(20n, 30n), node_id: 'a', since: NOW },
          { ...range(40n, 50n), node_id: 'me', since: NOW },
          { ...range(50n, 55n), node_id: 'b', since: NOW },
        ],
      }),
      10,
      { ownNodeId: 'me', lateStarts: new Set(['50']) },
    );
    assert.deepEqual(
      cells.map(({ done }) => done),
      [1, 1, 0, 0.5, 0, 0, 0, 0, 0, 0],
    );
    assert.deepEqual(
      cells.map((cell) => cell.lease),
      ['none', 'none', 'others', 'none', 'own', 'late', 'none', 'none', 'none', 'none'],
    );
  });

  test('a job of few numbers has a cell for each; one of too many ranges is drawn from its blocks', () => {
    const marks = { ownNodeId: undefined, lateStarts: new Set<string>() };
    assert.equal(stripCells(coverageWith({ total: range(5n, 8n) }), 57, marks).length, 3);
    const blocks = { count: 4, figure: '', mean: [], done_fraction: [1, 0.5, 0, 0] };
    const cells = stripCells(coverageWith({ total: range(0n, 100n), truncated: true, blocks }), 2, marks);
    assert.deepEqual(
      cells.map(({ done }) => done),
      [0.75, 0],
    );
  });

  function coverageWith(more: Partial<JobCoverage>): JobCoverage {
    return {
      job_id: 'job',
      status: 'running',
      total: range(0n, 1n),
      done: [],
      leased: [],
      waiting: [],
      truncated: false,
      blocks: { count: 0, figure: '', mean: [], done_fraction: [] },
      ...more,
    };
  }
});

suite('devices and jobs', () => {
  test('this device first, those that are gone last', () => {
    const nodes = [
      nodeWith({ node_id: 'gone', state: 'offline', kind: 'node-gpu' }),
      nodeWith({ node_id: 'b' }),
      nodeWith({ node_id: 'a' }),
      nodeWith({ node_id: 'me' }),
      nodeWith({ node_id: 'gpu', kind: 'node-gpu' }),
    ];
    assert.deepEqual(
      devicesInOrder(nodes, 'me').map(({ node_id }) => node_id),
      ['me', 'gpu', 'a', 'b', 'gone'],
    );
  });

  test('a lane joins equal neighbours and says in words what it shows', () => {
    assert.deepEqual(laneRuns('--0099'), [
      { from: 0, to: 2, level: 'gone' },
      { from: 2, to: 4, level: 0 },
      { from: 4, to: 6, level: 9 },
    ]);
    assert.equal(
      laneText(`${'-'.repeat(60)}${'9'.repeat(60)}`, 30),
      'connected 30 min of the last hour, computing 30 min',
    );
    assert.equal(laneText('-'.repeat(120), 30), 'not connected in the last hour');
  });

  test('each job once, in its newest state, as the filter says', () => {
    const live = [jobWith({ job_id: 'a' }), jobWith({ job_id: 'b', status: 'completed' })];
    const fetched = [
      jobWith({ job_id: 'a', status: 'pending', updated_at: before(50) }),
      jobWith({ job_id: 'c', status: 'paused' }),
      jobWith({ job_id: 'b', status: 'cancelled', updated_at: before(5) }),
    ];
    const listed = (filter: Parameters<typeof jobList>[2]) =>
      jobList(live, fetched, filter).map(({ job_id, status }) => `${job_id} ${status}`);
    assert.deepEqual(listed({ type: undefined, state: 'all' }), ['a running', 'c paused', 'b cancelled']);
    assert.deepEqual(listed({ type: undefined, state: 'active' }), ['a running', 'c paused']);
    assert.deepEqual(listed({ type: 'thread', state: 'all' }), []);
  });

  test('a result of any workload is figures and tables', () => {
    const { figures, tables } = resultFigures({
      count: '1000',
      max_delay: { n: '871', delay: 178 },
      failures: [],
      delay_records: [
        { n: '1', delay: 0 },
        { n: '2', delay: 1 },
      ],
    });
    assert.deepEqual(
      figures.map(([name, value]) => [name, plain(value)]),
      [
        ['count', '1 000'],
        ['max delay', 'n 871, delay 178'],
        ['failures', 'none'],
      ],
    );
    assert.deepEqual(tables, [
      {
        title: 'delay records',
        total: 2,
        columns: ['n', 'delay'],
        rows: [
          ['1', '0'],
          ['2', '1'],
        ],
      },
    ]);
  });
});

suite('the address', () => {
  test('restores what is shown (property)', () => {
    const id = fc.option(fc.stringMatching(/^[a-z0-9-]{1,64}$/), { nil: undefined });
    const view = fc.record({
      job: id,
      type: id,
      state: fc.constantFrom(...STATE_FILTERS),
      window: fc.option(fc.constantFrom(...WINDOWS), { nil: undefined }),
      rate: id,
    });
    fc.assert(
      fc.property(view, (shown) => assert.deepEqual(readAddress(writeAddress(shown)), { ...shown })),
      { seed: 9 },
    );
    assert.equal(writeAddress(readAddress('')), '');
  });

  test('what can’t be read changes nothing (property)', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (job, state) => {
        const view = readAddress(`?${new URLSearchParams({ job, state }).toString()}`);
        assert.ok(view.job === undefined || /^[a-z0-9-]+$/.test(view.job));
        assert.ok(STATE_FILTERS.includes(view.state));
      }),
      { seed: 10 },
    );
    assert.ok(matches({ type: undefined, state: 'active' }, { type: 'x', status: 'paused' }));
  });
});
