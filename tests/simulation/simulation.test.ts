/**
 * Whole clusters under a virtual clock: the real worker loops, engines, core and store; simulated devices,
 * network, disks and people. TEST_SEED repeats a run, TEST_FULL=1 runs thousands of histories.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { templates, Truth } from './jobs.ts';
import { Programs } from './programs.ts';
import { runScenario } from './scenario.ts';
import type { Outcome } from './scenario.ts';

const FULL = process.env['TEST_FULL'] === '1';
const HISTORIES = FULL ? 2000 : 40;
const SEED = process.env['TEST_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));

let programs: Programs;
let truth: Truth;

before(async () => {
  programs = await Programs.load(templates);
  truth = new Truth(programs);
});

function explain(outcome: Outcome): string {
  return [
    `history ${outcome.seed} (TEST_SEED=${SEED} repeats it):`,
    ...outcome.violations,
    `last events of ${outcome.trace.digest}:`,
    outcome.trace.tail(),
  ].join('\n');
}

test(`${HISTORIES} seeded histories end with every number counted once (seed ${SEED})`, async (t) => {
  const totals = new Map<string, number>();
  let virtual_ms = 0;
  for (let index = 0; index < HISTORIES; index++) {
    const outcome = await runScenario(`${SEED}/${index}`, programs, truth);
    assert.equal(outcome.violations.length, 0, explain(outcome));
    for (const [what, times] of outcome.counts) totals.set(what, (totals.get(what) ?? 0) + times);
    virtual_ms += outcome.virtual_ms;
  }
  const listed = [...totals]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, times]) => `${what}: ${times}`);
  t.diagnostic(`${(virtual_ms / 3_600_000).toFixed(1)} virtual hours; ${listed.join(', ')}`);
  // A simulation that never gets into trouble shows nothing.
  for (const what of [
    'coordinator crash',
    'worker killed',
    'submit duplicate',
    'lease expired',
    'lie: plausible',
    // Rarer: some forty histories need not reach them.
    ...(FULL ? ['failed: timed_out', 'failed: attempts_exhausted'] : []),
  ]) {
    assert.ok((totals.get(what) ?? 0) > 0, `no history reached: ${what}`);
  }
});

test(`the same seed gives the same history (seed ${SEED})`, async () => {
  for (const index of [0, 1, 2]) {
    const first = await runScenario(`${SEED}/${index}`, programs, truth);
    const second = await runScenario(`${SEED}/${index}`, programs, truth);
    assert.equal(second.trace.digest, first.trace.digest, `history ${SEED}/${index}`);
  }
});
