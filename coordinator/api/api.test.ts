import assert from 'node:assert/strict';
import { request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { createdKey } from '../../protocol/access.ts';
import { MAX_BODY_BYTES, jobResults, jobStatus, submitReply } from '../../protocol/http.ts';
import { kernelIndex } from '../../protocol/kernels.ts';
import { ROUTES } from '../../protocol/routes.ts';
import { errorOf, runCoordinator } from '../../tests/coordinator/running.ts';
import type { Reply, TestCoordinator } from '../../tests/coordinator/running.ts';
import { answerOf, join } from '../../tests/coordinator/worker-socket.ts';

const BODIES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['/api/submit', { type: 'thread', parameters: { thread_count: 10 } }],
  ['/api/keys', { user: 'ada', role: 'viewer' }],
]);
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** A raw submit body, so that it can hold what JSON.stringify would not write. */
function submit(coordinator: TestCoordinator, json: string): Promise<Reply> {
  return coordinator.post('/api/submit', json);
}

function fieldsOf(reply: Reply): string[] {
  return (errorOf(reply).details?.fields ?? []).map(({ path }) => path);
}

suite('every route', () => {
  test('is served, and what it gives is what it promises', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const job_id = await coordinator.submit('1000');
    const lease = await worker.lease();
    await worker.request('submit', answerOf(lease));
    const made = createdKey.parse((await coordinator.post('/api/keys', BODIES.get('/api/keys'))).body).key_id;
    for (const { method, path, reply, status, events } of ROUTES) {
      const address = path
        .replace(':job_id', job_id)
        .replace(':node_id', worker.hello.node_id)
        .replace(':key_id', made);
      if (events !== undefined) continue; // job-events.test.ts, live-events.test.ts
      const body =
        path === '/api/hand-back' ? { leases: [{ token: lease.token, result: null }] } : BODIES.get(path);
      const answer = await (method === 'post' ? coordinator.post(address, body) : coordinator.ask(address));
      const conflicts = answer.status === 409 && /pause|resume|cancel/.test(path); // the job is over
      assert.ok(conflicts || answer.status === status, `${method} ${path}: ${answer.status}`);
      if (conflicts) assert.equal(errorOf(answer).code, 'state_conflict');
      else assert.ok(reply?.safeParse(answer.body).success, `${path}: ${JSON.stringify(answer.body)}`);
      assert.equal(answer.headers.get('cache-control'), 'no-store', path);
    }
  });

  test('with an id that names nothing is 404, and with another method 405', async (t) => {
    const coordinator = await runCoordinator(t);
    for (const { method, path } of ROUTES) {
      const address = path.replace(/:[a-z_]+/, 'no-such-thing');
      const other = 'DELETE';
      const refused = await coordinator.ask(address, { method: other });
      // A path may be served with both methods: none is.
      assert.equal(refused.status, 405, `${other} ${path}`);
      assert.equal(errorOf(refused).code, 'method_not_allowed');
      assert.ok(refused.headers.get('allow')?.includes(method.toUpperCase()), path);
      if (!path.includes(':')) continue;
      for (const id of ['no-such-thing', 'UPPER', 'x'.repeat(300), '..%2f..%2fetc', '%00', '__proto__']) {
        const reply = await coordinator.ask(path.replace(/:[a-z_]+/, id), { method: method.toUpperCase() });
        assert.equal(reply.status, 404, `${path} ${id}`);
        assert.equal(errorOf(reply).code, 'not_found');
      }
    }
    const options = await coordinator.ask('/api/submit', { method: 'OPTIONS' });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get('allow'), 'POST, OPTIONS');
  });

  test('has security headers, and says nothing of what it runs on', async (t) => {
    const coordinator = await runCoordinator(t);
    for (const path of ['/', '/docs', '/api/status', '/nowhere', '/kernels']) {
      const { headers } = await coordinator.ask(path);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
      assert.match(policy, /worker-src 'self'/);
      assert.match(policy, /connect-src 'self'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'.*unsafe-eval|https?:/);
      assert.equal(headers.get('x-powered-by'), null);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
    }
  });
});

suite('a submit', () => {
  test('is taken as decimal strings, JSON numbers and in the older spelling', async (t) => {
    const coordinator = await runCoordinator(t);
    const top = 2n ** 96n;
    for (const parameters of [
      '{"start": "1", "end": "100000000"}',
      '{"start": 1, "end": 9007199254740991, "mode": "verify"}',
      '{"start_number": "1", "number_count": 1000}',
      `{"start": "${top - 1n}", "end": "${top}"}`,
      `{"start": "1", "end": "${top}", "batch_size": 1000}`,
    ]) {
      const reply = await submit(coordinator, `{"type": "collatz", "parameters": ${parameters}}`);
      assert.equal(reply.status, 202, JSON.stringify(reply.body));
      const { job_id, status } = submitReply.parse(reply.body);
      assert.equal(status, 'pending');
      jobStatus.parse((await coordinator.ask(`/api/status/${job_id}`)).body);
    }
  });

  test('names every wrong field of the body and of its parameters', async (t) => {
    const coordinator = await runCoordinator(t);
    const reply = await coordinator.post(
      '/api/submit',
      {
        type: 'collatz',
        priority: 'urgent',
        name: '\u0007',
        gpu_preferred: 'yes',
        placement: { tags: [''], node_id: '-', shape: 1 },
        parameters: { start: '-1', end: '1e9', mode: 'guess', width: 1 },
        user: 'me',
      },
      { 'Idempotency-Key': 'has spaces' },
    );
    assert.equal(reply.status, 400);
    assert.equal(errorOf(reply).code, 'invalid_request');
    assert.deepEqual(
      fieldsOf(reply).toSorted(),
      [
        'Idempotency-Key',
        'gpu_preferred',
        'name',
        'parameters.end',
        'parameters.mode',
        'parameters.start',
        'parameters.width',
        'placement.node_id',
        'placement.shape',
        'placement.tags.0',
        'priority',
        'user',
      ].toSorted(),
    );
  });

  const BAD_PARAMETERS: readonly (readonly [name: string, type: string, json: string, field: string])[] = [
    ['reversed', 'collatz', '{"start": "10", "end": "5"}', 'parameters'],
    ['empty', 'collatz', '{"start": "5", "end": "5"}', 'parameters'],
    ['from 0', 'collatz', '{"start": "0", "end": "5"}', 'parameters.start'],
    ['past 2^96', 'collatz', `{"start": "1", "end": "${2n ** 96n + 1n}"}`, 'parameters.end'],
    ['enormous', 'collatz', `{"start": "1", "end": "1${'0'.repeat(10_000)}"}`, 'parameters.end'],
    ['a float', 'collatz', '{"start": 1.5, "end": 10}', 'parameters.start'],
    ['a float as text', 'collatz', '{"start": "1.0", "end": "10"}', 'parameters.start'],
    ['a sign', 'collatz', '{"start": "+1", "end": "10"}', 'parameters.start'],
    ['negative', 'collatz', '{"start": -1, "end": "10"}', 'parameters.start'],
    ['spaces', 'collatz', '{"start": " 1", "end": "10"}', 'parameters.start'],
    ['leading zeros', 'collatz', '{"start": "01", "end": "10"}', 'parameters.start'],
    ['an exponent', 'collatz', '{"start": "1", "end": "1e9"}', 'parameters.end'],
    ['a JSON number past 2^53', 'collatz', '{"start": 1, "end": 9007199254740993}', 'parameters.end'],
    ['a JSON number past 1e308', 'collatz', '{"start": 1, "end": 1e999}', 'parameters.end'],
    ['null', 'collatz', '{"start": null, "end": "10"}', 'parameters.start'],
    ['a list', 'collatz', '{"start": ["1"], "end": "10"}', 'parameters.start'],
    ['nothing', 'collatz', '{}', 'parameters'],
    ['both spellings', 'collatz', '{"start": "1", "end": "9", "start_number": "1"}', 'parameters'],
    ['an unknown field', 'collatz', '{"start": "1", "end": "9", "stop": 3}', 'parameters.stop'],
    ['a batch of 0', 'collatz', '{"start": "1", "end": "9", "batch_size": 0}', 'parameters.batch_size'],
    ['an inherited field', 'collatz', '{"start": "1", "end": "9", "__proto__": 1}', 'parameters.__proto__'],
    ['too deep', 'thread', '{"max_depth": 33}', 'parameters.max_depth'],
    ['min over max', 'thread', '{"work_min": 9, "work_max": 3}', 'parameters'],
    ['a seed of 2^64', 'thread', `{"seed": "${2n ** 64n}"}`, 'parameters.seed'],
    ['a seed past 2^53 as a number', 'thread', '{"seed": 18446744073709551615}', 'parameters.seed'],
  ];

  test('with bad parameters is refused and says which', async (t) => {
    const coordinator = await runCoordinator(t);
    for (const [name, type, json, field] of BAD_PARAMETERS) {
      const reply = await submit(coordinator, `{"type": "${type}", "parameters": ${json}}`);
      assert.equal(reply.status, 400, `${name}: ${JSON.stringify(reply.body)}`);
      const { code, message } = errorOf(reply);
      assert.equal(code, 'invalid_request', name);
      assert.ok(
        fieldsOf(reply).some((path) => path.startsWith(field)),
        `${name}: ${message}`,
      );
      assert.ok(message.length < 5000, name);
    }
    const big = await submit(
      coordinator,
      '{"type": "collatz", "parameters": {"start": 1, "end": 9007199254740993}}',
    );
    assert.match(errorOf(big).message, /send it as a string/);
    const list = await coordinator.ask('/api/jobs');
    assert.ok(z.object({ jobs: z.array(z.unknown()).max(1) }).safeParse(list.body).success);
  });

  test('with a bad envelope is refused by its own kind of error', async (t) => {
    const coordinator = await runCoordinator(t);
    const good = '{"type": "collatz", "parameters": {"start": "1", "end": "10"}}';
    const cases: readonly (readonly [string, string | undefined, Record<string, string>, number, string])[] =
      [
        ['no body', undefined, {}, 400, 'malformed'],
        ['no JSON', '{"type": ', JSON_TYPE, 400, 'malformed'],
        ['a list', '[]', JSON_TYPE, 400, 'invalid_request'],
        ['text', '"collatz"', JSON_TYPE, 400, 'invalid_request'],
        ['null', 'null', JSON_TYPE, 400, 'invalid_request'],
        ['deep', '['.repeat(30_000) + ']'.repeat(30_000), JSON_TYPE, 400, 'invalid_request'],
        ['an unknown workload', '{"type": "fractal", "parameters": {}}', JSON_TYPE, 400, 'invalid_request'],
        [
          'an inherited workload',
          '{"type": "constructor", "parameters": {}}',
          JSON_TYPE,
          400,
          'invalid_request',
        ],
        ['no media type', good, { 'Content-Type': '' }, 415, 'unsupported_media_type'],
        [
          'a form',
          'type=collatz',
          { 'Content-Type': 'application/x-www-form-urlencoded' },
          415,
          'unsupported_media_type',
        ],
        ['text/plain', good, { 'Content-Type': 'text/plain' }, 415, 'unsupported_media_type'],
        [
          'UTF-16',
          good,
          { 'Content-Type': 'application/json; charset=utf-16' },
          415,
          'unsupported_media_type',
        ],
        ['compressed', good, { ...JSON_TYPE, 'Content-Encoding': 'gzip' }, 415, 'unsupported_media_type'],
        ['too large', `{"type": "${'x'.repeat(MAX_BODY_BYTES)}"}`, JSON_TYPE, 413, 'too_large'],
        ['far too large', ' '.repeat(20 * 2 ** 20), JSON_TYPE, 413, 'too_large'],
        ['of another origin', good, { ...JSON_TYPE, Origin: 'https://evil.example' }, 403, 'origin_refused'],
        ['of no origin', good, { ...JSON_TYPE, Origin: 'null' }, 403, 'origin_refused'],
      ];
    for (const [name, body, headers, status, code] of cases) {
      const reply = await rawAsk(coordinator.url, '/api/submit', body, headers);
      assert.equal(reply.status, status, `${name}: ${JSON.stringify(reply.body)}`);
      assert.equal(errorOf(reply).code, code, name);
    }
    const own = await rawAsk(coordinator.url, '/api/submit', good, {
      ...JSON_TYPE,
      Origin: coordinator.url,
    });
    assert.equal(own.status, 202);
    const invalid = await coordinator.ask('/api/submit', {
      method: 'POST',
      body: new Uint8Array([0x7b, 0xff, 0x7d]),
      headers: JSON_TYPE,
    });
    assert.match(errorOf(invalid).message, /UTF-8/);
  });

  test('with keys twice or prototype keys does no harm', async (t) => {
    const coordinator = await runCoordinator(t);
    const twice = await submit(
      coordinator,
      '{"type": "nonsense", "type": "collatz", "parameters": {"start": "1", "end": "5", "end": "10"}}',
    );
    const { job_id } = submitReply.parse(twice.body);
    const status = jobStatus.parse((await coordinator.ask(`/api/status/${job_id}`)).body);
    assert.equal(status.progress.total, '9');
    const polluted = await submit(
      coordinator,
      '{"type": "collatz", "__proto__": {"priority": "high"}, "parameters": {"start": "1", "end": "10"}}',
    );
    assert.equal(polluted.status, 400);
    assert.deepEqual(fieldsOf(polluted), ['__proto__']);
    assert.equal(Object.hasOwn(Object.prototype, 'priority'), false);
  });

  test('with an Idempotency-Key makes one job, and another body a conflict', async (t) => {
    const coordinator = await runCoordinator(t);
    const body = { type: 'collatz', parameters: { start: '1', end: '1000' } };
    const key = { 'Idempotency-Key': 'once' };
    const replies = await Promise.all([1, 2, 3, 4].map(() => coordinator.post('/api/submit', body, key)));
    const ids = new Set(replies.map((reply) => submitReply.parse(reply.body).job_id));
    assert.equal(ids.size, 1);
    const other = await coordinator.post('/api/submit', { ...body, name: 'another' }, key);
    assert.equal(other.status, 409);
    assert.equal(errorOf(other).code, 'idempotency_conflict');
  });
});

suite('a job', () => {
  test('is paused, resumed and cancelled, twice without harm, and not after its end', async (t) => {
    const coordinator = await runCoordinator(t);
    const job_id = await coordinator.submit('1000');
    const step = async (path: string) => {
      const reply = await coordinator.post(path);
      return reply.status === 200 ? jobStatus.parse(reply.body).status : errorOf(reply).code;
    };
    assert.equal(await step(`/api/jobs/${job_id}/pause`), 'paused');
    assert.equal(await step(`/api/jobs/${job_id}/pause`), 'paused');
    assert.equal(await step(`/api/jobs/${job_id}/resume`), 'pending');
    assert.equal(await step(`/api/jobs/${job_id}/resume`), 'pending');
    assert.equal(await step(`/api/cancel/${job_id}`), 'cancelled');
    assert.equal(await step(`/api/cancel/${job_id}`), 'cancelled');
    assert.equal(await step(`/api/jobs/${job_id}/resume`), 'state_conflict');
    const unknown = await coordinator.post(`/api/cancel/${job_id}`, { force: true });
    assert.deepEqual(fieldsOf(unknown), ['force']);
  });

  test('computed over sockets gives its exact result', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const job_id = await coordinator.submit('1001');
    for (let next = 1n; next < 1001n;) {
      const lease = await worker.lease();
      const answer = await worker.request('submit', answerOf(lease));
      assert.deepEqual(answer, { ok: true, value: { status: 'accepted' } });
      next = BigInt(lease.end);
    }
    await coordinator.completed(job_id);
    const results = jobResults.parse((await coordinator.ask(`/api/results/${job_id}`)).body);
    assert.equal(results.partial, false);
    assert.deepEqual(results.covered, [{ start: '1', end: '1001' }]);
    // A006877: 871 takes 178 steps, the most below 1000; A006884: 703 climbs to 250504.
    assert.deepEqual(results.result?.['max_delay'], { n: '871', delay: 178 });
    assert.deepEqual(results.result?.['max_peak'], { n: '703', peak: '250504' });
    assert.equal(results.result?.['count'], '1000');
  });
});

suite('what is not the API', () => {
  test('kernels are served under their hash, for good', async (t) => {
    const coordinator = await runCoordinator(t);
    const { kernels } = kernelIndex.parse((await coordinator.ask('/kernels')).body);
    assert.ok(kernels.length >= 4);
    for (const { source, sha256 } of kernels) {
      const reply = await fetch(`${coordinator.url}/kernels/${sha256}`);
      const bytes = new Uint8Array(await reply.arrayBuffer());
      const digest = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex');
      assert.equal(digest, sha256, source);
      assert.match(reply.headers.get('cache-control') ?? '', /immutable/);
      const type = source.endsWith('.wasm') ? 'application/wasm' : 'text/wgsl; charset=utf-8';
      assert.equal(reply.headers.get('content-type'), type);
      const known = { 'If-None-Match': reply.headers.get('etag') ?? '' };
      const again = await rawAsk(coordinator.url, `/kernels/${sha256}`, undefined, known, 'GET');
      assert.equal(again.status, 304);
    }
    for (const name of ['0'.repeat(64), 'x', '..%2f..%2fpackage.json']) {
      assert.equal((await coordinator.ask(`/kernels/${name}`)).status, 404, name);
    }
  });

  test('pages that are not built say how to build them; files outside are not served', async (t) => {
    const coordinator = await runCoordinator(t, { pagesDir: '/nonexistent/pages' });
    for (const path of ['/', '/index.html', '/collatz.html', '/cluster.html', '/device.html']) {
      const reply = await coordinator.ask(path);
      assert.equal(reply.status, 503);
      assert.match(String(reply.body), /npm run build/);
    }
    for (const path of ['/../package.json', '/%2e%2e/package.json', '/.git/config', '/other.html', '/%']) {
      const { status } = await rawAsk(coordinator.url, path, undefined, {}, 'GET');
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    }
  });

  test('the documentation page and its description are there', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await coordinator.ask('/docs');
    assert.match(page.headers.get('content-type') ?? '', /text\/html/);
    assert.doesNotMatch(
      String(page.body),
      /<script(?![^>]*src=)|<style|https?:\/\//,
      'nothing inline or from elsewhere',
    );
    for (const path of ['/docs/docs.js', '/docs/docs.css', '/openapi.json']) {
      assert.equal((await coordinator.ask(path)).status, 200, path);
    }
  });

  test('what is no HTTP is answered in the shape of all errors', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    for (const [sent, status] of [
      ['\u0000\u0001\u0002 nonsense\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, 431],
    ] as const) {
      const text = await new Promise<string>((resolve, reject) => {
        let received = '';
        const socket = connect(port, '127.0.0.1', () => socket.write(sent));
        socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
        socket.on('close', () => resolve(received));
        socket.on('error', reject);
      });
      assert.ok(text.startsWith(`HTTP/1.1 ${status}`), text.slice(0, 100));
      const body: unknown = JSON.parse(text.slice(text.indexOf('\r\n\r\n')));
      assert.equal(errorOf({ status, headers: new Headers(), body }).code, 'malformed');
    }
    assert.equal((await coordinator.ask('/health')).status, 200);
  });
});

/** A request as it stands: fetch would set or refuse some headers by itself. */
function rawAsk(
  url: string,
  path: string,
  body: string | undefined,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = rawRequest({ hostname, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = response.headers['content-type']?.startsWith('application/json') === true;
        const parsed: unknown = isJson ? JSON.parse(text) : text;
        resolve({ status: response.statusCode ?? 0, headers: new Headers(), body: parsed });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
