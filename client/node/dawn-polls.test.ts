import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { isNative, paceDawnPolls } from './dawn-polls.ts';

test('a native function without a name is told from all that JavaScript makes', () => {
  // As N-API makes Dawn's: native, and without a name. `Function.prototype` is one that every engine has.
  assert.ok(isNative(Function.prototype));
  assert.ok(!isNative(Math.max));
  assert.ok(!isNative(() => undefined));
  assert.ok(!isNative((() => undefined).bind(undefined)));
  assert.ok(!isNative('{ [native code] }'));
});

test('what is no poll of Dawn’s is called at once, with its arguments, and can be cleared and promised', async () => {
  const before = globalThis.setImmediate;
  paceDawnPolls();
  paceDawnPolls();
  assert.notEqual(globalThis.setImmediate, before);
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      setTimeout(() => {
        order.push('timer');
        resolve();
      }, 0);
      setImmediate((said: string) => order.push(said), 'immediate');
      clearImmediate(setImmediate(() => order.push('cleared')));
    }, 0);
  });
  assert.deepEqual(order, ['immediate', 'timer']);
  assert.equal(await promisify(setImmediate)('value'), 'value');
});
