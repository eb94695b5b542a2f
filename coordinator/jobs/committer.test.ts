import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createLog } from '../log.ts';
import type { Change, Store } from '../store/store.ts';
import { Committer } from './committer.ts';
import { spacedTurns } from './spaced-turns.ts';
import { CountingObserver, settled, VirtualRuntime } from './test-cluster.ts';

/** A committer, and the kinds of what it commits, a list for each commit. */
function started(turn: () => Promise<void> = () => setImmediate()) {
  const commits: Change['kind'][][] = [];
  const store: Pick<Store, 'commit'> = {
    commit: (changes) => {
      commits.push(changes.map(({ kind }) => kind));
      return Promise.resolve({ bytes: 0, pruned: [], refused: new Set() });
    },
  };
  const runtime = new VirtualRuntime();
  const committer = new Committer({
    ...{ store, runtime, turn },
    observer: new CountingObserver(),
    log: createLog('silent'),
    onFenced: () => undefined,
    extras: () => [],
  });
  return { committer, commits, runtime };
}

const came: Change = { kind: 'event', at: 1, event: 'joined', nodeId: 'a' };
const used: Change = { kind: 'key_used', keyId: 'k', at: 1 };
const probe: Change = { kind: 'probe' };

test('comings and goings wait for each other, half a second at most', async () => {
  const { committer, commits, runtime } = started();
  committer.note(came);
  await runtime.advance(400);
  committer.note(came);
  assert.deepEqual(commits, []);
  await runtime.advance(100);
  assert.deepEqual(commits, [['event', 'event']]);
  committer.note(came);
  await runtime.advance(499);
  assert.equal(commits.length, 1);
  await runtime.advance(1);
  assert.deepEqual(commits.slice(1), [['event']]);
});

test('they go with whatever else is written', async () => {
  const { committer, commits, runtime } = started();
  committer.note(came);
  await committer.write([probe], () => undefined);
  committer.note(came);
  committer.note(used);
  await settled();
  assert.deepEqual(commits, [
    ['probe', 'event'],
    ['event', 'key_used'],
  ]);
  await runtime.advance(10_000);
  assert.equal(commits.length, 2, 'nothing is left that would wake it');
});

test('at the end nothing of them waits', async () => {
  const { committer, commits } = started();
  committer.note(came);
  await committer.close();
  assert.deepEqual(commits, [['event']]);
});

test('many writers at once share commits that are apart, and each is written', async () => {
  const { committer, commits } = started(spacedTurns());
  let written = 0;
  const writer = async () => {
    for (let i = 0; i < 20; i++) await committer.write([probe], () => (written += 1));
  };
  await Promise.all(Array.from({ length: 10 }, writer));
  assert.equal(written, 200);
  assert.equal(commits.flat().length, 200);
  assert.equal(commits.length, 20, 'all writers of a moment are one commit');
});
