/** docs/security.md names a test for every attack: they exist, and every file of attacks is in the table. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');
const ROW = /^\|[^|]+\|[^|]+\| \[(?<label>[^\]]+)\]\((?<path>[^)]+)\): (?<name>[^|]+?) *\|$/;

interface Row {
  readonly line: string;
  readonly label: string;
  readonly path: string;
  /** Empty if the row names no test. */
  readonly name: string;
}

function rowOf(line: string): Row {
  const { label = '', path = '', name = '' } = ROW.exec(line)?.groups ?? {};
  return { line, label, path, name };
}

const rows = (readFileSync(join(DOCS, 'security.md'), 'utf8').split('<!-- attacks -->')[1] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map(rowOf);

suite('the table of attacks in docs/security.md', () => {
  test('names a file, and in it a test, for each', () => {
    assert.ok(rows.length > 30, `${rows.length} rows`);
    for (const { line, path, label, name } of rows) {
      assert.notEqual(name, '', `no test is named: ${line}`);
      const file = join(DOCS, path);
      assert.equal(basename(file), `${label}.test.ts`, line);
      assert.ok(readFileSync(file, 'utf8').includes(name), `${path} has no test “${name}”`);
    }
  });

  test('has every test of an attack', () => {
    const named = new Set(rows.map(({ name }) => name));
    const missing = globSync('tests/access/attacks-*.test.ts', { cwd: ROOT }).flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\btest\(\s*(['"`])(.+?)\1,/gs)]
        .map(([, , name = '']) => name.replace(/^.*\$\{[^}]*\}:? ?/, ''))
        .filter((name) => !named.has(name))
        .map((name) => `${file}: ${name}`),
    );
    assert.deepEqual(missing, []);
  });
});
