/** Names that somebody else has, and names that are made to be more than text. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { z } from 'zod';
import { auditList } from '../../protocol/access.ts';
import { jobList, nodeStatus, submitReply } from '../../protocol/http.ts';
import { connect, helloOf, join, next, refusalOf } from '../coordinator/worker-socket.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import { codeOf, observe } from './observed.ts';
import { requestText, sendRaw } from './raw-http.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  '=cmd|calc!A1',
  '${jndi:ldap://x}',
  "'; DROP TABLE jobs; --",
  'a\u001b[2J\u001b]0;title\u0007',
  'a\u009b31m',
  'a\r\n{"level":"error","msg":"forged"}',
  'a\u2028b\u2029c',
  'a\u202etxt.exe',
  'a\u0000b',
  '\ud800',
  '__proto__',
] as const;

suite('the name of one of the operator’s workers', () => {
  test('is not a stranger’s to take, connected or not, and is given back by a stranger who has it', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const { key } = await coordinator.key('worker', 'operator');
    const squatter = await join(t, coordinator.url, { node_id: 'gpu-1', tags: ['trusted'], priority: 100 });
    const before = nodeStatus.parse((await coordinator.ask('/api/nodes/gpu-1')).body);
    assert.deepEqual(
      [before.own, before.tags, before.priority],
      [false, [], 0],
      'what a stranger says of itself',
    );
    const ousted = next(squatter.socket, 'disconnect');
    const own = await join(t, coordinator.url, { node_id: 'gpu-1', tags: ['trusted'], priority: 7, key });
    await ousted;
    const now = nodeStatus.parse((await coordinator.ask('/api/nodes/gpu-1')).body);
    assert.deepEqual([now.own, now.tags, now.priority], [true, ['trusted'], 7]);
    for (const hello of [{ node_id: 'gpu-1' }, squatter.hello, { ...own.hello, key: undefined }]) {
      const refused = connect(t, coordinator.url, helloOf(hello));
      assert.equal((await refusalOf(refused)).code, 'node_id_in_use');
    }
    const gone = next(own.socket, 'disconnect');
    own.socket.disconnect();
    await gone;
    const late = connect(t, coordinator.url, helloOf({ node_id: 'gpu-1' }));
    assert.equal((await refusalOf(late)).code, 'node_id_in_use', 'while it is away');
    assert.equal(nodeStatus.parse((await coordinator.ask('/api/nodes/gpu-1')).body).own, true);
  });

  test('gets a job that asks for a tag; a stranger who says the same tag does not', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const { key } = await coordinator.key('worker', 'operator');
    const stranger = await join(t, coordinator.url, { tags: ['trusted'] });
    const own = await join(t, coordinator.url, { tags: ['trusted'], key });
    const body = {
      type: 'collatz',
      placement: { tags: ['trusted'] },
      parameters: { start: '1', end: '100000' },
    };
    const reply = await coordinator.post('/api/submit', body, bearer(coordinator.adminKey));
    const { job_id } = submitReply.parse(reply.body);
    await assert.rejects(stranger.lease(), /nothing to lease/);
    assert.equal((await own.lease()).job_id, job_id);
  });
});

suite('markup and control characters', () => {
  test('in any name are refused, or come back as the text that they are: in JSON, in the log, in the audit log', async (t) => {
    const coordinator = await observe(t);
    const ada = await coordinator.key('submitter', 'ada');
    const named = new Set<string>();
    for (const text of HOSTILE) {
      const job = await coordinator.ask('POST', '/api/submit', ada.key, {
        type: 'collatz',
        name: text,
        parameters: { start: '1', end: '1000' },
      });
      if (job.status === 202) named.add(text.toWellFormed());
      else assert.equal(codeOf(job), 'invalid_request', text);
      const placed = {
        type: 'collatz',
        placement: { node_id: text, tags: [text] },
        parameters: { start: '1', end: '9' },
      };
      for (const refused of [
        await coordinator.ask('POST', '/api/submit', ada.key, placed),
        await coordinator.ask('POST', '/api/submit', ada.key, { type: text, parameters: {} }),
        await coordinator.ask('POST', '/api/keys', coordinator.adminKey, { user: text, role: 'viewer' }),
      ]) {
        const isName = text === '__proto__' && codeOf(refused) === undefined;
        assert.ok(
          isName || codeOf(refused) === 'invalid_request',
          `${text}: ${JSON.stringify(refused.body)}`,
        );
      }
      const key = Buffer.from(text.toWellFormed(), 'utf8').toString('latin1');
      const headers = {
        Authorization: `Bearer ${ada.key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      };
      const idempotent = await sendRaw(coordinator, requestText('POST', '/api/submit', headers, '{}'));
      assert.ok([400, 401].includes(idempotent.status), idempotent.text);
      for (const field of ['node_id', 'tags', 'session', 'kind'] as const) {
        const hello = { ...helloOf(), [field]: field === 'tags' ? [text] : text };
        const isName = text === '__proto__';
        if (!isName)
          assert.equal((await refusalOf(connect(t, coordinator.url, hello))).code, 'invalid_request', field);
      }
      const own = helloOf();
      const worker = await join(t, coordinator.url, {
        software: text.slice(0, 64),
        device: { ...own.device, description: text, vendor: text, backend: text },
        health_url: text,
      });
      const node = await coordinator.ask('GET', `/api/nodes/${worker.hello.node_id}`);
      const { device } = nodeStatus.parse(node.body);
      assert.equal(device.description.toWellFormed(), text.toWellFormed());
      const release = { token: text, reason: 'failed', message: text };
      assert.equal((await worker.request('release', release)).ok, false);
      assert.equal((await worker.request(text, {})).ok, false);
      const gone = next(worker.socket, 'disconnect');
      worker.socket.disconnect();
      await gone;
    }
    const { jobs } = jobList.parse((await coordinator.ask('GET', '/api/jobs')).body);
    assert.deepEqual(new Set(jobs.map(({ name }) => (name ?? '').toWellFormed())), named);

    const page = await sendRaw(coordinator, requestText('GET', '/api/jobs'));
    assert.match(page.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    const { entries } = auditList.parse(
      (await coordinator.ask('GET', '/api/audit?limit=1000', coordinator.adminKey)).body,
    );
    for (const entry of entries) {
      const texts = z
        .array(z.string())
        .parse(Object.values(entry).filter((value) => typeof value === 'string'));
      for (const each of texts) assert.match(each, /^[\x20-\x7e]*$/, JSON.stringify(entry));
      assert.doesNotMatch(texts.join(' '), /[<>'"{}$]/);
    }
    await coordinator.stop();
    // Each line is one record, and none says what a stranger wrote as its own message.
    coordinator.assertNothingBroke();
    assert.doesNotMatch(coordinator.output(), /"msg":"forged"|[\u0000-\u0009\u000b-\u001f]/);
  });
});
