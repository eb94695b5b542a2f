import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelFault } from '../../protocol/workload.ts';
import { CpuProgram } from './cpu-kernel.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
const section = (id: number, body: number[]) => [id, body.length, ...body];
const list = (items: number[][]) => [items.length, ...items.flat()];
const func = (...code: number[]) => [code.length + 2, 0x00, ...code, 0x0b];

const I32 = 0x7f;
const I64 = 0x7e;
const constant = (value: number) => [0x41, value];

interface Bodies {
  readonly prepare?: number[];
  readonly run?: number[];
  readonly output?: number[];
}

/** A module with the exports of a kernel. By default `run` answers 2 words, at address 16: its start's low word, 0. */
function moduleBytes(
  bodies: Bodies = {},
  exported = ['parameters', 'prepare', 'run', 'output'],
): ArrayBuffer {
  const storeLow = [...constant(16), 0x20, 0x00, 0x37, 0x02, 0x00, ...constant(2)];
  const types = [
    [0x60, 1, I32, 1, I32],
    [0x60, 0, 0],
    [0x60, 3, I64, I64, I64, 1, I32],
    [0x60, 0, 1, I32],
  ];
  const functions = ['parameters', 'prepare', 'run', 'output'];
  const exports = [
    [...name('memory'), 0x02, 0x00],
    ...functions.flatMap((id, index) => (exported.includes(id) ? [[...name(id), 0x00, index]] : [])),
  ];
  const bytes = [
    ...HEADER,
    ...section(1, list(types)),
    ...section(3, list([[0], [1], [2], [3]])),
    ...section(5, list([[0x00, 1]])),
    ...section(7, list(exports)),
    ...section(
      10,
      list([
        func(...constant(0)),
        func(...(bodies.prepare ?? [])),
        func(...(bodies.run ?? storeLow)),
        func(...(bodies.output ?? constant(16))),
      ]),
    ),
  ];
  return Uint8Array.from(bytes).buffer;
}

const UNREACHABLE = [0x00];
const range = { start: (1n << 64n) + 7n, end: (1n << 64n) + 9n };

test('runs a kernel: parameters in, start in two words, output words out as a copy', async () => {
  const program = await CpuProgram.load(moduleBytes(), new Uint32Array([1, 2, 3]));
  const first = program.run(range);
  assert.deepEqual([...first], [7, 0]);
  program.run({ start: 0xffff_ffff_ffff_fff0n, end: 0xffff_ffff_ffff_fff1n });
  assert.deepEqual([...first], [7, 0]);
  assert.deepEqual(
    [...program.run({ start: 0xffff_ffff_ffff_fff0n, end: 1n << 64n })],
    [0xffff_fff0, 0xffff_ffff],
  );
});

test('whatever is wrong with a kernel is a KernelFault', async () => {
  const none = new Uint32Array(1);
  const loaded = (bytes: ArrayBuffer, words = none) => CpuProgram.load(bytes, words);
  await assert.rejects(loaded(Uint8Array.of(1, 2, 3, 4).buffer), KernelFault);
  await assert.rejects(loaded(moduleBytes({}, ['run', 'output'])), /exports no function parameters/);
  await assert.rejects(loaded(moduleBytes({ prepare: UNREACHABLE })), /prepare trapped/);
  await assert.rejects(loaded(moduleBytes(), new Uint32Array(20_000)), /outside the memory/);

  const traps = await loaded(moduleBytes({ run: UNREACHABLE }));
  assert.throws(() => traps.run(range), KernelFault);
  const long = await loaded(moduleBytes({ run: [0x41, 0x7f] }));
  assert.throws(() => long.run(range), /outside the memory/);
  const crooked = await loaded(moduleBytes({ output: constant(3) }));
  assert.throws(() => crooked.run(range), KernelFault);
});
