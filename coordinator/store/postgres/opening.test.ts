import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { test } from 'node:test';
import pg from 'pg';
import { postgresSuite } from '../../../tests/setup/postgres-suite.ts';
import { StartError } from '../../config.ts';
import { jobRecord, storedResult } from '../store-conformance.ts';
import { StoreFenced } from '../store.ts';
import { readAddress } from './address.ts';
import { Database } from './database.ts';
import { MIGRATIONS } from './migrations.ts';
import { openPostgresStore } from './store.ts';

/** @param connectMs how long who says nothing is waited for */
async function refusal(url: string, startPatienceMs = 0, connectMs = 30_000): Promise<StartError> {
  const error: unknown = await openPostgresStore(url, { startPatienceMs, connectMs }).then(
    () => assert.fail('it opened'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StartError);
  assert.doesNotMatch(error.message, /\n/);
  return error;
}

test('an address that is none is refused with what to write, and without its password', async () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['postgres://ada:se#cret@db/threads', /STORE_URL is not an address.*%23/],
    ['se cret', /STORE_URL is not an address/],
    ['mysql://ada:secret@db/threads', /not the address of a PostgreSQL: write postgres:\/\//],
    ['postgres://ada:secret@db', /names no database/],
    ['postgres:///threads', /names no host/],
    ['postgres://ada:secret@db/%zz', /% that begins no %XX/],
  ];
  for (const [url, says] of refused) {
    const error = await refusal(url);
    assert.equal(error.problem, 'store_url');
    assert.match(error.message, says);
    assert.doesNotMatch(inspect(error), /cret/);
  }
});

await postgresSuite('opening a store on PostgreSQL', ({ server, newDatabase }) => {
  async function client(t: { after(end: () => Promise<void>): void }, url: string) {
    const connected = new pg.Client({ connectionString: url });
    connected.on('error', () => undefined);
    await connected.connect();
    t.after(() => connected.end());
    return connected;
  }

  test('five that start together make the schema once, and each has an epoch of its own', async (t) => {
    const url = await newDatabase();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openPostgresStore(url)));
    t.after(async () => void (await Promise.all(stores.map((store) => store.close()))));
    assert.deepEqual(stores.map(({ epoch }) => epoch).toSorted(), [1, 2, 3, 4, 5]);
    assert.equal(stores.filter(({ existed }) => !existed).length, 1);
    const keys = new Set(stores.map(({ tokenKey }) => Buffer.from(tokenKey).toString('hex')));
    assert.equal(keys.size, 1);
    await Promise.all(
      stores.map((store, i) =>
        store.commit([{ kind: 'job_added', record: jobRecord(`job${i}`, { seq: 7 }) }]),
      ),
    );
    const { rows } = await (await client(t, url)).query('SELECT step FROM migrations ORDER BY step');
    assert.deepEqual(
      rows,
      MIGRATIONS.map((_, i) => ({ step: i + 1 })),
    );
  });

  test('a migration waits for who uses its table, and never keeps others waiting behind it', async (t) => {
    const url = await newDatabase();
    await (await openPostgresStore(url)).close();
    const admin = await client(t, url);
    // As a version of before the second step left it.
    await admin.query('DELETE FROM migrations WHERE step > 1; ALTER TABLE beats DROP COLUMN session');
    const backup = await client(t, url);
    await backup.query('BEGIN; LOCK TABLE beats IN ACCESS SHARE MODE');
    assert.match((await refusal(url)).message, /is in use \(a backup\?\): start again/);
    const opening = openPostgresStore(url, { startPatienceMs: 60_000 });
    await admin.query(`SET statement_timeout = '30s'`);
    const tried = async () => {
      const { rowCount } = await admin.query(
        `SELECT FROM pg_locks WHERE relation = 'beats'::regclass AND mode = 'AccessExclusiveLock'`,
      );
      return rowCount === 1;
    };
    while (!(await tried()));
    // Behind the migration in the line.
    await admin.query('SELECT FROM beats');
    await backup.query('COMMIT');
    const store = await opening;
    assert.deepEqual(await store.replicas?.beat(''), { others: [], adopted: [], lost: 0 });
    await store.close();
  });

  test('a database of a newer version is refused', async (t) => {
    const url = await newDatabase();
    await (await openPostgresStore(url)).close();
    await (await client(t, url)).query('INSERT INTO migrations VALUES (99)');
    const error = await refusal(url);
    assert.equal(error.problem, 'store');
    assert.match(error.message, /newer version.*schema 99.*update this program/);
  });

  test('what is wrong with the address is said in one line, without the password', async (t) => {
    const url = await newDatabase();
    const changed = (change: (url: URL) => void) => {
      const other = new URL(url);
      change(other);
      return other.href;
    };
    const unused = createServer();
    unused.listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    const mute = createServer();
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    t.after(() => void mute.close());
    const refused: readonly (readonly [string, RegExp])[] = [
      [changed((other) => (other.password = 'se-cret')), /refused the user threads.*check user and password/],
      [changed((other) => (other.username = 'nobody')), /refused the user nobody/],
      [
        changed((other) => (other.pathname = '/nosuch')),
        /there is no database nosuch at 127.*CREATE DATABASE/,
      ],
      [
        changed((other) => (other.port = String(port))),
        /does not answer.*ECONNREFUSED.*start it, or correct/,
      ],
      [
        changed((other) => (other.search = 'options=-c%20search_path%3Dnosuch')),
        /no schema of search_path.*CREATE SCHEMA/,
      ],
    ];
    const { password } = new URL(url);
    for (const [wrong, says] of refused) {
      const error = await refusal(wrong);
      assert.equal(error.problem, 'store_url', error.message);
      assert.match(error.message, says);
      for (const secret of ['se-cret', password]) assert.ok(!inspect(error, { depth: 10 }).includes(secret));
    }
    const toMute = changed((other) => (other.port = String((mute.address() as AddressInfo).port)));
    assert.match((await refusal(toMute, 0, 500)).message, /does not answer.*start it/);
  });

  test('a role without rights, a standby and another encoding are refused with what to do', async (t) => {
    const url = await newDatabase();
    const admin = await client(t, url);
    await admin.query(
      `CREATE ROLE reader LOGIN PASSWORD 'reader'; REVOKE CREATE ON SCHEMA public FROM public`,
    );
    const asReader = new URL(url);
    [asReader.username, asReader.password] = ['reader', 'reader'];
    assert.match((await refusal(asReader.href)).message, /lacks a right.*GRANT/);
    await admin.query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`);
    const latin = new URL(url);
    latin.pathname = '/latin';
    const error = await refusal(latin.href);
    assert.equal(error.problem, 'store');
    assert.match(error.message, /LATIN1.*ENCODING 'UTF8'/);
  });

  test('a server that is being started is waited for', async (t) => {
    const url = await newDatabase();
    await server().kill();
    const opening = openPostgresStore(url, { startPatienceMs: 60_000 });
    await server().start();
    const store = await opening;
    t.after(() => store.close());
    await store.commit([{ kind: 'probe' }]);
  });

  test('two clusters in two schemas of one database know nothing of each other', async (t) => {
    const url = await newDatabase();
    const admin = await client(t, url);
    await admin.query('CREATE SCHEMA one; CREATE SCHEMA two');
    const stores = await Promise.all(
      ['one', 'two'].map((schema) => openPostgresStore(`${url}?options=-c%20search_path%3D${schema}`)),
    );
    t.after(async () => void (await Promise.all(stores.map((store) => store.close()))));
    const [one, two] = stores;
    assert.ok(one !== undefined && two !== undefined && one.replicas !== null && two.replicas !== null);
    assert.notDeepEqual(one.tokenKey, two.tokenKey);
    const { replicas } = two;
    const heard = new Promise((resolve) => replicas.listen((ring) => ring.kind === 'job' && resolve(ring)));
    await one.commit([{ kind: 'job_added', record: jobRecord('of-one') }]);
    await two.commit([{ kind: 'job_added', record: jobRecord('of-two') }]);
    assert.deepEqual(await heard, { kind: 'job', jobId: 'of-two' });
    assert.equal(await two.findJob('of-one'), undefined);
    assert.deepEqual(await one.replicas.beat(''), { others: [], adopted: [], lost: 0 });
    const { rowCount } = await admin.query(`SELECT FROM pg_tables WHERE schemaname = 'public'`);
    assert.equal(rowCount, 0);
  });

  test('commits are durable even where the role’s default is that they are not', async (t) => {
    const url = await newDatabase();
    const admin = await client(t, url);
    const { pathname } = new URL(url);
    await admin.query(`ALTER DATABASE ${pathname.slice(1)} SET synchronous_commit = off`);
    await admin.query(`ALTER DATABASE ${pathname.slice(1)} SET default_transaction_read_only = on`);
    await admin.query(
      `ALTER DATABASE ${pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
    );
    const store = await openPostgresStore(url);
    t.after(() => store.close());
    await store.commit([{ kind: 'job_added', record: jobRecord('job') }]);
    assert.ok(store.replicas !== null);
    await store.replicas.beat('');
    await store.replicas.send('all', 'x');
    const session = await new Database(readAddress(url)).connect({ connectMs: 5000, queryMs: 5000 });
    t.after(() => session.end());
    const { rows } = await session.query('SHOW synchronous_commit');
    assert.deepEqual(rows, [{ synchronous_commit: 'on' }]);
  });

  test('the audit log can only grow', async (t) => {
    const url = await newDatabase();
    const store = await openPostgresStore(url);
    t.after(() => store.close());
    const nobody = { user: null, keyId: null, role: null, address: null } as const;
    const entry = {
      at: 1,
      ...nobody,
      action: 'access.refused',
      target: 'a\0b',
      outcome: 'key_needed',
    } as const;
    await store.commit([{ kind: 'audited', entry }]);
    const [kept] = await store.listAudit({ limit: 1 });
    assert.equal(
      kept?.target,
      'a\uFFFDb',
      'PostgreSQL has no U+0000: what strangers say must not stop a commit',
    );
    const admin = await client(t, url);
    for (const attempt of ['UPDATE audit SET at = 2', 'DELETE FROM audit', 'TRUNCATE audit']) {
      await assert.rejects(admin.query(attempt), /append-only/);
    }
  });

  test('after a restore coordinators of before are fenced out, their leases are void, and what they owned is taken over', async (t) => {
    const url = await newDatabase();
    const before = await openPostgresStore(url);
    t.after(() => before.close());
    await before.commit([
      { kind: 'job_added', record: jobRecord('job') },
      { kind: 'segment_claimed', jobId: 'job', range: { start: 1n, end: 100n } },
      { kind: 'result_accepted', result: storedResult('job', 1n, 50n) },
    ]);
    const admin = await client(t, url);
    await admin.query(`SET search_path = ''`);
    await admin.query('SELECT public.threads_after_restore()');
    await assert.rejects(before.commit([{ kind: 'probe' }]), StoreFenced);
    assert.ok(before.replicas !== null);
    await assert.rejects(before.replicas.beat(''), StoreFenced);
    const store = await openPostgresStore(url);
    t.after(() => store.close());
    assert.notDeepEqual(store.tokenKey, before.tokenKey);
    const [active] = await store.loadActive();
    assert.equal(active?.segments.length, 1);
    assert.equal(active.results.length, 1);
  });
});
