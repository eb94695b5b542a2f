import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { runsWebAssembly } from './webassembly.ts';

/** @param given what the host has by that name; absent: nothing */
function hostWith(t: TestContext, given?: object): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
  assert.ok(own !== undefined);
  t.after(() => Object.defineProperty(globalThis, 'WebAssembly', own));
  if (given === undefined) Reflect.deleteProperty(globalThis, 'WebAssembly');
  else Object.defineProperty(globalThis, 'WebAssembly', { ...own, value: given });
}

test('Node runs WebAssembly with SIMD', () => {
  assert.equal(runsWebAssembly(), true);
});

test('a host without WebAssembly runs none', (t) => {
  hostWith(t);
  assert.equal(runsWebAssembly(), false);
});

test('nor does one that refuses to compile: for lack of SIMD, or by a policy', (t) => {
  const Module = class {
    constructor() {
      throw new Error('Refused to compile WebAssembly module');
    }
  };
  hostWith(t, { Module });
  assert.equal(runsWebAssembly(), false);
});
