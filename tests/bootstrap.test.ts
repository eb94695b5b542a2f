/** The door of every command, from whichever Node: preparing costs nothing, and the command is as if run by hand. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const BOOTSTRAP = join(ROOT, 'scripts', 'bootstrap.mjs');
// Below the project, since commands are named relative to it; ignored by git.
mkdirSync(join(ROOT, 'build'), { recursive: true });
const folder = mkdtempSync(join(ROOT, 'build', 'bootstrap-test-'));
after(() => rmSync(folder, { recursive: true }));

/** Node 20 to 23 cannot run TypeScript: the command then runs in a child process under Node 24. */
const older = olderNode();
const nodes: [name: string, path: string | undefined][] = [
  ['this Node', process.execPath],
  ['an older Node', older],
];

function olderNode(): string | undefined {
  const ours = join(ROOT, 'node_modules');
  const outside = (process.env['PATH'] ?? '').split(':').filter((path) => !path.startsWith(ours));
  const found = spawnSync('node', ['-p', 'process.execPath + " " + process.versions.node'], {
    env: { ...process.env, PATH: outside.join(':') },
    encoding: 'utf8',
  });
  const [path, version = ''] = (found.stdout ?? '').trim().split(' ');
  const major = Number(version.split('.')[0]);
  return major >= 20 && major < 24 ? path : undefined;
}

function script(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

for (const [name, node] of nodes) {
  const skip = node === undefined ? 'there is no Node 20 to 23 on the path' : false;

  test(`arguments, output and exit code pass through (${name})`, { skip }, () => {
    const file = script(
      'echo.ts',
      'const n: number = 3; console.log(JSON.stringify(process.argv.slice(2))); console.error(process.version); process.exitCode = n;',
    );
    const ran = spawnSync(node ?? '', [BOOTSTRAP, file, 'a b', '--flag', ''], { encoding: 'utf8' });
    assert.equal(ran.stdout, '["a b","--flag",""]\n');
    assert.match(ran.stderr, /^(threads: .*\n|built .*\n)*v2[4-9]\.\S+\n$/);
    assert.equal(ran.status, 3);
  });

  test(`signals reach the command, and its end is told on (${name})`, { skip }, async () => {
    const file = script(
      'wait.ts',
      "process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('ready');",
    );
    const child = spawn(node ?? '', [BOOTSTRAP, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 9);
  });
}

test(
  'when the starter is killed, a command under another Node learns of it',
  { skip: older === undefined && 'there is no Node 20 to 23 on the path' },
  async () => {
    const file = script(
      'orphan.ts',
      "process.on('disconnect', () => { console.log('alone'); process.exit(0); }); setInterval(() => {}, 1000); console.log('ready');",
    );
    const child = spawn(older ?? '', [BOOTSTRAP, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text: string) => {
        output += text;
        if (output === 'ready\n') child.kill('SIGKILL');
      });
      // The pipe closes when its last holder, the command, has ended.
      child.stdout.once('close', () => resolve());
    });
    assert.equal(output, 'ready\nalone\n');
  },
);

test('without a file it says how it is used', () => {
  const ran = spawnSync(process.execPath, [BOOTSTRAP], { encoding: 'utf8' });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /usage: /);
});
