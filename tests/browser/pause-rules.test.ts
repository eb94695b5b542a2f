/** When a page keeps still: each cause by itself, and what the visitor chose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChoiceStorage } from '../../client/browser/lend/pause-rules.ts';
import { createPauseRules } from '../../client/browser/lend/pause-rules.ts';
import {
  OWN_MS,
  OWN_RELIEF_MS,
  PRESSURE_MS,
  TYPING_MS,
  batterySource,
  hiddenSource,
  pressureSource,
  typingSource,
} from '../../client/browser/lend/pause-sources.ts';
import type { Battery } from '../../client/browser/lend/pause-sources.ts';

class TestPage extends EventTarget {
  visibilityState = 'visible';

  show(state: string): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

class TestBattery extends EventTarget implements Battery {
  charging = true;
  level = 1;

  set(charging: boolean, level: number): void {
    Object.assign(this, { charging, level });
    this.dispatchEvent(new Event('chargingchange'));
  }
}

class TestStorage implements ChoiceStorage {
  readonly kept = new Map<string, string>();

  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.kept.set(key, value);
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('battery: what it says now, and no rule where the browser has none or refuses', async () => {
  const battery = new TestBattery();
  const rules = createPauseRules([batterySource(() => Promise.resolve(battery))], undefined);
  assert.deepEqual(rules.rules.value, [
    { cause: 'battery', on: true, active: undefined, now: 'not known yet' },
  ]);
  assert.deepEqual(rules.causes.value, []);
  await settled();
  assert.equal(rules.rules.value[0]?.now, 'now plugged in');
  battery.set(false, 0.634);
  assert.equal(rules.rules.value[0]?.now, 'now on battery, 63 %');
  assert.deepEqual(rules.causes.value, ['battery']);
  rules.set('battery', false);
  assert.deepEqual(rules.causes.value, []);
  assert.equal(rules.rules.value[0]?.active, true);
  rules.dispose();
  battery.set(true, 1);
  assert.equal(rules.rules.value[0]?.now, 'now on battery, 63 %');

  for (const none of [undefined, () => Promise.reject(new Error('not allowed'))]) {
    const without = createPauseRules([batterySource(none)], undefined);
    await settled();
    assert.deepEqual(without.rules.value, []);
  }
});

test('hidden: while the tab is', () => {
  const page = new TestPage();
  const rules = createPauseRules([hiddenSource(page)], undefined);
  assert.deepEqual(rules.rules.value, [{ cause: 'hidden', on: true, active: false, now: 'now visible' }]);
  page.show('hidden');
  assert.deepEqual(rules.causes.value, ['hidden']);
  page.show('visible');
  assert.deepEqual(rules.causes.value, []);
  rules.dispose();
});

test('typing: for three seconds after the last key or movement; off until the visitor asks for it', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new TestPage();
  const rules = createPauseRules([typingSource(page)], undefined);
  page.dispatchEvent(new Event('keydown'));
  assert.equal(rules.rules.value[0]?.now, 'now typing or scrolling');
  assert.deepEqual(rules.causes.value, []);
  rules.set('typing', true);
  assert.deepEqual(rules.causes.value, ['typing']);
  t.mock.timers.tick(TYPING_MS - 1);
  page.dispatchEvent(new Event('wheel'));
  t.mock.timers.tick(TYPING_MS - 1);
  assert.deepEqual(rules.causes.value, ['typing']);
  t.mock.timers.tick(1);
  assert.deepEqual(rules.causes.value, []);
  assert.equal(rules.rules.value[0].now, 'now quiet');
  rules.dispose();
});

test('pressure: serious and critical, until it was calm for a while; unknown in a hidden tab', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const page = new TestPage();
  let report: (state: string) => void = () => assert.fail('not observed');
  let connected = true;
  const watch = {
    observe: (to: (state: string) => void) => {
      report = to;
      return Promise.resolve();
    },
    disconnect: () => (connected = false),
  };
  let now = 0;
  const rules = createPauseRules([pressureSource(watch, page, () => now)], undefined);
  report('fair');
  assert.equal(rules.rules.value[0]?.active, false);
  report('serious');
  assert.deepEqual(rules.causes.value, ['pressure']);
  now += OWN_RELIEF_MS;
  report('nominal');
  t.mock.timers.tick(PRESSURE_MS - 1);
  report('critical');
  t.mock.timers.tick(PRESSURE_MS);
  assert.deepEqual(rules.causes.value, ['pressure']);
  report('fair');
  report('nominal');
  t.mock.timers.tick(PRESSURE_MS);
  assert.deepEqual(rules.causes.value, []);
  // It ends as soon as it pauses: it was the page's own.
  report('critical');
  assert.deepEqual(rules.causes.value, ['pressure']);
  now += OWN_RELIEF_MS - 1;
  report('fair');
  t.mock.timers.tick(PRESSURE_MS);
  report('critical');
  assert.equal(rules.rules.value[0].now, 'now under load by this page');
  assert.deepEqual(rules.causes.value, []);
  report('fair');
  now += OWN_MS;
  report('critical');
  assert.deepEqual(rules.causes.value, ['pressure']);
  page.show('hidden');
  assert.equal(rules.rules.value[0].active, undefined);
  assert.deepEqual(rules.causes.value, []);
  rules.dispose();
  assert.equal(connected, false);

  const refused = createPauseRules(
    [pressureSource({ ...watch, observe: () => Promise.reject(new Error('no')) }, page)],
    undefined,
  );
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(refused.rules.value, []);
});

test('only what the visitor changed is kept, and what is kept is read back or ignored', () => {
  const storage = new TestStorage();
  const page = new TestPage();
  const sources = () => [hiddenSource(page), typingSource(page)];
  const rules = createPauseRules(sources(), storage);
  assert.equal(storage.kept.size, 0);
  rules.set('typing', true);
  assert.deepEqual([...storage.kept.values()], ['{"typing":true}']);
  assert.deepEqual(
    createPauseRules(sources(), storage).rules.value.map(({ on }) => on),
    [true, true],
  );
  for (const odd of ['', 'x', 'null', '[1]', '{"typing":"yes"}']) {
    storage.setItem('pause-rules', odd);
    assert.equal(createPauseRules(sources(), storage).rules.value[1]?.on, false);
  }
  const full: ChoiceStorage = {
    getItem: () => {
      throw new Error('forbidden');
    },
    setItem: () => {
      throw new Error('full');
    },
  };
  const kept = createPauseRules(sources(), full);
  kept.set('hidden', false);
  assert.equal(kept.rules.value[0]?.on, false);
});
