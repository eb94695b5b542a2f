import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { StoredKey } from '../store/store.ts';
import { KeyRing } from './key-ring.ts';
import { memoryRecords } from './test-access.ts';

const ADMIN = { user: 'root', role: 'admin', keyId: null, address: '127.0.0.1' } as const;
const refused = (says: RegExp) => (error: unknown) =>
  error instanceof ClusterError && error.code === 'key_refused' && says.test(error.message);

function ring(keys: readonly StoredKey[] = []) {
  const clock = { now: 1_790_000_000_000 };
  const records = memoryRecords(keys);
  return { clock, records, ring: new KeyRing(keys, records, () => clock.now) };
}

test('a key is told once, kept as a hash, and known again', async () => {
  const { ring: keys, records } = ring();
  const { key, status } = await keys.create({ user: 'ada', role: 'submitter' }, ADMIN);
  assert.match(key, /^tc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  assert.equal(keys.check(key).user, 'ada');
  const secret = key.slice(-43);
  assert.ok(!JSON.stringify([records.changes, keys.list()]).includes(secret), 'the secret is nowhere');
  assert.deepEqual(
    records.audited.map(({ action, target, user }) => [action, target, user]),
    [['key.create', status.key_id, 'root']],
  );
  const other = await keys.create({ user: 'ada', role: 'submitter' }, ADMIN);
  assert.notEqual(other.key, key);
});

test('what is no key, another’s secret or a changed letter is refused in the same words', async () => {
  const { ring: keys } = ring();
  const { key } = await keys.create({ user: 'ada', role: 'viewer' }, ADMIN);
  const { key: second } = await keys.create({ user: 'bob', role: 'admin' }, ADMIN);
  const last = key.endsWith('A') ? 'E' : 'A';
  const wrong = [
    '',
    'tc_',
    'x'.repeat(200),
    key.slice(0, -1),
    `${key.slice(0, -1)}${last}`,
    `tc_${'0'.repeat(12)}_${key.slice(-43)}`,
    `${second.slice(0, 16)}${key.slice(16)}`,
    `${key} `,
    '__proto__',
  ];
  for (const text of wrong) assert.throws(() => keys.check(text), refused(/not known/), text);
});

test('an expired or revoked key is worth nothing, and connections made with it are ended', async () => {
  const { ring: keys, clock, records } = ring();
  const ended: string[] = [];
  const brief = await keys.create({ user: 'ada', role: 'worker', days: 1 }, ADMIN);
  const lasting = await keys.create({ user: 'ada', role: 'worker' }, ADMIN);
  const forget = keys.onEnded((id) => ended.push(id));
  clock.now += 86_400_000 - 1;
  assert.ok(keys.check(brief.key));
  keys.sweep();
  clock.now += 1;
  assert.throws(() => keys.check(brief.key), refused(/expired/));
  keys.sweep();
  keys.sweep();
  assert.deepEqual(ended, [brief.status.key_id], 'once');
  const id = lasting.status.key_id;
  assert.equal((await keys.revoke(id, ADMIN)).state, 'revoked');
  assert.equal((await keys.revoke(id, ADMIN)).state, 'revoked', 'again');
  assert.deepEqual(ended, [brief.status.key_id, id]);
  assert.throws(() => keys.check(lasting.key), refused(/revoked/));
  assert.equal(records.audited.filter(({ action }) => action === 'key.revoke').length, 1);
  assert.ok(!keys.hasValid('worker'));
  await assert.rejects(keys.revoke('0123456789ab', ADMIN), { code: 'not_found' });
  forget();
});

test('the last use is noted, once a minute', async () => {
  const { ring: keys, clock, records } = ring();
  const { key } = await keys.create({ user: 'ada', role: 'viewer' }, ADMIN);
  for (let i = 0; i < 100; i++) {
    keys.check(key);
    clock.now += 1200;
  }
  assert.equal(records.changes.filter(({ kind }) => kind === 'key_used').length, 3);
  assert.match(keys.list()[0]?.last_used_at ?? '', /:00\.000Z$/);
});

test('what another coordinator did is read anew: its keys are good here, and what it revoked ends connections', async () => {
  const { ring: here, records } = ring();
  const there = new KeyRing([], records);
  const added = await there.create({ user: 'ada', role: 'worker' }, ADMIN);
  assert.throws(() => here.check(added.key), refused(/not known/));
  await here.reload();
  assert.equal(here.check(added.key).user, 'ada');
  const ended: string[] = [];
  here.onEnded((id) => ended.push(id));
  await there.reload();
  await there.revoke(added.status.key_id, ADMIN);
  await here.reload();
  await here.reload();
  assert.deepEqual(ended, [added.status.key_id], 'once');
  assert.throws(() => here.check(added.key), refused(/revoked/));
});
