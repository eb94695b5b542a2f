/**
 * systemd/: the installer into a folder, what its units start, a second run, and removal. Without systemd itself: it
 * can't be had in a test, so its own checks of the units are asked where its tools are.
 */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { KEY_FORM } from '../../protocol/key-form.ts';
import { Api } from '../cluster/api.ts';
import { freePort } from '../cluster/processes.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCommand } from '../setup/command.ts';
import type { CommandResult } from '../setup/command.ts';
import { readUnit, startUnit } from './systemd-unit.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'systemd/install.sh');
const JOB_TIMEOUT_MS = 120_000;
const onLinux = { skip: process.platform === 'linux' ? false : 'systemd is Linux' };

const script = (args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> =>
  runCommand('bash', [SCRIPT, ...args], { env, timeoutMs: 400_000 });

/** A folder to install into, with what was fetched and built here already: as an upgrade finds it. */
function prepared(t: TestContext): string {
  const root = temporaryFolder(t);
  const app = join(root, 'opt/threads-cluster');
  mkdirSync(app, { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  if (existsSync(join(ROOT, 'build'))) cpSync(join(ROOT, 'build'), join(app, 'build'), { recursive: true });
  return root;
}

/** Of every file below a folder, what `stat` says of it; links are not followed. */
function inventory(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${statSync(path).mtimeMs}`)
    .toSorted();
}

suite('the installer', onLinux, () => {
  test('installs services that compute a job; a second run keeps settings and keys; removal keeps data unless told', async (t) => {
    const root = prepared(t);
    const [port, metrics] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const options = ['--kind', 'cpu', '--root', root, '--no-systemd'];
    const roles = ['coordinator', 'worker'];
    const first = await script([...roles, ...options, '--url', url]);
    assert.ok(first.ok, `${first.stdout}\n${first.problem}`);
    const settings = join(root, 'etc/threads-cluster');
    for (const name of ['coordinator.env', 'worker.env', 'worker.key']) {
      assert.equal(statSync(join(settings, name)).mode & 0o777, 0o640, name);
    }
    const key = readFileSync(join(settings, 'worker.key'), 'utf8').trim();
    assert.match(key, KEY_FORM);

    const file = join(settings, 'coordinator.env');
    const mine = `${readFileSync(file, 'utf8')
      .replace('=3000', `=${port}`)
      .replace('=9090', `=${metrics}`)
      .replace('HOST=127.0.0.1', 'HOST=0.0.0.0')}\nVOLUNTEER_ACCESS=key\nSUBMIT_ACCESS=local\n`;
    writeFileSync(file, mine);
    const again = await script([...roles, ...options, '--url', 'http://192.0.2.1:1']);
    assert.ok(again.ok, again.problem);
    assert.match(again.stdout, /coordinator\.env stays as it is[^]*worker\.key stays as it is/);
    assert.equal(readFileSync(file, 'utf8'), mine);
    assert.match(
      readFileSync(join(settings, 'worker.env'), 'utf8'),
      new RegExp(`^COORDINATOR_URL=${url}$`, 'm'),
    );
    assert.equal(readFileSync(join(settings, 'worker.key'), 'utf8').trim(), key);
    assert.deepEqual(readdirSync(join(root, 'opt')), ['threads-cluster'], 'nothing is left beside it');

    // What systemd makes for StateDirectory and CacheDirectory.
    for (const folder of ['lib', 'cache']) {
      for (const name of ['threads-coordinator', 'threads-worker/cpu'])
        mkdirSync(join(root, 'var', folder, name), { recursive: true });
    }
    const coordinator = startUnit(t, readUnit(root, 'threads-coordinator.service'));
    const api = new Api(url);
    await api.until(
      () => api.ready(),
      'the coordinator is ready',
      60_000,
      () => coordinator.said(),
    );
    const worker = startUnit(t, readUnit(root, 'threads-worker@.service', 'cpu'));
    const job = await api.submit(
      { type: 'collatz', parameters: { start: 1, end: 1_000_001 } },
      { 'Content-Type': 'application/json' },
    );
    const end = await api.end(job.job_id, JOB_TIMEOUT_MS);
    assert.equal(end.status, 'completed', worker.said());
    assert.deepEqual(
      (await api.nodes()).map(({ own }) => own),
      [true],
      'by the key, which was taken in',
    );
    assert.equal(await worker.stop(), 0, worker.said());
    assert.equal(await coordinator.stop(), 0, coordinator.said());

    const kept = await script(['uninstall', '--root', root, '--no-systemd']);
    assert.ok(kept.ok, kept.problem);
    assert.match(kept.stdout, /data, settings and keys stay/);
    assert.ok(!existsSync(join(root, 'opt/threads-cluster')));
    assert.deepEqual(readdirSync(join(root, 'etc/systemd/system')), []);
    assert.ok(existsSync(join(root, 'var/lib/threads-coordinator/cluster.db')));
    assert.ok(existsSync(join(settings, 'worker.key')));
    const gone = await script(['uninstall', '--root', root, '--no-systemd', '--yes']);
    assert.ok(gone.ok, gone.problem);
    assert.deepEqual(
      globSync('**/*', { cwd: root, withFileTypes: true }).filter((entry) => !entry.isDirectory()),
      [],
    );
    assert.ok(
      (await script(['uninstall', '--root', root, '--no-systemd', '--yes'])).ok,
      'once more is harmless',
    );
  });

  test('with --dry-run says what it would do and changes nothing', async (t) => {
    const root = prepared(t);
    const before = inventory(join(root, 'opt'));
    const common = ['--root', root, '--no-systemd', '--dry-run'];
    const install = await script(['coordinator', 'worker', ...common]);
    assert.ok(install.ok, install.problem);
    assert.match(
      install.stdout,
      /would run: build_program[^]*would run: make_key[^]*threads-worker@\.service/,
    );
    const uninstall = await script(['uninstall', ...common]);
    assert.ok(uninstall.ok, uninstall.problem);
    assert.match(uninstall.stdout, /would run: rm -rf -- \S*\/opt\/threads-cluster/);
    assert.deepEqual(inventory(join(root, 'opt')), before);
    assert.deepEqual(readdirSync(root), ['opt']);
  });

  test('a worker elsewhere brings a key, or says that it comes as a stranger', async (t) => {
    const root = prepared(t);
    const common = ['worker', '--root', root, '--no-systemd', '--dry-run'];
    assert.match((await failure(common)).told, /the workers' key: --key-file FILE.*--no-key/);
    const key = join(root, 'given.key');
    writeFileSync(key, 'nonsense');
    assert.match((await failure([...common, '--key-file', key])).told, /a key in .*given\.key/);
    const stranger = await script(['worker', '--root', root, '--no-systemd', '--no-key']);
    assert.ok(stranger.ok, stranger.problem);
    const settings = readFileSync(join(root, 'etc/threads-cluster/worker.env'), 'utf8');
    assert.match(settings, /^# API_KEY_FILE=/m);
    assert.ok(!existsSync(join(root, 'etc/threads-cluster/worker.key')));
  });

  test('says what is missing and what is wrong, and changes nothing', async (t) => {
    const root = prepared(t);
    const here = ['--root', root, '--no-systemd'];
    const cases: readonly [readonly string[], RegExp][] = [
      [['coordinatr'], /there is no coordinatr/],
      [['worker', '--kind', 'tpu', ...here], /--kind tpu is none[^]*auto, cpu or gpu/],
      [['worker', '--url'], /--url needs a value/],
      [['coordinator', 'worker', '--url', 'coordinator|x', ...here], /an address in --url/],
      [['coordinator', '--root', join(root, 'none')], /there is no folder/],
      [['coordinator', '--root', root], /--no-systemd/],
      [[], /Usage: /],
    ];
    for (const [args, says] of cases) assert.match((await failure(args)).told, says, args.join(' '));
    const bare = await failure(['coordinator', ...here], { PATH: toolsWithoutNode(t) });
    assert.match(bare.told, /Missing, nothing was changed:[^]*Node 20 or newer[^]*npm: install it/);
    assert.deepEqual(readdirSync(root), ['opt']);
    if (process.getuid?.() !== 0) {
      assert.match((await failure(['coordinator'])).told, /root's rights: run it by sudo/);
    }
  });

  async function failure(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ told: string }> {
    const line = ['"$0" "$@" 2>&1', ...['bash', SCRIPT, ...args]];
    const { ok, stdout } = await runCommand('/bin/bash', ['-c', ...line], { env, timeoutMs: 60_000 });
    assert.ok(!ok, `${args.join(' ')} was done: ${stdout}`);
    return { told: stdout };
  }

  /** A PATH with what every system has. */
  function toolsWithoutNode(t: TestContext): string {
    const folder = temporaryFolder(t);
    const places = ['/usr/bin', '/bin'];
    for (const tool of ['bash', 'cat', 'cut', 'dirname', 'grep', 'id', 'tar']) {
      const place = places.find((each) => existsSync(join(each, tool)));
      if (place !== undefined) symlinkSync(join(place, tool), join(folder, tool));
    }
    return folder;
  }
});

suite('the units', onLinux, () => {
  const units = ['threads-coordinator.service', 'threads-worker@.service'];

  test('pass systemd’s own check, and are closed as far as its scale goes', async (t) => {
    const { ok } = await runCommand('systemd-analyze', ['--version'], { timeoutMs: 20_000 });
    if (!ok) return t.skip('systemd-analyze is not here');
    const folder = temporaryFolder(t);
    for (const name of units) {
      // It looks whether the program is there; the one that runs this is.
      const text = readFileSync(join(ROOT, 'systemd', name), 'utf8').replaceAll(
        '/opt/threads-cluster/node_modules/.bin/node',
        process.execPath,
      );
      const file = join(folder, name.replace('@.', '@cpu.'));
      writeFileSync(file, text);
      const verify = await both('systemd-analyze', ['verify', '--recursive-errors=no', '--man=no', file]);
      assert.equal(verify.text, '', name);
      assert.ok(verify.ok, name);
      // From 0 (closed) to 100 (open); a unit with no settings has 96.
      const security = await both('systemd-analyze', ['security', '--offline=yes', '--threshold=30', file]);
      assert.ok(security.ok, security.text);
      t.diagnostic(/overall exposure level.*/i.exec(security.text)?.[0] ?? '');
    }
  });

  test('name only settings that there are', () => {
    for (const name of ['coordinator.env', 'worker.env']) {
      const text = readFileSync(join(ROOT, 'systemd', name), 'utf8');
      const named = [...text.matchAll(/^(\w+)=/gm)].map(([, each = '']) => each);
      const sources = globSync('cli/options/*.ts', { cwd: ROOT }).map((file) =>
        readFileSync(join(ROOT, file), 'utf8'),
      );
      assert.deepEqual(
        named.filter((each) => !sources.some((source) => source.includes(`env: '${each}'`))),
        [],
        name,
      );
    }
  });

  async function both(file: string, args: readonly string[]): Promise<{ ok: boolean; text: string }> {
    const { ok, stdout } = await runCommand('/bin/bash', ['-c', '"$0" "$@" 2>&1', file, ...args], {
      env: { PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) },
      timeoutMs: 60_000,
    });
    return { ok, text: stdout.trim() };
  }
});
