import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { clusterStatus, jobCoverage, jobResults, jobStatus, nodeList } from '../../protocol/http.ts';
import { LIVE_EVENTS, MAX_JOBS, MAX_NEW_BATCHES } from '../../protocol/live.ts';
import type { LiveEvent, LiveEventName } from '../../protocol/live.ts';
import { MOST_STOP_MS, errorOf, runCoordinator } from '../../tests/coordinator/running.ts';
import type { TestCoordinator } from '../../tests/coordinator/running.ts';
import { answerOf, join } from '../../tests/coordinator/worker-socket.ts';
import { createLog } from '../log.ts';
import { STREAM_LIMITS } from './event-streams.ts';
import { LiveFeed } from './live-feed.ts';

interface Seen {
  readonly name: LiveEventName;
  readonly data: unknown;
  readonly at: number;
}

/** Reads the stream as a page does, until the test is over. */
class Reader {
  readonly seen: Seen[] = [];
  readonly #response: IncomingMessage;
  /** Resolves when the stream has ended. */
  readonly end: Promise<void>;

  constructor(response: IncomingMessage) {
    this.#response = response;
    let buffered = '';
    response.on('data', (chunk: Buffer) => {
      buffered += chunk.toString();
      const blocks = buffered.split('\n\n');
      buffered = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    });
    this.end = new Promise((resolve) => response.on('close', resolve));
  }

  leave(): void {
    this.#response.destroy();
  }

  /** The first one that fits, seen or still to come; what it carries is what its schema promises. */
  async event<N extends LiveEventName>(
    name: N,
    fits: (data: LiveEvent<N>) => boolean = () => true,
  ): Promise<LiveEvent<N>> {
    const until = performance.now() + 10_000;
    for (;;) {
      for (const { name: found, data } of this.seen) {
        if (found !== name) continue;
        const parsed = LIVE_EVENTS[name].parse(data) as LiveEvent<N>;
        if (fits(parsed)) return parsed;
      }
      assert.ok(performance.now() < until, `no such ${name} in ${JSON.stringify(this.seen).slice(0, 3000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #take(block: string): void {
    const event = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (event === undefined || data === undefined) return;
    assert.ok(event in LIVE_EVENTS, event);
    this.seen.push({ name: event as LiveEventName, data: JSON.parse(data), at: performance.now() });
  }
}

async function open(t: TestContext, coordinator: TestCoordinator, query = ''): Promise<Reader> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${coordinator.url}/api/events${query}`, resolve).on('error', reject).end();
  });
  assert.equal(response.statusCode, 200);
  assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
  const reader = new Reader(response);
  t.after(() => reader.leave());
  return reader;
}

suite('live events', () => {
  test('each carries what the API answers', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('3000', { batch_size: 100 });
    const worker = await join(t, coordinator.url);
    const reader = await open(t, coordinator, `?job=${job_id}`);
    await worker.request('submit', answerOf(await worker.lease()));
    await worker.lease();
    const ask = async (path: string) => (await coordinator.ask(path)).body;

    const progress = await reader.event('progress', (found) => found.progress.done === '100');
    const status = jobStatus.parse(await ask(`/api/status/${job_id}`));
    const unhurried = { rate_per_second: null, eta_seconds: null };
    assert.deepEqual(
      { ...progress, progress: { ...progress.progress, ...unhurried } },
      { ...status, progress: { ...status.progress, ...unhurried } },
    );
    const result = await reader.event('result', ({ covered }) => covered.length > 0);
    assert.deepEqual(result, jobResults.parse(await ask(`/api/results/${job_id}`)));
    const coverage = await reader.event(
      'coverage',
      ({ done, leased }) => done.length > 0 && leased.length > 0,
    );
    assert.deepEqual(coverage, jobCoverage.parse(await ask(`/api/jobs/${job_id}/coverage`)));
    const { jobs } = await reader.event('jobs', (found) => found.jobs[0]?.progress.done === '100');
    assert.deepEqual(
      jobs.map(({ job_id: id }) => id),
      [job_id],
    );
    const { batches } = await reader.event('batches', (found) => found.batches.length > 0);
    const { node_id, kind } = worker.hello;
    assert.deepEqual(
      batches.map(({ at: _, ...batch }) => batch),
      [{ node_id, kind, type: 'collatz', job_id, start: '1', end: '101' }],
    );
    const { nodes, total } = await reader.event(
      'nodes',
      (found) => found.nodes[0]?.batches_done === 1 && found.nodes[0].leases.length === 1,
    );
    assert.equal(total, 1);
    const node = nodeList.parse(await ask('/api/nodes')).nodes[0];
    // Half a minute may have ended between the two.
    const { activity } = nodes[0] ?? {};
    assert.deepEqual(nodes, [{ ...node, activity }]);
    for (const each of [node?.activity, activity]) assert.match(each ?? '', /^-{118}[-0]0$/);
    const cluster = await reader.event('cluster', ({ workers }) => workers.by_state['computing'] === 1);
    const now = clusterStatus.parse(await ask('/api/status'));
    const still = { now: '', uptime_seconds: 0, throughput: [] };
    assert.deepEqual({ ...cluster, ...still }, { ...now, ...still });
  });

  test('of the topics that were asked for alone, each within its rate', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100000000', { batch_size: 100 });
    const worker = await join(t, coordinator.url);
    const reader = await open(t, coordinator, `?job=${job_id}`);
    const few = await open(t, coordinator, '?topics=batches,cluster');
    const until = performance.now() + 4500;
    let submitted = 0;
    while (performance.now() < until) {
      await worker.request('submit', answerOf(await worker.lease()));
      submitted += 1;
    }
    assert.deepEqual([...new Set(few.seen.map(({ name }) => name))].toSorted(), ['batches', 'cluster']);
    for (const [name, least_ms] of Object.entries({
      cluster: STREAM_LIMITS.cluster_ms,
      jobs: STREAM_LIMITS.jobs_ms,
      nodes: STREAM_LIMITS.nodes_ms,
      progress: STREAM_LIMITS.result_ms,
      result: STREAM_LIMITS.result_ms,
      coverage: STREAM_LIMITS.result_ms,
    })) {
      const times = reader.seen.filter((event) => event.name === name).map(({ at }) => at);
      assert.ok(times.length >= 2, `${name}: ${times.length}`);
      // The wire may deliver some late, none early: over the whole time the rate shows.
      const most = Math.ceil(((times.at(-1) ?? 0) - (times[0] ?? 0)) / least_ms) + 1;
      assert.ok(times.length <= most, `${name}: ${times.length} in ${most} x ${least_ms} ms`);
    }
    const lists = reader.seen.filter(({ name }) => name === 'batches');
    assert.ok(lists.length <= 4500 / STREAM_LIMITS.batches_ms + 3, `${lists.length} lists of batches`);
    const told = lists.flatMap(({ data }) => LIVE_EVENTS.batches.parse(data).batches);
    assert.equal(new Set(told.map(({ start }) => start)).size, told.length, 'none is told twice');
    assert.ok(told.length <= submitted);
    for (const { data } of lists)
      assert.ok(LIVE_EVENTS.batches.parse(data).batches.length <= MAX_NEW_BATCHES);
  });

  test('begin with the last minute, for whoever comes later too', async (t) => {
    const coordinator = await runCoordinator(t);
    await coordinator.submit('1000', { batch_size: 100 });
    const worker = await join(t, coordinator.url);
    for (let i = 0; i < 3; i++) await worker.request('submit', answerOf(await worker.lease()));
    const reader = await open(t, coordinator, '?topics=batches');
    const first = await reader.event('batches');
    assert.deepEqual(
      first.batches.map(({ start }) => start),
      ['1', '101', '201'],
    );
  });

  test('show jobs that are not over first, and no more than so many', async (t) => {
    const coordinator = await runCoordinator(t);
    const first = await coordinator.submit('1000');
    for (let i = 0; i < MAX_JOBS + 3; i++) {
      const id = await coordinator.submit('1000');
      await coordinator.post(`/api/cancel/${id}`);
    }
    const { jobs } = await (await open(t, coordinator, '?topics=jobs')).event('jobs');
    assert.equal(jobs.length, MAX_JOBS);
    assert.equal(jobs[0]?.job_id, first);
    assert.equal(new Set(jobs.map(({ job_id }) => job_id)).size, MAX_JOBS);
  });

  test('that nobody can mean are refused, each field by its name; an unknown job is 404', async (t) => {
    const coordinator = await runCoordinator(t);
    for (const [query, field] of [
      ['topics=weather', 'topics'],
      ['topics=', 'topics'],
      ['topics=jobs,', 'topics'],
      ['topics=jobs&topics=nodes', 'topics'],
      ['job=Not%20an%20id', 'job'],
      ['since=3', 'since'],
    ]) {
      const reply = await coordinator.ask(`/api/events?${query ?? ''}`);
      assert.equal(reply.status, 400, query);
      const { code, details } = errorOf(reply);
      assert.equal(code, 'invalid_request');
      assert.deepEqual(
        details?.fields.map(({ path }) => path),
        [field],
      );
    }
    assert.equal(errorOf(await coordinator.ask('/api/events?job=nope')).code, 'not_found');
    const head = await coordinator.ask('/api/events', { method: 'HEAD' });
    assert.match(head.headers.get('content-type') ?? '', /event-stream/);
  });

  test('and those of jobs share one bound per address', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100');
    const readers = await Promise.all(
      Array.from({ length: STREAM_LIMITS.streamsOfOne }, () => open(t, coordinator, '?topics=batches')),
    );
    for (const path of ['/api/events', `/api/jobs/${job_id}/events`]) {
      const refused = await coordinator.ask(path);
      assert.equal(refused.status, 429, path);
      assert.equal(errorOf(refused).code, 'limit_reached');
    }
    readers[0]?.leave();
    // The coordinator hears of it a moment later: refused until then.
    const deadline = performance.now() + 10_000;
    let reader: Reader | undefined;
    while (reader === undefined) {
      assert.ok(performance.now() < deadline, 'the place that became free is never given again');
      reader = await open(t, coordinator).catch(() => undefined);
    }
    await reader.event('cluster');
  });

  test('end when the coordinator stops', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100');
    const reader = await open(t, coordinator, `?job=${job_id}`);
    await reader.event('coverage');
    const started = performance.now();
    await coordinator.close();
    await reader.end;
    assert.ok(performance.now() - started < MOST_STOP_MS);
  });
});

suite('one live event', () => {
  /** A feed and what its readers were sent; a reader that is `stuck` takes nothing. */
  function feedOf(read: () => unknown, least_ms: number, refresh_ms: number) {
    const feed = new LiveFeed({ event: 'cluster', least_ms, refresh_ms, read }, createLog('silent'));
    const reader = () => {
      const state = { stuck: false, sent: new Array<string>() };
      const stream = {
        send: (_event: string, _id: string | undefined, json: string) => {
          if (!state.stuck) state.sent.push(json);
          return !state.stuck;
        },
      };
      return { state, stream };
    };
    return { feed, reader };
  }
  const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  test('is read for all its readers at once, and not at all when there are none', async () => {
    let reads = 0;
    const { feed, reader } = feedOf(() => ++reads, 40, 40);
    feed.changed();
    await after(100);
    assert.equal(reads, 0);
    const [one, two] = [reader(), reader()];
    feed.join(one.stream);
    feed.join(two.stream);
    const joined = performance.now();
    await after(130);
    const most = Math.ceil((performance.now() - joined) / 40) + 1;
    assert.ok(reads >= 2 && reads <= most, `${reads} reads`);
    assert.deepEqual(one.state.sent, two.state.sent);
    feed.leave(one.stream);
    feed.leave(two.stream);
    const before = reads;
    await after(100);
    assert.equal(reads, before);
  });

  test('is sent again only if it changed; who fell behind gets the latest alone', async () => {
    let state = 'a';
    const { feed, reader } = feedOf(() => state, 20, 1000);
    const [quick, slow] = [reader(), reader()];
    feed.join(quick.stream);
    feed.join(slow.stream);
    await after(60);
    slow.state.stuck = true;
    for (const next of ['b', 'c', 'c']) {
      state = next;
      feed.changed();
      await after(60);
    }
    slow.state.stuck = false;
    await after(60);
    assert.deepEqual(quick.state.sent, ['"a"', '"b"', '"c"']);
    assert.deepEqual(slow.state.sent, ['"a"', '"c"']);
    feed.close();
  });

  test('that is large comes less often, and one that fails comes later', async () => {
    let reads = 0;
    const { feed, reader } = feedOf(
      () => {
        reads += 1;
        if (reads === 1) throw new Error('not yet');
        return 'x'.repeat(200_000) + String(reads);
      },
      20,
      20,
    );
    const one = reader();
    feed.join(one.stream);
    await after(500);
    feed.close();
    assert.equal(reads, 2, 'one failed, one was large: a second until the next');
    assert.equal(one.state.sent.length, 1);
  });
});
