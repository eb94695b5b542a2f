/** One tab of a browser contributes at a time. Node has the browsers' Web Locks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimTab, otherTabEnded } from '../../client/browser/lend/one-tab.ts';

test('a second claim is refused until the first is given back', async () => {
  const release = await claimTab();
  assert.ok(release !== undefined);
  assert.equal(await claimTab(), undefined);
  let ended = false;
  const waiting = otherTabEnded(new AbortController().signal).then((result) => {
    ended = true;
    return result;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ended, false);
  release();
  assert.equal(await waiting, true);
  const again = await claimTab();
  assert.ok(again !== undefined);
  again();
});

test('waiting ends with its signal', async () => {
  const release = await claimTab();
  const waiting = new AbortController();
  const result = otherTabEnded(waiting.signal);
  waiting.abort();
  assert.equal(await result, false);
  assert.equal(await otherTabEnded(AbortSignal.abort()), false);
  release?.();
});

test('without Web Locks every tab may', async () => {
  // As at an address that is not secure.
  Reflect.deleteProperty(Navigator.prototype, 'locks');
  assert.equal('locks' in navigator, false);
  assert.ok((await claimTab()) !== undefined);
  assert.ok((await claimTab()) !== undefined);
  assert.equal(await otherTabEnded(new AbortController().signal), true);
});
