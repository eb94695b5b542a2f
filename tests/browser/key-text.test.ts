/** What the pages say of keys, and how they read the stream that carries one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayWords } from '../../client/browser/access/caller-words.ts';
import { noticeOf } from '../../client/browser/lend/sentences.ts';
import type { Situation } from '../../client/browser/lend/sentences.ts';
import { EventReader } from '../../client/browser/live/event-reader.ts';
import type { CallerStatus } from '../../protocol/access.ts';

const ADDRESS = { host: 'cluster.example', port: '' };

function eventsOf(pieces: readonly string[]): string[] {
  const read: string[] = [];
  const reader = new EventReader((name, data) => read.push(`${name}=${data}`));
  for (const piece of pieces) reader.push(piece);
  return read;
}

test('events are the same wherever the stream is cut, with any line ends', () => {
  const lines = [
    'retry: 3000',
    '',
    ': a beat',
    '',
    'event: cluster',
    'id: 7',
    'data: {"a": "b: c"}',
    '',
    'data:one',
    'data: two',
    'data',
    '',
    'event: nothing to carry',
    '',
    'unknown: field',
    'event:jobs',
    'data:  spaced',
    '',
    'event: unfinished',
    'data: never ended',
  ];
  const expected = ['cluster={"a": "b: c"}', 'message=one\ntwo\n', 'jobs= spaced'];
  for (const end of ['\n', '\r\n', '\r']) {
    const text = `\uFEFF${lines.join(end)}`;
    assert.deepEqual(eventsOf([text]), expected);
    assert.deepEqual(eventsOf(Array.from(text)), expected);
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(
        eventsOf([text.slice(0, cut), text.slice(cut)]),
        expected,
        `${JSON.stringify(end)} ${cut}`,
      );
    }
  }
});

test('what a key is good for, in a sentence', () => {
  const none = { read: false, volunteer: false, submit: false, steer: 'none', administer: false } as const;
  const said = (kind: CallerStatus['kind'], role: CallerStatus['role'], may: Partial<CallerStatus['may']>) =>
    mayWords({ kind, role, may: { ...none, ...may } });
  assert.equal(said('anonymous', null, {}), 'Without a key you may do nothing here.');
  assert.equal(
    said('anonymous', null, { read: true, volunteer: true }),
    'Without a key you may read and contribute. You may not submit jobs, pause or cancel jobs, or make keys.',
  );
  assert.equal(
    said('key', 'submitter', { read: true, volunteer: true, submit: true, steer: 'own' }),
    'With it you may read, contribute, submit jobs, and pause or cancel your own jobs. You may not make keys.',
  );
  assert.equal(
    said('key', 'admin', { read: true, volunteer: true, submit: true, steer: 'all', administer: true }),
    'With it you may read, contribute as the cluster’s own, submit jobs, pause or cancel any job, and make keys.',
  );
});

test('lending says that it needs a key instead of offering what would be refused', () => {
  const off: Situation = {
    phase: 'off',
    problem: undefined,
    paused_by: [],
    connected: false,
    online: true,
    engine: undefined,
    refusal: undefined,
  };
  const actions = (situation: Partial<Situation>) =>
    noticeOf({ ...off, ...situation }, ADDRESS)?.actions.map(({ does }) => does);
  const lost = { kind: 'key_refused', message: 'this key is revoked' } as const;
  assert.equal(actions({}), undefined);
  assert.deepEqual(actions({ refusal: 'key_needed' }), ['key']);
  assert.deepEqual(actions({ refusal: 'forbidden' }), ['key']);
  assert.deepEqual(
    actions({ refusal: 'key_needed', problem: { kind: 'no_webgpu', message: '' } }),
    ['key'],
    'the CPU does not help',
  );
  assert.deepEqual(actions({ phase: 'failed', problem: lost }), ['key', 'start']);
  assert.deepEqual(actions({ phase: 'failed', problem: lost, refusal: 'key_needed' }), ['key']);
  assert.match(
    noticeOf({ ...off, phase: 'failed', problem: lost, refusal: 'key_needed' }, ADDRESS)?.sentence ?? '',
    /this key is revoked\.$/,
  );
  assert.deepEqual(actions({ phase: 'computing', connected: true, refusal: 'key_needed' }), undefined);
});
