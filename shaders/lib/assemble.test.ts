import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleWgsl, variantOf } from './assemble.ts';

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

test('lines between @if and @end are there where the constant is not 0, and lines keep their numbers', () => {
  const text = 'a\n// @if TABLE\nb\n// @end\nc';
  const lines = (constants: Record<string, number>) => variantOf(text, constants).wgsl.split('\n');
  assert.deepEqual(lines({ TABLE: 1 }), ['a', '// @if TABLE', 'b', '// @end', 'c']);
  assert.deepEqual(lines({ TABLE: 0 }), ['a', '// @if TABLE', '', '// @end', 'c']);
  assert.deepEqual(lines({}), lines({ TABLE: 0 }));
  assert.equal(variantOf('// @if !A\nb\n// @end', {}).wgsl, '// @if !A\nb\n// @end');
  assert.equal(variantOf('// @if !A\nb\n// @end', { A: 1 }).wgsl, '// @if !A\n\n// @end');
  assert.deepEqual(variantOf(text, { TABLE: 1, LANES: 64 }).constants, { LANES: 64 });
});

test('conditions that don’t pair are refused', () => {
  for (const text of ['// @if A', '// @end', '// @if A\n// @if B\n// @end\n// @end']) {
    assert.throws(() => variantOf(text, {}), RangeError, text);
  }
});
