import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { newKey } from '../access/key-ring.ts';
import { makeBackup } from './backup.ts';
import { BackupError } from './backup-error.ts';
import type { BackupProblem } from './backup-error.ts';
import { restoreBackup } from './restore.ts';
import { openSqliteStore } from './sqlite.ts';
import { jobRecord } from './store-conformance.ts';
import { END, entryHeader, padding } from './tar.ts';

function folderOf(t: { after(end: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'threads-backup-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const refused = (problem: BackupProblem, says: RegExp) => (error: unknown) =>
  error instanceof BackupError && error.problem === problem && says.test(error.message);

/** A backup as one piece, of a folder whose store may be open. */
async function bytesOf(dataDir: string, workerKeyFile?: string): Promise<Buffer> {
  const made = await makeBackup({ dataDir, workerKeyFile, software: '0.0.0' });
  const pieces: Uint8Array[] = [];
  for await (const piece of made.bytes) pieces.push(piece);
  made.close();
  return Buffer.concat(pieces);
}

/** In pieces of any length, as pipes give them. */
async function* inPieces(bytes: Uint8Array, length = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

const restoreTo = (dataDir: string, bytes: Uint8Array, length?: number, workerKeyFile?: string) =>
  restoreBackup(inPieces(bytes, length), { dataDir, workerKeyFile });

/** A store with `jobs` jobs and the operator's keys, closed. */
async function storeIn(folder: string, jobs = 3): Promise<string> {
  const dataDir = join(folder, 'data');
  const store = await openSqliteStore(dataDir);
  for (let seq = 1; seq <= jobs; seq++) {
    await store.commit([{ kind: 'job_added', record: jobRecord(`job${seq}`, { seq }) }]);
  }
  await store.close();
  writeFileSync(join(dataDir, 'admin.key'), `${newKey()}\n`, { mode: 0o600 });
  writeFileSync(join(dataDir, 'worker.key'), `${newKey()}\n`, { mode: 0o600 });
  return dataDir;
}

test('a store that is written to is copied as of one moment, and the copy is a store', async (t) => {
  const folder = folderOf(t);
  const dataDir = join(folder, 'data');
  const store = await openSqliteStore(dataDir);
  const add = (seq: number) =>
    store.commit([
      { kind: 'job_added', record: jobRecord(`job${seq}`, { seq }) },
      { kind: 'event', at: seq, event: 'joined', nodeId: `w${seq}` },
    ]);
  for (let seq = 1; seq <= 50; seq++) await add(seq);
  const made = await makeBackup({ dataDir, workerKeyFile: undefined, software: '0.0.0' });
  for (let seq = 51; seq <= 100; seq++) await add(seq);
  const pieces: Uint8Array[] = [];
  for await (const piece of made.bytes) pieces.push(piece);
  made.close();
  assert.deepEqual(made.manifest.jobs, { all: 50, unfinished: 50 });
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.startsWith('snapshot')),
    [],
  );
  const other = join(folder, 'other');
  const { manifest } = await restoreTo(other, Buffer.concat(pieces));
  assert.deepEqual(manifest, made.manifest);
  const copy = await openSqliteStore(other);
  assert.ok(copy.existed);
  assert.equal(await copy.nextJobSeq(), 51);
  assert.equal((await copy.events(0, 1000)).length, 50);
  assert.ok(copy.epoch > store.epoch + 1_000_000, 'no life that went on had this epoch');
  assert.notDeepEqual(copy.tokenKey, store.tokenKey, 'leases of before are void');
  await store.commit([{ kind: 'event', at: 1, event: 'joined', nodeId: 'still' }]);
  await store.close();
  await copy.close();
});

test('the operator’s keys come back, for their owner alone', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  const workerKeyFile = join(folder, 'mounted.key');
  writeFileSync(workerKeyFile, `${newKey()}\n`, { mode: 0o600 });
  const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');
  const plain = await bytesOf(dataDir);
  const mounted = await bytesOf(dataDir, workerKeyFile);

  assert.equal((await restoreTo(join(folder, 'a'), plain)).workerKey, 'written');
  for (const name of ['admin.key', 'worker.key']) {
    assert.equal(read('a', name), read('data', name));
    assert.equal(statSync(join(folder, 'a', name)).mode & 0o777, 0o600);
  }
  assert.equal(statSync(join(folder, 'a')).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, 'a', 'cluster.db')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(folder, 'a')).toSorted(), [
    'admin.key',
    'cluster.db',
    'lock.db',
    'worker.key',
  ]);

  const elsewhere = join(folder, 'elsewhere.key');
  assert.equal((await restoreTo(join(folder, 'b'), mounted, 100, elsewhere)).workerKey, 'written');
  assert.equal(read('elsewhere.key'), read('mounted.key'));
  assert.ok(!existsSync(join(folder, 'b', 'worker.key')));
  writeFileSync(elsewhere, 'another');
  assert.equal((await restoreTo(join(folder, 'c'), mounted, 100, elsewhere)).workerKey, 'there_already');
  assert.equal(read('elsewhere.key'), 'another');
  const nowhere = join(folder, 'none', 'worker.key');
  assert.equal((await restoreTo(join(folder, 'd'), mounted, 100, nowhere)).workerKey, 'not_writable');
});

test('any tar reads it', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  writeFileSync(join(folder, 'backup.tar'), await bytesOf(dataDir));
  const out = execFileSync('tar', ['-tvf', join(folder, 'backup.tar')], { encoding: 'utf8' });
  const names = out.trim().split('\n');
  assert.equal(names.length, 4, out);
  for (const line of names) assert.match(line, /^-rw------- /);
  execFileSync('tar', ['-xf', join(folder, 'backup.tar'), '-C', folder]);
  const database = new DatabaseSync(join(folder, 'cluster.db'), { readOnly: true });
  assert.equal(database.prepare('SELECT count(*) AS n FROM jobs').get()?.['n'], 3);
  database.close();
});

test('a folder with something in it, or a running coordinator, is left as it is', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  const bytes = await bytesOf(dataDir);
  await assert.rejects(restoreTo(dataDir, bytes), refused('not_empty', /not empty: move what is in it away/));
  const store = await openSqliteStore(dataDir);
  await assert.rejects(restoreTo(dataDir, bytes), refused('running', /a coordinator is running.*stop it/));
  await store.commit([{ kind: 'event', at: 1, event: 'joined', nodeId: 'w' }]);
  await store.close();
  const somebodys = join(folder, 'somebodys');
  mkdirSync(somebodys);
  writeFileSync(join(somebodys, 'letter'), 'dear');
  await assert.rejects(restoreTo(somebodys, bytes), refused('not_empty', /not empty/));
  assert.deepEqual(readdirSync(somebodys), ['letter']);
  // A fresh volume has a folder of its own, and a restore that was killed leaves one.
  const volume = join(folder, 'volume');
  mkdirSync(join(volume, 'lost+found'), { recursive: true });
  mkdirSync(join(volume, 'restore.partial'));
  writeFileSync(join(volume, 'restore.partial', 'cluster.db'), 'half');
  await restoreTo(volume, bytes);
  await (await openSqliteStore(volume)).close();
});

test('what is cut off, altered or something else is refused, and nothing is left', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  const bytes = await bytesOf(dataDir);
  const target = join(folder, 'target');
  const refuse = async (what: string, given: Uint8Array, problem: BackupProblem, says: RegExp) => {
    await assert.rejects(restoreTo(target, given, 777), refused(problem, says), what);
    assert.ok(!existsSync(target), `${what}: ${existsSync(target) ? readdirSync(target).join() : ''}`);
  };
  for (const length of [0, 1, 511, 512, 600, 5000, Math.floor(bytes.length / 2), bytes.length - 3000]) {
    await refuse(`${length} bytes`, bytes.subarray(0, length), 'damaged', /ends too early/);
  }
  const altered = (at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  await refuse('the database', altered(Math.floor(bytes.length / 2)), 'damaged', /not as it was written/);
  await refuse('a header', altered(20), 'foreign', /no archive of/);
  await refuse('noise', Buffer.alloc(5000, 'noise'), 'foreign', /no archive of/);
  await refuse('nothing', Buffer.alloc(4096), 'foreign', /no archive of/);
  const file = (name: string, text: string) => [
    entryHeader({ name, bytes: Buffer.byteLength(text) }, 0),
    Buffer.from(text),
    padding(Buffer.byteLength(text)),
  ];
  const archive = (...files: Buffer[][]) => Buffer.concat([...files.flat(), END]);
  await refuse('a tar', archive(file('letter', 'dear')), 'foreign', /no archive of/);
  await refuse('no JSON', archive(file('manifest.json', '{')), 'foreign', /can’t be read/);
  await refuse('no manifest', archive(file('manifest.json', '{}')), 'foreign', /none of/);
  const { manifest, close } = await makeBackup({ dataDir, workerKeyFile: undefined, software: '0.0.0' });
  close();
  const say = (more: object) => file('manifest.json', JSON.stringify({ ...manifest, ...more }));
  await refuse('a later format', archive(say({ version: 2 })), 'newer', /format 2.*update this program/);
  await refuse('a later schema', archive(say({ schema: 99 })), 'newer', /schema 99.*update this program/);
  await refuse('no database', archive(say({ files: [] })), 'damaged', /no database/);
  await refuse('a file too few', archive(say({})), 'damaged', /has not the file cluster\.db/);
  const path = say({ files: [{ ...manifest.files[0], name: '../../evil' }] });
  await refuse('a path', archive(path, file('../../evil', 'x')), 'foreign', /none of/);
});

test('a database that is none, or not the one it says, is refused', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  const target = join(folder, 'target');
  const database = new DatabaseSync(join(dataDir, 'cluster.db'));
  database.exec('DROP TABLE jobs');
  database.close();
  await assert.rejects(bytesOf(dataDir), refused('foreign', /none of this program/));
  rmSync(join(dataDir, 'cluster.db'));
  writeFileSync(join(dataDir, 'cluster.db'), 'no database at all '.repeat(1000));
  await assert.rejects(bytesOf(dataDir), refused('damaged', /damaged|not a database/));
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.startsWith('snapshot')),
    [],
  );
  await assert.rejects(bytesOf(target), refused('no_store', /no store in .*DATA_DIR/));
  assert.ok(!existsSync(target));
});

test('what a killed backup left is removed by the next; nothing is written through a link', async (t) => {
  const folder = folderOf(t);
  const dataDir = await storeIn(folder);
  // No process has this id: it is above the highest that Linux gives.
  writeFileSync(join(dataDir, 'snapshot-4194305.db'), 'left');
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, '');
  symlinkSync(elsewhere, join(dataDir, `snapshot-${process.pid}.db`));
  await assert.rejects(bytesOf(dataDir), BackupError);
  assert.equal(readFileSync(elsewhere, 'utf8'), '');
  await bytesOf(dataDir);
  assert.ok(!existsSync(join(dataDir, 'snapshot-4194305.db')));
});
