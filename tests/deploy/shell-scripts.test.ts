/** Every shell script of the project: read by ShellCheck, and by the shell that it names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../setup/command.ts';
import { findShellCheck } from '../setup/shellcheck.ts';

const ROOT = join(import.meta.dirname, '../..');
const scripts = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.sh'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && statSync(join(ROOT, file), { throwIfNoEntry: false }) !== undefined);

/** Of its first line; a file that others source has none. */
const interpreter = (file: string) =>
  /^#!\s*(?:\/usr\/bin\/env )?(?:\S*\/)?(\w+)/.exec(readFileSync(join(ROOT, file), 'utf8'))?.[1];

test('ShellCheck has nothing to say of any script', async (t) => {
  assert.ok(scripts.includes('systemd/install.sh'));
  const shellCheck = await findShellCheck();
  if (typeof shellCheck === 'string') return t.skip(shellCheck);
  // Files that are sourced are read with those that source them.
  assert.equal(await shellCheck.check(scripts, ROOT), '');
});

test('every script that is run can be run, and its shell can read it', async () => {
  for (const file of scripts) {
    const shell = interpreter(file);
    if (shell === undefined) continue;
    const { ok, problem } = await runCommand(shell === 'sh' ? 'sh' : 'bash', ['-n', file], { cwd: ROOT });
    assert.ok(ok, `${file}: ${problem}`);
  }
  for (const file of ['systemd/install.sh', 'deploy-cluster.sh']) {
    if (!scripts.includes(file)) continue;
    assert.notEqual(statSync(join(ROOT, file)).mode & 0o111, 0, `${file} is not executable`);
  }
});
