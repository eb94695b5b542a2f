import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { StartError } from '../config.ts';
import { MIGRATIONS } from './migrations.ts';
import { openDataFolder } from './data-folder.ts';
import { openSqliteStore } from './sqlite.ts';
import { jobRecord, storeConformance } from './store-conformance.ts';
import { StoreFenced } from './store.ts';

function folder(t: { after(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'threads-store-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

storeConformance('sqlite', (t) => {
  const path = folder(t);
  return { open: () => openSqliteStore(path) };
});

const problem = (kind: string, says: RegExp) => (error: unknown) =>
  error instanceof StartError && error.problem === kind && says.test(error.message);

test('the folder is made, it and its key are private', async (t) => {
  const path = join(folder(t), 'a', 'b');
  const store = await openSqliteStore(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(statSync(join(path, 'token.key')).mode & 0o777, 0o600);
  await store.close();
});

test('a second coordinator on the same folder is refused, and may come when the first is gone', async (t) => {
  const path = folder(t);
  const first = await openSqliteStore(path);
  await assert.rejects(openSqliteStore(path), problem('already_running', /another coordinator/));
  await first.close();
  await (await openSqliteStore(path)).close();
});

test('kill -9 leaves no lock behind, and nothing that was committed is lost', async (t) => {
  const path = folder(t);
  const module = fileURLToPath(new URL('./sqlite.ts', import.meta.url));
  const script = `
    import { openSqliteStore } from ${JSON.stringify(module)};
    const store = await openSqliteStore(${JSON.stringify(path)});
    await store.commit([{ kind: 'event', at: 5, event: 'joined', nodeId: 'w' }]);
    console.log('committed');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: readonly unknown[] = await once(child.stdout, 'data');
  assert.match(String(said[0]), /committed/);
  await assert.rejects(openSqliteStore(path), problem('already_running', /another coordinator/));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const store = await openSqliteStore(path);
  assert.deepEqual(await store.events(0, 10), [{ at: 5, event: 'joined', nodeId: 'w' }]);
  await store.close();
});

test('an owner whose epoch was raised by another is fenced out', async (t) => {
  const path = folder(t);
  const store = await openSqliteStore(path);
  const other = new DatabaseSync(join(path, 'cluster.db'), { timeout: 1000 });
  other.exec('UPDATE owner SET epoch = epoch + 1');
  other.close();
  await assert.rejects(store.commit([{ kind: 'job_added', record: jobRecord('job') }]), StoreFenced);
  assert.equal(await store.findJob('job'), undefined);
  await store.close();
});

test('a damaged database is refused with what to do', async (t) => {
  const path = folder(t);
  await (await openSqliteStore(path)).close();
  writeFileSync(join(path, 'cluster.db'), 'this is not a database, but it is long enough '.repeat(500));
  await assert.rejects(openSqliteStore(path), problem('store', /damaged.*restore a copy/));
});

test('damage in the middle of the file is found at the start', async (t) => {
  const path = folder(t);
  const store = await openSqliteStore(path);
  for (let i = 1; i <= 200; i++) {
    await store.commit([
      { kind: 'job_added', record: jobRecord(`job${i}`, { seq: i, name: 'x'.repeat(200) }) },
    ]);
  }
  await store.close();
  const file = join(path, 'cluster.db');
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 4096 * 5, 4096 * 20);
  writeFileSync(file, bytes);
  await assert.rejects(openSqliteStore(path), problem('store', /damaged/));
});

test('what an earlier schema counted is kept, as not told apart', async (t) => {
  const path = folder(t);
  const database = new DatabaseSync(join(path, 'cluster.db'));
  database.exec(
    `${MIGRATIONS[0] ?? ''} INSERT INTO computed VALUES (100, 'collatz', 'cpu', 7); PRAGMA user_version = 1`,
  );
  database.close();
  const store = await openSqliteStore(path);
  await store.commit([
    { kind: 'computed', minute: 100, type: 'collatz', variant: 'verify', workerKind: 'cpu', units: 5 },
  ]);
  assert.deepEqual(await store.computed(100, 1, 1), [
    { bucket: 0, type: 'collatz', variant: '', workerKind: 'cpu', units: 7 },
    { bucket: 0, type: 'collatz', variant: 'verify', workerKind: 'cpu', units: 5 },
  ]);
  await store.close();
});

test('what a job that ended early had under an earlier schema is told as before', async (t) => {
  const path = folder(t);
  const database = new DatabaseSync(join(path, 'cluster.db'));
  const job = (id: string, seq: number, cursor: number, covered: string) =>
    `INSERT INTO jobs (id, seq, type, workload_version, parameters, priority, gpu_preferred, placement, range_start, range_end,
       cursor, done, covered, state, created_at, updated_at, finished_at)
     VALUES ('${id}', ${seq}, 'squares', 1, '{}', 'normal', 0, '{}', '1', '1001', '${cursor}', '0', '${covered}', 'cancelled', 1, 1, 1);`;
  database.exec(
    `${MIGRATIONS.slice(0, 3).join('')} ${job('begun', 1, 501, '[["1","101"],["201","301"]]')} ${job('waited', 2, 1, '[]')}
     INSERT INTO journal VALUES (7, 'begun', '401', '402', 'd', 'w', '{}'); PRAGMA user_version = 3`,
  );
  database.close();
  const store = await openSqliteStore(path);
  const begun = await store.findSnapshot('begun');
  const covered = [
    { start: 1n, end: 101n },
    { start: 201n, end: 301n },
  ];
  assert.deepEqual(begun?.segments, [{ range: { start: 1n, end: 501n }, covered }]);
  assert.deepEqual(
    begun.results.map(({ range }) => range),
    [{ start: 401n, end: 402n }],
  );
  assert.deepEqual((await store.findSnapshot('waited'))?.segments, []);
  await store.close();
});

test('a database of a newer version is refused', async (t) => {
  const path = folder(t);
  await (await openSqliteStore(path)).close();
  const database = new DatabaseSync(join(path, 'cluster.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  await assert.rejects(openSqliteStore(path), problem('store', /newer version.*update/));
});

test('a file in the place of the folder, or a damaged key, is refused with what to do', async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'file'), '');
  await assert.rejects(openSqliteStore(join(path, 'file')), problem('data_dir', /not a folder/));
  await assert.rejects(openSqliteStore(join(path, 'file', 'below')), problem('data_dir', /not a folder/));
  // Where nothing can be made: mkdir's own `recursive` would never return.
  if (process.platform === 'linux') {
    await assert.rejects(
      openSqliteStore('/proc/threads/data'),
      problem('data_dir', /choose another DATA_DIR/),
    );
  }
  const data = join(path, 'data');
  await (await openSqliteStore(data)).close();
  writeFileSync(join(data, 'token.key'), 'short');
  await assert.rejects(openSqliteStore(data), problem('data_dir', /token\.key is damaged: remove it/));
});

test('a folder on a network is refused with the reason, before anything is made there', async (t) => {
  if (process.platform !== 'linux') return t.skip('filesystems are told apart on Linux alone');
  const path = join(folder(t), 'data');
  const nfs = { type: () => 0x6969n, mounts: () => '', device: () => 0n };
  assert.throws(
    () => openDataFolder(path, nfs),
    problem('data_dir', /is on NFS: .*locks and syncs.*local volume/),
  );
  assert.ok(!existsSync(path));
});

test('a folder that may not be written is refused with what to do', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may write everywhere');
  const path = folder(t);
  chmodSync(path, 0o500);
  await assert.rejects(openSqliteStore(path), problem('data_dir', /make it writable|read-only/));
});
