/** What requests look like in /metrics: named by routes, whatever strangers send. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { ROUTES } from '../../protocol/routes.ts';
import { runCoordinator, type TestCoordinator } from '../../tests/coordinator/running.ts';

/** Requests that were measured, by `method route status`. */
async function counted({ metricsUrl }: TestCoordinator): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const lines = text.matchAll(
    /^cluster_http_request_seconds_count\{route="([^"]*)",method="([^"]*)",status="([^"]*)"\} (\d+)$/gm,
  );
  return new Map(
    Array.from(lines, ([, route, method, status, n]) => [`${method} ${route} ${status}`, Number(n)]),
  );
}

/** Resolves once the coordinator has seen that answer's end, which is after the caller has. */
async function measured(coordinator: TestCoordinator, what: string): Promise<number> {
  for (;;) {
    const n = (await counted(coordinator)).get(what);
    if (n !== undefined) return n;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('each request is counted under its route, with the class of its answer', async (t) => {
  const coordinator = await runCoordinator(t);
  const job = await coordinator.submit('1000');
  await coordinator.ask(`/api/status/${job}`);
  await coordinator.ask('/api/status/nosuchjob');
  await coordinator.post('/api/submit', { type: 'nothing' });
  await coordinator.ask('/openapi.json');
  await fetch(`${coordinator.url}/health`, { method: 'HEAD' });
  assert.equal(await measured(coordinator, 'POST /api/submit 2xx'), 1);
  assert.equal(await measured(coordinator, 'GET /api/status/:job_id 2xx'), 1);
  assert.equal(await measured(coordinator, 'GET /api/status/:job_id 4xx'), 1);
  assert.equal(await measured(coordinator, 'POST /api/submit 4xx'), 1);
  assert.equal(await measured(coordinator, 'GET /openapi.json 2xx'), 1);
  assert.equal(await measured(coordinator, 'HEAD /health 2xx'), 1);
});

test('whatever is asked for, the names stay within the closed set', async (t) => {
  const coordinator = await runCoordinator(t);
  const paths = Array.from({ length: 30 }, (_, i) => [
    `/x${i}`,
    `/api/y${i}`,
    `/kernels/${i}`,
    `/docs/z${i}`,
  ]);
  await Promise.all(paths.flat().map((path) => coordinator.ask(path)));
  await coordinator.ask('/api/jobs', { method: 'DELETE' });
  await coordinator.ask('/anything', { method: 'PROPFIND' });
  await measured(coordinator, 'other none 4xx');
  const routes = new Set([
    ...ROUTES.map(({ path }) => path),
    ...['/kernels', '/docs', '/openapi.json', 'pages', 'none'],
  ]);
  const seen = await counted(coordinator);
  for (const what of seen.keys()) {
    const [method = '', route = '', status = ''] = what.split(' ');
    assert.match(method, /^(GET|POST|HEAD|OPTIONS|other)$/);
    assert.ok(routes.has(route), what);
    assert.match(status, /^([1-5]xx|aborted)$/);
  }
  assert.ok(seen.size <= 6, [...seen.keys()].join(', '));
});

test('an event stream has no time of its own; a caller who leaves is told apart', async (t) => {
  const coordinator = await runCoordinator(t);
  const job = await coordinator.submit('1000');
  const stream = new AbortController();
  const reply = await fetch(`${coordinator.url}/api/jobs/${job}/events`, { signal: stream.signal });
  assert.equal(reply.status, 200);
  stream.abort();
  const { hostname, port } = new URL(coordinator.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const headers = 'Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue';
  socket.write(`POST /api/submit HTTP/1.1\r\nHost: ${hostname}\r\n${headers}\r\n\r\n{`);
  // "100 Continue": the request has been taken, and its body is waited for.
  await once(socket, 'data');
  socket.destroy();
  assert.equal(await measured(coordinator, 'POST /api/submit aborted'), 1);
  assert.deepEqual(
    [...(await counted(coordinator)).keys()].filter((what) => what.includes('events')),
    [],
  );
});
