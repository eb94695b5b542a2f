/** `threads bench` from its command line to its figures, on one small part. No figure is asserted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { run } from '../program.ts';

async function bench(args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await run(['bench', ...args], {
    environment: { PATH: process.env['PATH'] },
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

const QUICK = ['--only', 'kernels', '--gpu', 'false', '--seconds', '0.01', '--rounds', '2'];
const found = z.object({
  machine: z.string(),
  kernels: z.object({
    rates: z.array(
      z.object({
        case: z.string(),
        engine: z.string(),
        unit: z.string(),
        clock: z.string(),
        median: z.number().positive(),
        spread: z.number().min(0),
        samples: z.array(z.number().positive()),
      }),
    ),
    compared: z.array(z.object({ case: z.string(), start: z.string(), programs: z.array(z.string()) })),
  }),
  skipped: z.array(z.object({ title: z.string(), reason: z.string() })),
  ratios: z.array(z.object({ what: z.string(), found: z.object({ median: z.number() }) })),
  reports: z.array(z.unknown()),
});

test('a part of the bench: two engines and a yardstick on one case, compared and measured in turn', async () => {
  const chosen = ['--workloads', 'verify', '--at', '2^40', '--engines', 'wasm,twin,textbook,textbook-wgsl'];
  const { code, stdout, stderr } = await bench([...QUICK, ...chosen, '--json']);
  assert.equal(code, 0, stderr);
  const { kernels, skipped, ratios } = found.parse(JSON.parse(stdout));
  assert.deepEqual(
    kernels.rates.map(({ case: name, engine, unit, samples }) => [name, engine, unit, samples.length]),
    ['wasm', 'twin', 'textbook'].map((engine) => ['verify at 2^40', engine, 'numbers/s', 2]),
  );
  // The smallest range by all, a call of the WebAssembly kernel by those that are fast enough.
  assert.deepEqual(
    kernels.compared.map(({ programs }) => programs.length),
    [3, 2],
  );
  assert.deepEqual(
    ratios.map(({ what }) => what),
    ['verify at 2^40, TypeScript twin : WebAssembly'],
  );
  // There is no GPU in this run: what is left out is named.
  assert.deepEqual(
    skipped.map(({ title }) => title),
    ['textbook WGSL'],
  );
});

test('people get a table, with what was left out and why', async () => {
  const chosen = ['--workloads', 'thread', '--at', 'F', '--engines', 'wasm,wgsl'];
  const { code, stdout, stderr } = await bench([...QUICK, ...chosen]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^thread, threads\/s\nset +WebAssembly\nF +[\d.]+ [MG] ±\d+ %$/m);
  assert.match(stdout, /^median of 2 rounds; CPU time/m);
  assert.match(stdout, /^skipped: WGSL: .+$/m);
  assert.match(stderr, /^thread F …$/m);
});

test('wrong options are refused before anything is measured', async () => {
  for (const [args, expected] of [
    [['--only', 'kernel'], /--only="kernel" .* one of kernels, store, round-trips, job/],
    [['--only', ','], /one or more of kernels, /],
    [['--workloads', 'collatz'], /one of verify, statistics, thread/],
    [['--engines', 'gpu'], /one of wasm, twin, wgsl, textbook, textbook-wgsl, c/],
    [['--at', '2^41'], /one of 1, 2\^32, /],
    [['--workloads', 'verify', '--at', 'A,B'], /no case is left: --at A,B names no place of verify/],
    [['--seconds', '0'], /seconds from 0\.01 to 60/],
    [['--rounds', '0'], /a whole number from 1 to 100/],
    [['--job-seconds', '1.5'], /a whole number from 1 to 3600/],
    [['faster'], /one word too many/],
  ] as const) {
    const { code, stdout, stderr } = await bench(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
    assert.equal(stdout, '');
  }
});
