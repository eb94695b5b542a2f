/** The parts of lending that need no browser: the phase in one word, seconds, frames, what is remembered. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { sha256 } from '@noble/hashes/sha2.js';
import { FramePace } from '../../client/browser/lend/frame-pace.ts';
import { toHex } from '../../client/browser/lend/hex.ts';
import { LendMemory, newIdentity } from '../../client/browser/lend/lend-memory.ts';
import { phaseOf } from '../../client/browser/lend/lend-phase.ts';
import { Seconds } from '../../client/browser/lend/seconds.ts';
import { sha256Hex } from '../../client/browser/lend/sha256.ts';
import { nodeId } from '../../protocol/messages.ts';

test('the phase: the page’s own stages first, then causes of a pause, then the worker', () => {
  const computing = { state: 'computing', message: undefined, recovering: false } as const;
  for (const stage of ['off', 'elsewhere', 'stopping', 'failed'] as const) {
    assert.equal(phaseOf(stage, computing, ['user']), stage);
  }
  assert.equal(phaseOf('starting', undefined, []), 'starting');
  assert.equal(phaseOf('starting', undefined, ['hidden']), 'paused');
  assert.equal(phaseOf('running', computing, []), 'computing');
  assert.equal(phaseOf('running', computing, ['battery', 'hidden']), 'paused');
  assert.equal(phaseOf('running', { ...computing, recovering: true }, []), 'recovering');
  const testing = { state: 'testing', message: undefined, recovering: false } as const;
  assert.equal(phaseOf('running', testing, []), 'starting');
  assert.equal(phaseOf('running', { ...testing, message: 'away' }, []), 'connecting');
});

suite('the last minute', () => {
  test('seconds with what was really computed and the busy share; at most sixty', () => {
    let now = 1_000_000;
    const seconds = new Seconds(() => now);
    let busy_ms = 0;
    let units = 0n;
    for (let quarter = 0; quarter <= 4 * 90; quarter++) {
      seconds.add({ at_ms: quarter * 250, busy_ms, units_computed: units }, quarter > 340 ? ['user'] : []);
      now += 250;
      busy_ms += 50;
      units += 1000n;
    }
    assert.equal(seconds.list.length, 60);
    for (const { rate_per_second, busy } of seconds.list) {
      assert.equal(rate_per_second, 4000);
      assert.equal(busy, 0.2);
    }
    assert.deepEqual(seconds.list.at(-1)?.paused, ['user']);
    assert.deepEqual(seconds.list.at(0)?.paused, []);
  });

  test('another thread starts its clock anew; a late report is a longer second; old ones go', () => {
    let now = 0;
    const seconds = new Seconds(() => now);
    seconds.add({ at_ms: 5000, busy_ms: 4000, units_computed: 50n }, []);
    seconds.restart();
    seconds.add({ at_ms: 100, busy_ms: 0, units_computed: 0n }, []);
    now = 2000;
    seconds.add({ at_ms: 2100, busy_ms: 1000, units_computed: 10n }, []);
    assert.deepEqual(seconds.list, [{ at: 2000, rate_per_second: 5, busy: 0.5, paused: [] }]);
    now = 90_000;
    seconds.add({ at_ms: 90_100, busy_ms: 1000, units_computed: 10n }, []);
    assert.equal(seconds.list.length, 1);
    assert.equal(seconds.list[0]?.busy, 0);
  });
});

suite('the pace of frames', () => {
  const run = (pace: FramePace, from_ms: number, intervals: readonly number[]): number => {
    let at_ms = from_ms;
    for (const interval of intervals) {
      at_ms += interval;
      pace.frame(at_ms);
    }
    return at_ms;
  };
  const even = (count: number, ms: number) => Array.from({ length: count }, () => ms);

  test('late frames halve the pieces, twice at most; ten seconds without let them grow again', () => {
    const pace = new FramePace();
    let at = run(pace, 0, even(120, 1000 / 60));
    assert.equal(pace.scale, 1);
    at = run(pace, at, [60, 16, 60]);
    assert.equal(pace.scale, 1);
    at = run(pace, at, [60]);
    assert.equal(pace.scale, 0.5);
    at = run(pace, at, even(12, 60));
    assert.equal(pace.scale, 0.25);
    at = run(pace, at, even(550, 1000 / 60));
    assert.equal(pace.scale, 0.25);
    at = run(pace, at, even(200, 1000 / 60));
    assert.equal(pace.scale, 0.5);
    run(pace, at, even(650, 1000 / 60));
    assert.equal(pace.scale, 1);
  });

  test('fast and slow displays are told by their own interval; a hidden page has no late frames', () => {
    const fast = new FramePace();
    let at = run(fast, 0, even(600, 1000 / 144));
    run(fast, at, [20, 20, 20]);
    assert.equal(fast.scale, 0.5);
    const slow = new FramePace();
    run(slow, 0, even(5000, 1000 / 30));
    assert.equal(slow.scale, 1);
    const hidden = new FramePace();
    at = run(hidden, 0, even(60, 1000 / 60));
    for (let i = 0; i < 5; i++) {
      hidden.interrupt();
      at = run(hidden, at + 700, even(3, 1000 / 60));
    }
    run(hidden, at, [60_000, 60_000, 60_000]);
    assert.equal(hidden.scale, 1);
  });
});

class FakeStorage {
  readonly items = new Map<string, string>();

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}

suite('what is remembered', () => {
  const worker = { node_id: 'browser-01020304', session: 'ab'.repeat(16) };
  const tab = {
    ...worker,
    keyed: true,
    left: true,
    faster: 'cpu',
    units_accepted: 2n ** 70n,
    batches_accepted: 3,
  } as const;

  test('of this tab and of the settings: what was stored comes back; forgotten is forgotten', () => {
    const [session, local] = [new FakeStorage(), new FakeStorage()];
    const memory = new LendMemory(session, local);
    assert.equal(memory.tab(), undefined);
    assert.equal(memory.settings(), undefined);
    assert.equal(session.items.size + local.items.size, 0);
    memory.setTab(tab);
    memory.setSettings({ intensity: 'Light', engine: 'gpu' });
    assert.deepEqual(new LendMemory(session, local).tab(), tab);
    assert.deepEqual(new LendMemory(session, local).settings(), { intensity: 'Light', engine: 'gpu' });
    memory.forgetTab();
    assert.equal(memory.tab(), undefined);
  });

  test('what others left there, and browsers that forbid storage, do no harm', () => {
    const storage = new FakeStorage();
    const memory = new LendMemory(storage, storage);
    for (const text of ['', 'null', '7', '{', '{"node_id":3,"session":"x"}', '[]']) {
      storage.setItem('lend', text);
      storage.setItem('lend-settings', text);
      assert.equal(memory.tab(), undefined);
      assert.equal(memory.settings(), undefined);
    }
    storage.setItem('lend', JSON.stringify({ ...worker, units_accepted: '-1', batches_accepted: 'x' }));
    assert.deepEqual(memory.tab(), {
      ...worker,
      keyed: false,
      left: false,
      faster: undefined,
      units_accepted: 0n,
      batches_accepted: 0,
    });
    const forbidden = new LendMemory(undefined, undefined);
    forbidden.setTab(tab);
    forbidden.forgetTab();
    assert.equal(forbidden.tab(), undefined);
    const full = {
      getItem: () => null,
      setItem() {
        throw new Error('full');
      },
      removeItem: () => undefined,
    };
    new LendMemory(full, full).setTab(tab);
  });

  test('a new worker’s name and session are what the coordinator takes', () => {
    const { node_id, session } = newIdentity();
    assert.equal(nodeId.parse(node_id), node_id);
    assert.match(session, /^[0-9a-f]{32}$/);
    assert.notEqual(newIdentity().node_id, node_id);
  });
});

test('hashes of kernels: WebCrypto and the library for insecure addresses agree', async () => {
  for (const length of [0, 1, 55, 56, 64, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) & 255);
    const expected = createHash('sha256').update(bytes).digest('hex');
    assert.equal(await sha256Hex(bytes), expected);
    assert.equal(toHex(sha256(bytes)), expected);
  }
});
