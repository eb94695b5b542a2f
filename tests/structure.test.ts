/** What keeps the house in order and lint can't say. Works on the files that git knows or would add. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const MAX_LINES = 500;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const code = files.filter((file) => /\.(tsx?|mjs|js|wgsl)$/.test(file));
const text = files.filter((file) => /\.(tsx?|mjs|js|wgsl|md|json|html|css|yml|yaml|sh)$|^\.|run$/.test(file));
const here = 'tests/structure.test.ts';

/** Lines of `among` that match, as `file:line`. */
function linesWith(pattern: RegExp, among: readonly string[]): string[] {
  return among
    .filter((file) => file !== here)
    .flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
    );
}

test('there are files to look at', () => {
  assert.ok(code.length > 50, `git lists ${code.length} source files`);
});

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const long = code.filter((file) => read(file).split('\n').length > MAX_LINES);
  assert.deepEqual(long, [], 'a file has one purpose: split these');
});

test('files are named for what they hold', () => {
  const vague = /^(utils?|commons?|helpers?|misc|stuff)([.-]|$)/i;
  const parts = (file: string) => file.split('/');
  assert.deepEqual(
    code.filter((file) => parts(file).some((part) => vague.test(part))),
    [],
    'a thing lives beside what uses it, under its own name',
  );
});

test('nothing is left to do later', () => {
  assert.deepEqual(linesWith(/\b(TODO|FIXME|XXX|HACK)\b/, code), [], 'do it, or file an issue');
});

test('nothing committed names a package registry or a machine’s own folders', () => {
  const hosts = /registry\.npmjs|npmjs\.org|deb\.debian\.org|"resolved":|(?<![\w.])\/(root|work|home)\/\w/;
  assert.deepEqual(linesWith(hosts, text), []);
});

test('nothing silences the type checker or lint', () => {
  // AssemblyScript's decorators are errors to an editor that takes the files for TypeScript.
  const own = code.filter((file) => !file.includes('/assembly/'));
  assert.deepEqual(linesWith(/@ts-(ignore|nocheck|expect-error)|eslint-disable|prettier-ignore/, own), []);
});

test('every test file has a test, and no test is left switched on alone', () => {
  const tests = files.filter((file) => file.endsWith('.test.ts'));
  // A suite that many share is called by name: stores, workloads.
  const empty = tests.filter((file) => !/\b(test|it|\w*[cC]onformance\w*)\s*\(/.test(read(file)));
  assert.deepEqual(empty, []);
  assert.deepEqual(linesWith(/\b(test|it|suite|describe)\.only\(|\bonly: true\b/, tests), []);
});

test('every WGSL file is a kernel of a workload or a yardstick, or included by one', () => {
  const wgsl = code.filter((file) => file.endsWith('.wgsl')).map((file) => file.replace(/^shaders\//, ''));
  const sources = code.filter((file) => /^(shaders|bench|cli\/bench)\//.test(file)).map(read);
  const unused = wgsl.filter(
    (file) => !sources.some((source) => source.includes(`'${file}'`) || source.includes(`@include ${file}`)),
  );
  assert.deepEqual(unused, []);
});

test('every relative link of the documentation leads to a file', () => {
  const broken = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#:\s]+)(#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(join(ROOT, dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
  assert.deepEqual(broken, []);
});

test('every npm script that the documentation names exists', () => {
  const manifest: unknown = JSON.parse(read('package.json'));
  assert.ok(typeof manifest === 'object' && manifest !== null && 'scripts' in manifest);
  const scripts = Object.keys(manifest.scripts ?? {});
  const unknown = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((name) => !scripts.includes(name))
        .map((name) => `${file}: npm run ${name}`),
    );
  assert.deepEqual(unknown, []);
});

test('every script that npm runs exists', () => {
  const manifest: unknown = JSON.parse(read('package.json'));
  assert.ok(typeof manifest === 'object' && manifest !== null && 'scripts' in manifest);
  const named = Object.values(manifest.scripts ?? {}).flatMap((line: unknown) =>
    [...String(line).matchAll(/[\w/-]+\.(?:ts|mjs)/g)].map((match) => match[0]),
  );
  assert.deepEqual(
    named.filter((file) => !existsSync(join(ROOT, file))),
    [],
  );
});

test('tests lie beside what they test, or in tests/', () => {
  const alone = files.filter(
    (file) =>
      file.endsWith('.test.ts') &&
      !file.startsWith('tests/') &&
      !files.some(
        (other) => other !== file && dirname(other) === dirname(file) && !other.endsWith('.test.ts'),
      ),
  );
  assert.deepEqual(
    alone.map((file) => basename(file)),
    [],
  );
});
