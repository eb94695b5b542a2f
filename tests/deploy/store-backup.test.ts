/** deploy/postgres-backup/backup.sh, which the CronJob store-backup runs, on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCommand } from '../setup/command.ts';
import { findPostgres } from '../setup/postgres-programs.ts';
import { startPostgres } from '../setup/postgres.ts';

const SCRIPT = join(import.meta.dirname, '..', '..', 'deploy', 'postgres-backup', 'backup.sh');
/** What is special in an address, in a password file, and in a shell. */
const PASSWORD = 'a:b@c/d%e\\f$(id)"\'';
const programs = await findPostgres();

test(
  'a backup is whole or not there, can be read, and pushes out the oldest',
  { skip: typeof programs === 'string' ? programs : false },
  async (t) => {
    assert.ok(typeof programs !== 'string');
    const server = await startPostgres(t, { fsync: false });
    const admin = await server.createDatabase('threads');
    const client = new pg.Client({ connectionString: admin });
    await client.connect();
    await client.query(`CREATE ROLE keeper LOGIN PASSWORD ${client.escapeLiteral(PASSWORD)}`);
    await client.query('ALTER DATABASE threads OWNER TO keeper');
    await client.query('CREATE TABLE jobs (id text); ALTER TABLE jobs OWNER TO keeper');
    await client.query(`INSERT INTO jobs VALUES ('one')`);
    await client.end();

    const folder = temporaryFolder(t);
    const backups = temporaryFolder(t);
    const file = join(folder, 'url');
    const address = new URL(admin);
    address.username = 'keeper';
    const withPassword = (password: string) =>
      `postgres://keeper:${encodeURIComponent(password)}@${address.host}${address.pathname}\n`;
    const run = async (url: string) => {
      writeFileSync(file, url, { mode: 0o600 });
      return runCommand('bash', [SCRIPT], {
        env: {
          PATH: [dirname(programs.postgres), process.env['PATH'] ?? ''].join(delimiter),
          STORE_URL_FILE: file,
          BACKUPS_DIR: backups,
          KEPT_BACKUPS: '2',
        },
      });
    };
    const old = ['threads-cluster-20200101T000000Z.dump', 'threads-cluster-20200102T000000Z.dump'];
    for (const name of [...old, '.new-of-a-crash']) writeFileSync(join(backups, name), 'old');

    for (const [url, what] of [
      [withPassword('wrong'), /pg_dump failed/],
      [withPassword(PASSWORD).replace(address.host, '127.0.0.1:1'), /pg_dump failed/],
      ['changeme', /holds no address/],
    ] as const) {
      const { ok, problem, stdout } = await run(url);
      assert.ok(!ok, url);
      assert.match(`${problem}${stdout}`, what);
      assert.deepEqual(
        readdirSync(backups).filter((name) => !name.startsWith('.new-')),
        old,
        'what there was stays',
      );
    }
    const { ok, problem } = await run(withPassword(PASSWORD));
    assert.ok(ok, problem);
    const [kept, newest = '', ...more] = readdirSync(backups).filter((name) => name.endsWith('.dump'));
    assert.deepEqual([kept, more], [old[1], []]);
    assert.match(newest, /^threads-cluster-20\d{6}T\d{6}Z\.dump$/);
    assert.deepEqual(
      readdirSync(backups).filter((name) => name.startsWith('.') || name.endsWith('.new')),
      [],
    );
    assert.equal(statSync(join(backups, newest)).mode & 0o077, 0, 'its owner’s alone');
    const figures = readFileSync(join(backups, 'figures.prom'), 'utf8');
    const at_s = Number(/^store_backup_success_seconds (\d+)$/m.exec(figures)?.[1]);
    assert.ok(Math.abs(at_s - Date.now() / 1000) < 3600);
    assert.equal(
      Number(/^store_backup_bytes (\d+)$/m.exec(figures)?.[1]),
      statSync(join(backups, newest)).size,
    );

    const copy = await server.createDatabase('copy');
    const restored = await runCommand(join(dirname(programs.postgres), 'pg_restore'), [
      '--no-owner',
      '--single-transaction',
      '--exit-on-error',
      `--dbname=${copy}`,
      join(backups, newest),
    ]);
    assert.ok(restored.ok, restored.problem);
    const reader = new pg.Client({ connectionString: copy });
    await reader.connect();
    const { rows } = await reader.query('SELECT id FROM jobs');
    await reader.end();
    assert.deepEqual(rows, [{ id: 'one' }]);
  },
);
