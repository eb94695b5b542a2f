import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { StartError } from '../config.ts';
import { keepAdminKey, keepWorkerKey, keyFilePath } from './key-file.ts';
import { KeyRing, newKey } from './key-ring.ts';
import { memoryRecords } from './test-access.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'threads-key-file-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const NOBODY = { user: null, role: null, keyId: null, address: null } as const;
const refused = (says: RegExp) => (error: unknown) =>
  error instanceof StartError && error.problem === 'key_file' && says.test(error.message);

test('only its owner can read a key, whatever lay at its place before', async (t) => {
  const folder = folderOf(t);
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'untouched', { mode: 0o644 });
  const paths = { admin: keyFilePath(folder, 'admin'), worker: keyFilePath(folder, 'worker') };
  symlinkSync(elsewhere, `${paths.admin}.new`);
  writeFileSync(`${paths.worker}.new`, 'left by a crash', { mode: 0o644 });
  const ring = new KeyRing([], memoryRecords());
  const admin = await keepAdminKey(ring, folder);
  assert.equal(readFileSync(paths.admin, 'utf8').trim(), admin?.fresh);
  assert.deepEqual(await keepWorkerKey(ring, paths.worker), { outcome: 'made', was: null, isPublic: false });
  for (const role of ['admin', 'worker'] as const) {
    assert.equal(statSync(paths[role]).mode & 0o777, 0o600, role);
    assert.equal(ring.check(readFileSync(paths[role], 'utf8').trim()).role, role);
  }
  assert.equal(readFileSync(elsewhere, 'utf8'), 'untouched', 'nothing is written through a link');
});

test('the admin’s key stays; where another admin has a key, none is made', async (t) => {
  const folder = folderOf(t);
  const ring = new KeyRing([], memoryRecords());
  const path = keyFilePath(folder, 'admin');
  await ring.create({ user: 'ada', role: 'admin' }, NOBODY);
  assert.equal(await keepAdminKey(ring, folder), null);
  assert.ok(!existsSync(path));
  const { key } = await ring.create({ user: 'operator', role: 'admin' }, NOBODY);
  writeFileSync(path, key);
  assert.deepEqual(await keepAdminKey(ring, folder), { path, outcome: 'kept', fresh: null });
});

test('a worker’s key that was made elsewhere is taken in once, and stays good', async (t) => {
  const path = join(folderOf(t), 'from-a-secret');
  const key = newKey();
  writeFileSync(path, `${key}\n`, { mode: 0o600 });
  const records = memoryRecords();
  const ring = new KeyRing([], records);
  assert.equal((await keepWorkerKey(ring, path)).outcome, 'taken_in');
  const { id, user, role } = ring.check(key);
  assert.deepEqual([user, role], ['operator', 'worker']);
  assert.deepEqual(
    records.audited.map((entry) => [entry.action, entry.target, entry.user]),
    [['key.create', id, 'operator']],
  );
  assert.equal((await keepWorkerKey(ring, path)).outcome, 'kept');
  assert.equal(records.audited.length, 1);
  assert.ok(!JSON.stringify(records.changes).includes(key.slice(-43)), 'its secret is kept nowhere');
});

test('a revoked key is not taken in again: a new one takes its place, or it is said that none can', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'worker.key');
  const ring = new KeyRing([], memoryRecords());
  await keepWorkerKey(ring, path);
  const first = readFileSync(path, 'utf8').trim();
  await ring.revoke(ring.check(first).id, NOBODY);
  // What is to take its place can't be written: as root, too.
  const obstacle = `${path}.after-${createHash('sha256').update(first).digest('hex').slice(0, 12)}`;
  mkdirSync(obstacle);
  const useless = { outcome: 'useless', was: 'revoked', isPublic: false };
  assert.deepEqual(await keepWorkerKey(ring, path), useless);
  assert.deepEqual(await keepWorkerKey(ring, path), useless, 'nor at the next start');
  assert.equal(readFileSync(path, 'utf8').trim(), first);
  assert.ok(!ring.hasValid('worker'));
  rmSync(obstacle, { recursive: true });
  assert.deepEqual(await keepWorkerKey(ring, path), { ...useless, outcome: 'replaced' });
  assert.equal(ring.check(readFileSync(path, 'utf8').trim()).role, 'worker');
});

test('a key of another role is no worker’s', async (t) => {
  const path = join(folderOf(t), 'worker.key');
  const ring = new KeyRing([], memoryRecords());
  const viewer = await ring.create({ user: 'eve', role: 'viewer' }, NOBODY);
  writeFileSync(path, viewer.key, { mode: 0o600 });
  const kept = await keepWorkerKey(ring, path);
  assert.deepEqual(kept, { outcome: 'replaced', was: 'of the role viewer', isPublic: false });
  assert.equal(ring.check(viewer.key).role, 'viewer', 'which stays what it is');
});

test('what is no key is refused with what to do, and nothing is written', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'worker.key');
  const ring = new KeyRing([], memoryRecords());
  const good = (await ring.create({ user: 'ada', role: 'viewer' }, NOBODY)).key;
  for (const text of ['', 'secret', good.slice(0, -1), `${good}\n${good}`, `${good}x`]) {
    writeFileSync(path, text);
    await assert.rejects(keepWorkerKey(ring, path), refused(/holds no key.*remove the file/), text);
    assert.equal(readFileSync(path, 'utf8'), text);
  }
  writeFileSync(path, `${good.slice(0, -4)}AAAA`);
  await assert.rejects(keepWorkerKey(ring, path), refused(/id of another key/));
  await assert.rejects(keepWorkerKey(ring, folder), refused(/cannot be read/));
  await assert.rejects(
    keepWorkerKey(ring, join(folder, 'none', 'worker.key')),
    refused(/no key can be kept/),
  );
  assert.equal(ring.list().length, 1, 'no key is left good that nobody has');
});

test('a file that every user can read is told', async (t) => {
  const path = join(folderOf(t), 'worker.key');
  const ring = new KeyRing([], memoryRecords());
  writeFileSync(path, newKey());
  for (const [mode, isPublic] of [
    [0o644, true],
    [0o440, false],
  ] as const) {
    chmodSync(path, mode);
    assert.equal((await keepWorkerKey(ring, path)).isPublic, isPublic, mode.toString(8));
  }
});
