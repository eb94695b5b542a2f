import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleWgsl } from './assemble.ts';

const files = new Map([
  ['kernel.wgsl', '// a kernel\n// @include lib/a.wgsl\n  // @include lib/b.wgsl\nfn main() {}\n'],
  ['lib/a.wgsl', '// @include lib/b.wgsl\nfn a() {}'],
  ['lib/b.wgsl', '// @include kernel.wgsl\nfn b() {}'],
]);

function read(path: string): string {
  const text = files.get(path);
  if (text === undefined) throw new Error(`no file ${path}`);
  return text;
}

test('includes are resolved in place, recursively, each file once, and cycles end', () => {
  const text = assembleWgsl('kernel.wgsl', read);
  assert.deepEqual(
    text.split('\n').filter((line) => line !== ''),
    ['// a kernel', 'fn b() {}', 'fn a() {}', 'fn main() {}'],
  );
});

test('a file that is missing is named', () => {
  assert.throws(() => assembleWgsl('lost.wgsl', read), /lost\.wgsl/);
});
