import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { jobResults, jobStatus } from '../../protocol/http.ts';
import { MOST_STOP_MS, errorOf, runCoordinator } from '../../tests/coordinator/running.ts';
import type { TestCoordinator } from '../../tests/coordinator/running.ts';
import { answerOf, join } from '../../tests/coordinator/worker-socket.ts';
import { STREAM_LIMITS } from './event-streams.ts';

interface ServerEvent {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
  readonly at: number;
}

/** Reads events as an EventSource would. */
async function* eventsOf(
  url: string,
  headers: Record<string, string> = {},
): AsyncGenerator<ServerEvent, void, undefined> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(url, { headers }, resolve).on('error', reject).end();
  });
  assert.equal(response.statusCode, 200);
  assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
  let buffered = '';
  try {
    for await (const chunk of response) {
      buffered += String(chunk);
      const blocks = buffered.split('\n\n');
      buffered = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (event === undefined || id === undefined || data === undefined) continue;
        yield { event, id, data: JSON.parse(data), at: performance.now() };
      }
    }
  } finally {
    response.destroy();
  }
}

async function compute(t: TestContext, coordinator: TestCoordinator, job_id: string): Promise<void> {
  const worker = await join(t, coordinator.url);
  for (;;) {
    const reply = await coordinator.ask(`/api/status/${job_id}`);
    const { status, progress } = jobStatus.parse(reply.body);
    if (status === 'completed') return;
    // All is counted a few commits before the job is completed: there is nothing to lease then.
    if (progress.done !== progress.total) await worker.request('submit', answerOf(await worker.lease()));
  }
}

suite('events of a job', () => {
  test('tell of progress and results, each within its rate, and end with the whole result', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('3000', { batch_size: 100 });
    const url = `${coordinator.url}/api/jobs/${job_id}/events`;
    const seen: ServerEvent[] = [];
    const computing = compute(t, coordinator, job_id);
    for await (const event of eventsOf(url)) seen.push(event);
    await computing;
    const last = seen.at(-1);
    assert.equal(last?.event, 'end');
    assert.equal(jobStatus.parse(last.data).status, 'completed');
    const results = seen.filter(({ event }) => event === 'result');
    assert.equal(jobResults.parse(results.at(-1)?.data).partial, false);
    assert.equal(jobStatus.parse(seen.find(({ event }) => event === 'progress')?.data).job_id, job_id);
    for (const [name, least_ms] of [
      ['progress', STREAM_LIMITS.progress_ms],
      ['result', STREAM_LIMITS.result_ms],
    ] as const) {
      const times = seen.filter(({ event }) => event === name).map(({ at }) => at);
      const [first] = times;
      const lasted_ms = (times.at(-1) ?? 0) - (first ?? 0);
      // Not from one to the next: a busy machine delivers one late and the next in time. The last comes at once.
      assert.ok(times.length <= lasted_ms / least_ms + 2, `${times.length} of ${name} in ${lasted_ms} ms`);
    }
  });

  test('of a job that is over come at once; a browser that saw the end is told to stay away', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100');
    await coordinator.post(`/api/cancel/${job_id}`);
    const url = `${coordinator.url}/api/jobs/${job_id}/events`;
    const seen: string[] = [];
    let id = '';
    for await (const event of eventsOf(url)) {
      seen.push(event.event);
      id = event.id;
    }
    assert.deepEqual(seen, ['progress', 'result', 'end']);
    const again = await coordinator.ask(`/api/jobs/${job_id}/events`, { headers: { 'Last-Event-ID': id } });
    assert.equal(again.status, 204);
  });

  test('of an unknown job are 404, and HEAD opens no stream', async (t) => {
    const coordinator = await runCoordinator(t);
    assert.equal(errorOf(await coordinator.ask('/api/jobs/nope/events')).code, 'not_found');
    const job_id = await coordinator.submit('100');
    const head = await coordinator.ask(`/api/jobs/${job_id}/events`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.match(head.headers.get('content-type') ?? '', /event-stream/);
  });

  test('are bounded per address', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100');
    const url = `${coordinator.url}/api/jobs/${job_id}/events`;
    const streams = await Promise.all(
      Array.from({ length: STREAM_LIMITS.streamsOfOne }, async () => {
        const stream = eventsOf(url);
        await stream.next();
        return stream;
      }),
    );
    const refused = await coordinator.ask(`/api/jobs/${job_id}/events`);
    assert.equal(refused.status, 429);
    assert.equal(errorOf(refused).code, 'limit_reached');
    assert.ok(refused.headers.has('retry-after'));
    await Promise.all(streams.map((stream) => stream.return()));
  });

  test('end when the coordinator stops', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('100');
    const stream = eventsOf(`${coordinator.url}/api/jobs/${job_id}/events`);
    await stream.next();
    const started = performance.now();
    await coordinator.close();
    for await (const { event } of stream) assert.notEqual(event, 'end', 'the job is not over');
    assert.ok(performance.now() - started < MOST_STOP_MS);
  });
});
