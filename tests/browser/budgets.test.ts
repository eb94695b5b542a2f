/** What a visitor's browser loads before anything happens stays small. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildPages } from '../../scripts/build-pages.ts';

const ROOT = join(import.meta.dirname, '../..');

test('each page loads no more JavaScript and CSS at first than its budget', async (t) => {
  await buildPages();
  const program = join(ROOT, 'node_modules/size-limit/bin.js');
  let output: string;
  try {
    output = execFileSync(process.execPath, [program, '--json'], { cwd: ROOT, encoding: 'utf8' });
  } catch (error) {
    // It exits with 1 when a budget is exceeded, and says which on stdout.
    output = String((error as { stdout?: unknown }).stdout);
  }
  const sizes = JSON.parse(output) as { name: string; passed: boolean; size: number }[];
  for (const { name, size } of sizes) t.diagnostic(`${name} ${(size / 1000).toFixed(1)} KB gzip`);
  assert.equal(sizes.length, 6);
  assert.deepEqual(
    sizes.filter(({ passed }) => !passed).map(({ name }) => name),
    [],
  );
});
