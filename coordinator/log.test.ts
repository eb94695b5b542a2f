import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, readable } from './log.ts';

function lines(level: Parameters<typeof createLog>[0], pretty: boolean) {
  const written: string[] = [];
  return { written, log: createLog(level, { pretty, sink: { write: (line) => written.push(line) } }) };
}

test('a line is JSON with level, time, message and fields; lower levels are left out', () => {
  const { written, log } = lines('info', false);
  log.debug({}, 'not this');
  log.warn({ job_id: 'j1', err: new Error('broken') }, 'something');
  assert.equal(written.length, 1);
  const line: unknown = JSON.parse(written[0] ?? '');
  assert.partialDeepStrictEqual(line, {
    level: 'warn',
    msg: 'something',
    job_id: 'j1',
    err: { message: 'broken' },
  });
  assert.match(written[0] ?? '', /"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
});

test('where people read, each record is one line, whatever is in it', () => {
  const { written, log } = lines('debug', true);
  log.error({ reason: 'two\nlines', n: 3, err: new Error('broken') }, 'something');
  assert.equal(written.length, 1);
  const line = written[0] ?? '';
  assert.match(line, /^\d\d:\d\d:\d\d error something {2}reason="two\\nlines" {2}n=3 {2}err="Error: broken/);
  assert.equal(line.trimEnd().includes('\n'), false);
});

test('what a stranger calls itself steers no terminal and makes no line of its own', () => {
  const { written, log } = lines('debug', true);
  const name = 'a\u001b[2J\u009b31m\u202eb\u2028c';
  log.warn({ node_id: name, inner: { name } }, 'connection closed');
  assert.equal(written.length, 1);
  assert.doesNotMatch(written[0] ?? '', /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
  assert.match(written[0] ?? '', /u001b\[2J\\u\{9b\}31m\\u\{202e\}b\\u\{2028\}c/);
});

test('what is no record is shown as it is', () => {
  assert.equal(readable('3'), '3');
});
