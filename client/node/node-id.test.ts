import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeId } from '../../protocol/messages.ts';
import { freshNodeId, persistentNodeId } from './node-id.ts';

function folder(t: { after(end: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'threads-node-id-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('every host name gives a name that the protocol takes, with room for a suffix', () => {
  for (const host of ['vm', 'a.b-c_d', 'Übergrößenträger', '', '---', 'x'.repeat(300), 'a b/c\n']) {
    assert.ok(nodeId.safeParse(`${freshNodeId(host)}-gpu15`).success, host);
  }
  assert.notEqual(freshNodeId('vm'), freshNodeId('vm'));
});

test('the name stays over restarts, and another machine on the same folder has another', (t) => {
  const dir = folder(t);
  const first = persistentNodeId(dir, 'vm', process.pid);
  assert.equal(persistentNodeId(dir, 'vm', process.pid), first);
  assert.notEqual(persistentNodeId(dir, 'other', process.pid), first);
});

test('two processes at once have two names; a dead one’s name is taken up again', async (t) => {
  const dir = folder(t);
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  assert.ok(other.pid);
  const theirs = persistentNodeId(dir, 'vm', other.pid);
  const ours = persistentNodeId(dir, 'vm', process.pid);
  assert.notEqual(ours, theirs);
  const ended = new Promise((resolve) => other.once('exit', resolve));
  other.kill();
  await ended;
  assert.equal(persistentNodeId(dir, 'vm', process.pid), theirs);
});

test('a file that holds something else is replaced', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'worker-vm-0.id'), '<script> 12 garbage');
  const id = persistentNodeId(dir, 'vm');
  assert.ok(nodeId.safeParse(id).success);
  assert.equal(persistentNodeId(dir, 'vm'), id);
});
