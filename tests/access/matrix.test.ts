/** Every door × every caller: what docs/access.md says is what a running coordinator does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { CASES, DOORS, verdict } from '../../protocol/access-table.ts';
import type { Case, Door } from '../../protocol/access-table.ts';
import { roleOf } from '../../protocol/access.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { errorBody } from '../../protocol/http.ts';
import type { Answer } from '../coordinator/worker-socket.ts';
import { answerOf, connect, helloOf, join, refusalOf } from '../coordinator/worker-socket.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import type { OpenCoordinator } from './keys.ts';

const DAY_MS = 86_400_000;
const DOCS = new URL('../../docs/access.md', import.meta.url);

/** What the case shows: undefined for no key. */
async function keyOf(t: TestContext, coordinator: OpenCoordinator, each: Case): Promise<string | undefined> {
  const role = roleOf(each.caller);
  switch (each.shows) {
    case 'nothing':
      return undefined;
    case 'a good key':
      return role === null ? undefined : (await coordinator.key(role)).key;
    case 'a revoked key': {
      const made = await coordinator.key('admin');
      await coordinator.revoke(made.key_id);
      return made.key;
    }
    case 'an expired key': {
      const made = await coordinator.key('admin', 'ada', 1);
      const now = Date.now() + DAY_MS;
      t.mock.method(Date, 'now', () => now);
      return made.key;
    }
  }
}

/** A job of the case's owner that can still be steered, by somebody who may make it. */
async function jobOf(coordinator: TestCoordinator, each: Case, keys: Keys): Promise<string> {
  return coordinator.submit('100000', {}, keys === null ? {} : bearer(keys[each.owner]));
}

type Keys = { readonly ada: string; readonly bob: string; readonly admin: string } | null;

/** Sends what the route takes. @returns the code of the refusal for reasons of access; null: let in */
async function knock(
  coordinator: TestCoordinator,
  door: Door,
  each: Case,
  keys: Keys,
  headers: Record<string, string>,
): Promise<ErrorCode | null> {
  const [method = '', path = ''] = door.name.split(' ');
  const job = await jobOf(coordinator, each, keys);
  const victim = await coordinator.post(
    '/api/keys',
    { user: 'eve', role: 'viewer' },
    keys === null ? {} : bearer(keys.admin),
  );
  const address = path
    .replace(':job_id', job)
    .replace(':key_id', keyIdOf(victim.body))
    .replace(':node_id', 'no-such-worker');
  if (path.endsWith('/resume')) {
    await coordinator.post(`/api/jobs/${job}/pause`, undefined, keys === null ? {} : bearer(keys.admin));
  }
  const body =
    path === '/api/submit'
      ? { type: 'collatz', parameters: { start: '1', end: '100' } }
      : path === '/api/keys' && method === 'post'
        ? { user: 'eve', role: 'viewer' }
        : undefined;
  const base = door.kind === 'metrics' ? coordinator.metricsUrl : `${coordinator.url}${address}`;
  const abort = new AbortController();
  const response = await fetch(base, {
    method: method.toUpperCase(),
    signal: abort.signal,
    headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  try {
    if (response.ok || response.status === 404) return null;
    if (door.kind === 'metrics') return METRICS_CODES.get(await response.text()) ?? 'internal';
    const { code } = errorBody.parse(await response.json()).error;
    // The body of a hand-back takes a lease's token: past the door it may well be found wanting.
    return code === 'invalid_request' ? null : code;
  } finally {
    abort.abort();
  }
}

/** /metrics answers in plain text. */
const METRICS_CODES = {
  get: (text: string): ErrorCode | undefined =>
    /needs a key/.test(text) ? 'key_needed' : /this key is/.test(text) ? 'key_refused' : undefined,
};

function keyIdOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'key_id' in body ? String(body.key_id) : 'none';
}

/** Joins, and sends the message. @returns why it was refused, at the handshake or then; null: it was let in */
async function send(
  t: TestContext,
  coordinator: TestCoordinator,
  door: Door,
  each: Case,
  keys: Keys,
  key: string | undefined,
): Promise<ErrorCode | null> {
  await jobOf(coordinator, each, keys);
  const hello = helloOf(key === undefined ? {} : { key });
  if (door.name === 'hello' || verdict(door, each) !== null) {
    const socket = connect(t, coordinator.url, hello);
    const joined = new Promise<null>((resolve) => socket.once('welcome', () => resolve(null)));
    const refused = await Promise.race([joined, refusalOf(socket).then(({ code }) => code)]);
    socket.disconnect();
    return refused;
  }
  const worker = await join(t, coordinator.url, key === undefined ? {} : { key });
  const answer = await message(worker, door.name);
  worker.socket.disconnect();
  return answer.ok ? null : answer.error.code;
}

async function message(worker: Awaited<ReturnType<typeof join>>, name: string): Promise<Answer> {
  switch (name) {
    case 'lease':
      return worker.request('lease', { target_ms: 1000, rate_per_second: 1000 });
    case 'submit':
      return worker.request('submit', answerOf(await worker.lease()));
    case 'release':
      return worker.request('release', {
        token: (await worker.lease()).token,
        reason: 'stopping',
        message: '',
      });
    case 'heartbeat':
      return worker.request('heartbeat', {
        state: 'idle',
        busy_fraction: 0,
        rate_per_second: 0,
        leases: [],
      });
    default:
      throw new Error(`no message ${name}`);
  }
}

suite('the table of docs/access.md', () => {
  for (const each of CASES) {
    test(each.name, async (t) => {
      const open = each.loopbackOnly ? undefined : await runOpenCoordinator(t, { policy: each.policy });
      const coordinator = open ?? (await runCoordinator(t));
      const keys =
        open === undefined
          ? null
          : {
              ada: (await open.key('submitter', 'ada')).key,
              bob: (await open.key('submitter', 'bob')).key,
              admin: open.adminKey,
            };
      const key = open === undefined ? undefined : await keyOf(t, open, each);
      for (const door of DOORS) {
        const got =
          door.kind === 'socket'
            ? await send(t, coordinator, door, each, keys, key)
            : await knock(coordinator, door, each, keys, key === undefined ? {} : bearer(key));
        assert.equal(got, verdict(door, each), `${door.name}, ${each.name}`);
      }
    });
  }

  test('says what the rule says', () => {
    const rows = new Map(
      readFileSync(DOCS, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .map((line) => line.split('|').map((cell) => cell.trim()))
        .map(([, door = '', , ...cells]) => [door.replaceAll('`', ''), cells.slice(0, -1)] as const),
    );
    for (const door of DOORS) {
      const told = CASES.map((each) => verdict(door, each)).map((code) =>
        code === null ? 'yes' : `\`${code}\``,
      );
      assert.deepEqual(rows.get(door.name), told, door.name);
    }
  });
});
