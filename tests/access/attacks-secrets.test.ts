/** A day in the life of a coordinator, and then all that it said: no secret is in it. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join as pathOf } from 'node:path';
import { test } from 'node:test';
import { keyFilePath } from '../../coordinator/access/key-file.ts';
import { submitReply } from '../../protocol/http.ts';
import { answerOf, connect, helloOf, join, next, refusalOf } from '../coordinator/worker-socket.ts';
import { observe } from './observed.ts';
import { requestText, sendRaw } from './raw-http.ts';

test('keys and lease tokens are in no log line, error, metric, list, audit line or file that others can read', async (t) => {
  const coordinator = await observe(t);
  const secrets = new Map<string, string>([
    ['the admin’s key', coordinator.adminKey],
    ['the workers’ key', readFileSync(keyFilePath(coordinator.dataDir, 'worker'), 'utf8').trim()],
  ]);
  const said: string[] = [];
  const ask = async (...asked: Parameters<typeof coordinator.ask>): Promise<unknown> => {
    const { body } = await coordinator.ask(...asked);
    said.push(JSON.stringify(body));
    return body;
  };
  const made = await Promise.all(
    (['admin', 'submitter', 'worker', 'viewer'] as const).map((role) => coordinator.key(role)),
  );
  for (const { key, role } of made) secrets.set(`a key of the role ${role}`, key);
  const [admin, submitter, workerKey, viewer] = made;
  assert.ok(
    admin !== undefined && submitter !== undefined && workerKey !== undefined && viewer !== undefined,
  );

  // What goes well.
  const { job_id } = submitReply.parse(
    await ask('POST', '/api/submit', submitter.key, {
      type: 'collatz',
      parameters: { start: '1', end: '100000' },
    }),
  );
  const worker = await join(t, coordinator.url, { key: workerKey.key });
  const lease = await worker.lease();
  secrets.set('a lease token', lease.token);
  said.push(JSON.stringify(await worker.request('submit', answerOf(lease))));
  // What does not: keys in wrong places, of wrong roles, misspelt; tokens that are altered, and the rest of it.
  said.push(JSON.stringify(await worker.request('submit', { ...answerOf(lease), token: `${lease.token}x` })));
  said.push(
    JSON.stringify(await worker.request('release', { token: lease.token, reason: 'bored', message: '' })),
  );
  said.push(JSON.stringify(await worker.request('submit', { token: lease.token })));
  worker.socket.emit('lease', { key: workerKey.key });
  for (const { key } of made) {
    for (const method of ['GET', 'POST'] as const) {
      for (const path of [
        '/api/keys',
        `/api/cancel/${job_id}`,
        '/api/submit',
        `/api/status/${job_id}`,
        '/api/audit',
        '/api/caller',
        '/api/nodes',
        '/nowhere',
      ]) {
        if (path === '/api/keys' && method === 'POST') continue;
        said.push(
          (await sendRaw(coordinator, requestText(method, path, { Authorization: `Bearer ${key}` }))).text,
        );
      }
    }
    said.push((await sendRaw(coordinator, requestText('GET', `/api/keys?key=${key}`))).text);
    said.push(
      (await sendRaw(coordinator, requestText('GET', '/api/keys', { Authorization: `Basic ${key}` }))).text,
    );
    said.push(
      (await sendRaw(coordinator, requestText('GET', '/api/keys', { Authorization: `Bearer ${key} ` }))).text,
    );
    said.push(
      (
        await sendRaw(
          coordinator,
          `GET /api/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\0\r\n\r\n`,
        )
      ).text,
    );
    said.push(JSON.stringify(await refusalOf(connect(t, coordinator.url, { ...helloOf({ key }), more: 1 }))));
  }
  const gone = next(worker.socket, 'disconnect');
  await coordinator.revoke(workerKey.key_id);
  await gone;
  said.push(JSON.stringify(await refusalOf(connect(t, coordinator.url, worker.hello))));
  said.push(await (await fetch(coordinator.metricsUrl)).text());
  await ask('GET', '/api/keys', admin.key);
  await ask('GET', '/api/audit?limit=1000', admin.key);
  await ask('GET', '/api/events-that-are-not', admin.key);
  await coordinator.stop();
  coordinator.assertNothingBroke();

  const places = new Map<string, string>([
    ['the log', coordinator.output()],
    ['answers', said.join('\n')],
  ]);
  for (const file of readdirSync(coordinator.dataDir).filter((name) => name.startsWith('cluster.db'))) {
    places.set(file, readFileSync(pathOf(coordinator.dataDir, file), 'latin1'));
  }
  assert.ok(coordinator.output().includes('"msg":"request"'), 'the log was at its most talkative');
  for (const [secret, text] of secrets) {
    // Of a key its id is no secret: what stands behind it is.
    const kept = text.replace(/^tc_[0-9a-f]{12}_/, '');
    const signature = kept.slice(kept.lastIndexOf('.') + 1);
    for (const [place, content] of places) {
      assert.ok(!content.includes(signature), `${secret} is in ${place}`);
    }
  }
  for (const name of ['token.key', 'admin.key', 'worker.key']) {
    assert.equal(statSync(pathOf(coordinator.dataDir, name)).mode & 0o077, 0, name);
  }
  assert.equal(statSync(coordinator.dataDir).mode & 0o077, 0, 'the folder is its owner’s alone');
  const tokenKey = readFileSync(pathOf(coordinator.dataDir, 'token.key'));
  for (const [place, content] of places) {
    for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      assert.ok(!content.includes(tokenKey.toString(form)), `the key that signs leases is in ${place}`);
    }
  }
});
