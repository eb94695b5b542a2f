/** The yardsticks are worth what their results are: the textbook in WebAssembly against the plain reference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Range } from '../../protocol/range.ts';
import { CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { caseOf, CASES, workloadOf, type Case } from './cases.ts';
import { compareAnswers } from './comparison.ts';
import {
  beyondTextbookWgsl,
  buildTextbooks,
  textbookFields,
  textbookModule,
  textbookWords,
} from './textbook.ts';

const reason = await buildTextbooks();

async function agree(test: Case, range: Range): Promise<void> {
  const program = await CpuProgram.load(textbookModule(test), textbookWords(test));
  const workload = workloadOf(test);
  const p = workload.parameters.parse(test.parameters);
  compareAnswers(test.name, range, [
    { program: 'reference', fields: workload.result(p, workload.reference(p, range)) },
    { program: 'textbook', fields: textbookFields(test, [{ range, words: program.run(range) }]) },
  ]);
}

for (const each of CASES) {
  // A tree of set E has five million threads.
  if (each.place === 'E') continue;
  test(`the textbook agrees with the reference: ${each.name}`, { skip: reason ?? false }, async () => {
    const { start } = each.small;
    await agree(each, { start, end: start + (each.workload === 'thread' ? 20n : 600n) });
    await agree(each, { start, end: start + 1n });
  });
}

test('the textbook agrees where its numbers change their width', { skip: reason ?? false }, async () => {
  for (const start of [2n ** 62n - 40n, 2n ** 64n - 40n, 2n ** 26n - 40n, 12_327_829_503n - 10n]) {
    await agree(caseOf('verify at 1'), { start, end: start + 80n });
    await agree(caseOf('statistics at 1'), { start, end: start + 80n });
  }
});

test('several answers are one, ties to the lowest n; a walk past the bound is refused', () => {
  const test = caseOf('statistics at 1');
  const answer = (start: bigint, delay: number, peak: number, overflows = 0) => ({
    range: { start, end: start + 10n },
    words: Uint32Array.of(100, 0, delay + 1, 3, peak, 0, 0, 0, 4, overflows, 0, 0),
  });
  assert.deepEqual(textbookFields(test, [answer(50n, 7, 9), answer(10n, 7, 8)]), {
    count: 20n,
    delay_sum: 200n,
    max_delay: { n: 13n, delay: 7n },
    max_peak: { n: 54n, peak: 9n },
  });
  assert.throws(() => textbookFields(test, [answer(1n, 1, 1, 2)]), /2 walks .* passed 2\^126/);
});

test('giant trees are too long for one invocation', () => {
  assert.match(beyondTextbookWgsl(caseOf('thread E')) ?? '', /too long for one invocation/);
  assert.equal(beyondTextbookWgsl(caseOf('thread D')), undefined);
  assert.equal(beyondTextbookWgsl(caseOf('verify at 2^95')), undefined);
});
