import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { keepKeyFile, keyFilePath } from './key-file.ts';
import { KeyRing } from './key-ring.ts';
import { memoryRecords } from './test-access.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'threads-key-file-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('only its owner can read a key, whatever lay at its place before', async (t) => {
  const folder = folderOf(t);
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'untouched', { mode: 0o644 });
  symlinkSync(elsewhere, `${keyFilePath(folder, 'admin')}.new`);
  writeFileSync(`${keyFilePath(folder, 'worker')}.new`, 'left by a crash', { mode: 0o644 });
  const ring = new KeyRing([], memoryRecords());
  for (const role of ['admin', 'worker'] as const) {
    const made = await keepKeyFile(ring, folder, role);
    assert.ok(made !== null && made.fresh !== null);
    assert.equal(readFileSync(made.path, 'utf8').trim(), made.fresh);
    assert.equal(statSync(made.path).mode & 0o777, 0o600, role);
    assert.equal(ring.check(made.fresh).role, role);
  }
  assert.equal(readFileSync(elsewhere, 'utf8'), 'untouched', 'nothing is written through a link');
});

test('a good key stays; one of another role, or a revoked one, is no good key', async (t) => {
  const folder = folderOf(t);
  const ring = new KeyRing([], memoryRecords());
  const first = await keepKeyFile(ring, folder, 'worker');
  assert.deepEqual(await keepKeyFile(ring, folder, 'worker'), { path: first?.path, fresh: null });
  const viewer = await ring.create(
    { user: 'eve', role: 'viewer' },
    { user: null, role: null, keyId: null, address: null },
  );
  writeFileSync(keyFilePath(folder, 'worker'), viewer.key);
  const second = await keepKeyFile(ring, folder, 'worker');
  assert.ok(second !== null && second.fresh !== null && second.fresh !== first?.fresh);
});
