import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { providePostgres, startPostgres, type RunningPostgres } from './postgres.ts';

const missing = await providePostgres();

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  // A server that is killed takes its connections along.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A test file that starts a server, stops it in its tracks, says which processes it has, and is killed. */
const ABANDONING = `
  import { startPostgres } from './postgres.ts';
  const server = await startPostgres({ after() {} });
  await server.pause();
  console.log(JSON.stringify(server.processes));
`;

const ended = (client: pg.Client) => new Promise<void>((resolve) => client.once('end', () => resolve()));

async function ask(url: string, question: string): Promise<readonly unknown[]> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<unknown[]>({ text: question, rowMode: 'array' });
    return rows.flat();
  } finally {
    await client.end();
  }
}

suite('PostgreSQL for tests', { skip: missing ?? false, timeout: 300_000 }, () => {
  const ends: (() => Promise<void>)[] = [];
  let server: RunningPostgres;

  before(async () => {
    server = await startPostgres({ after: (end) => void ends.push(end) });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
    assert.deepEqual(server.processes, []);
  });

  test('what was committed is there after a crash, and what was not is gone', async (t) => {
    const url = await server.createDatabase('crash');
    await ask(url, 'CREATE TABLE numbers (n integer)');
    await ask(url, 'INSERT INTO numbers VALUES (27)');
    const open = await connect(url);
    await open.query('BEGIN');
    await open.query('INSERT INTO numbers VALUES (703)');
    assert.deepEqual((await open.query('SELECT n FROM numbers ORDER BY n')).rows, [{ n: 27 }, { n: 703 }]);

    const before = server.processes;
    assert.ok(before.length >= 6, 'the postmaster, its five helpers and the open connection');
    const cut = ended(open);
    const killedAt = performance.now();
    await server.kill();
    await cut;
    assert.equal(server.running, false);
    // Its end of the pipe is closed a moment before the kernel has done with it.
    const until = performance.now() + 5000;
    for (const pid of before) {
      while (/^[^ZX]/.test(stateOf(pid)) && performance.now() < until) await setImmediate();
      assert.doesNotMatch(stateOf(pid), /^[^ZX]/, `process ${pid} has ended`);
    }
    await assert.rejects(connect(url), /ECONNREFUSED/);

    const startedAt = performance.now();
    await server.start();
    t.diagnostic(
      `crash ${(startedAt - killedAt).toFixed(0)} ms, recovery ${(performance.now() - startedAt).toFixed(0)} ms`,
    );
    assert.match(server.output, /automatic recovery in progress/);
    assert.deepEqual(await ask(url, 'SELECT n FROM numbers'), [27]);
  });

  test('an orderly stop needs no recovery', async () => {
    const url = await server.createDatabase('orderly');
    await ask(url, 'CREATE TABLE numbers AS SELECT 27 AS n');
    const idle = await connect(url);
    const cut = ended(idle);
    await server.stop();
    await cut;
    const logged = server.output.length;
    await server.start();
    assert.doesNotMatch(server.output.slice(logged), /recovery in progress/);
    assert.deepEqual(await ask(url, 'SELECT n FROM numbers'), [27]);
  });

  test('a paused server answers nobody, old connection or new, until it is resumed', async (t) => {
    const witness = await startPostgres(t);
    const old = await connect(server.url);
    await server.pause();
    for (const pid of server.processes) assert.equal(stateOf(pid), 'T', `process ${pid} stands still`);
    const answers: string[] = [];
    const asked = old.query('SELECT 1').then(() => answers.push('old'));
    const joined = ask(server.url, 'SELECT 1').then(() => answers.push('new'));
    // As long as a server that runs takes for as much, several times over.
    for (let round = 0; round < 10; round += 1) await ask(witness.url, 'SELECT 1');
    assert.deepEqual(answers, []);
    server.resume();
    await Promise.all([asked, joined]);
    assert.deepEqual(answers.toSorted(), ['new', 'old']);
    await old.end();
  });

  test('a paused server can be killed and stopped', async () => {
    await server.pause();
    await server.kill();
    await server.start();
    await server.pause();
    await server.stop();
    await server.start();
    assert.deepEqual(await ask(server.url, 'SELECT 1'), [1]);
  });

  test('commits are durable unless a test says otherwise, and the password is asked for', async (t) => {
    const startedAt = performance.now();
    const fast = await startPostgres(t, { fsync: false, settings: { max_connections: 20 } });
    t.diagnostic(`start ${(performance.now() - startedAt).toFixed(0)} ms`);
    assert.notEqual(fast.port, server.port);
    assert.deepEqual(await ask(server.url, 'SHOW fsync'), ['on']);
    assert.deepEqual(await ask(server.url, 'SHOW synchronous_commit'), ['on']);
    assert.deepEqual(await ask(server.url, 'SHOW max_connections'), ['100']);
    assert.deepEqual(await ask(fast.url, 'SHOW fsync'), ['off']);
    assert.deepEqual(await ask(fast.url, 'SHOW max_connections'), ['20']);
    const stranger = new URL(server.url);
    stranger.password = 'wrong';
    await assert.rejects(connect(stranger.href), /password authentication failed/);
  });

  test('what a killed test file leaves behind, standing still, goes with the next server', async (t) => {
    const file = spawn(process.execPath, ['--input-type=module', '--eval', ABANDONING], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = z.tuple([z.instanceof(Buffer)]).parse(await once(file.stdout, 'data'));
    const left = z.array(z.number()).parse(JSON.parse(line.toString('utf8')));
    file.kill('SIGKILL');
    await once(file, 'close');
    // The postmaster dies with its test file; the others are told so, which they can't hear.
    assert.ok(left.filter((pid) => stateOf(pid) === 'T').length >= 5);

    await startPostgres(t);
    for (const pid of left) assert.doesNotMatch(stateOf(pid), /^[^Z]/, `process ${pid} has ended`);
    const folders = readdirSync(process.getuid?.() === 0 ? '/tmp' : tmpdir());
    assert.deepEqual(
      folders.filter((name) => new RegExp(`^threads-postgres-\\d+-${file.pid ?? 0}-`).test(name)),
      [],
    );
  });

  test('a server that can’t start says why, and leaves no process', async (t) => {
    await assert.rejects(startPostgres(t, { settings: { shared_buffers: 'plenty' } }), /shared_buffers/);
  });
});

/** As the kernel shows it; empty for a process that is gone. */
function stateOf(pid: number): string {
  const file = `/proc/${pid}/status`;
  return existsSync(file) ? (/^State:\s+(\w)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '') : '';
}
