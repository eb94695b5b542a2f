/**
 * A reporter for node:test that writes one JSON line per finished test (suites left out, they only group):
 * the form in which a test file's process tells tests/run.ts what happened.
 */
import type { EventData } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { z } from 'zod';

export const testLine = z.strictObject({
  name: z.string(),
  state: z.enum(['passed', 'failed', 'skipped']),
  ms: z.number(),
  detail: z.string(),
});
export type TestLine = z.infer<typeof testLine>;

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  /** Names of the enclosing tests and suites, by nesting. */
  const names: string[] = [];
  for await (const event of source) {
    if (event.type === 'test:start') {
      names.length = event.data.nesting;
      names.push(event.data.name);
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    names.length = event.data.nesting;
    const name = [...names, event.data.name].join(' > ');
    const line = event.type === 'test:pass' ? passed(name, event.data) : failed(name, event.data);
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
}

function passed(name: string, { details, skip, todo }: EventData.TestPass): TestLine | undefined {
  if (details.type === 'suite') return undefined;
  const ms = details.duration_ms;
  if (skip !== undefined && skip !== false) {
    return { name, state: 'skipped', ms, detail: skip === true ? 'no reason given' : skip };
  }
  if (todo !== undefined && todo !== false)
    return { name, state: 'failed', ms, detail: 'a test to be written' };
  return { name, state: 'passed', ms, detail: '' };
}

/** A suite fails because a test in it did, which is counted itself; or by its own hook, which is not. */
function failed(name: string, { details }: EventData.TestFail): TestLine | undefined {
  const { error } = details;
  if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
  const cause = error.cause ?? error;
  return { name, state: 'failed', ms: details.duration_ms, detail: describe(cause) };
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return inspect(cause, { depth: 4 });
  const own = (cause.stack ?? String(cause)).split('\n').filter((line) => !/\(?node:internal/.test(line));
  const inner = cause.cause === undefined ? [] : [`caused by: ${describe(cause.cause)}`];
  return [...own, ...inner].join('\n');
}
