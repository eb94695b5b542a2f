/** The pages' stream under a clock and an EventSource of the test's: when it opens, closes, and what it calls lost. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, suite, test } from 'node:test';
import { openLive } from '../../client/browser/live/open-live.ts';
import type { Live } from '../../client/browser/live/live.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';

/** Opens nothing; the test says what happens. */
class FakeEventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static readonly all: FakeEventSource[] = [];
  static get last(): FakeEventSource {
    const last = FakeEventSource.all.at(-1);
    assert.ok(last !== undefined, 'no stream was opened');
    return last;
  }
  /** Those that are not closed. */
  static get open(): number {
    return FakeEventSource.all.filter(({ readyState }) => readyState !== FakeEventSource.CLOSED).length;
  }

  readonly query: URLSearchParams;
  readyState = FakeEventSource.CONNECTING;

  constructor(url: string) {
    super();
    this.query = new URL(url, 'http://cluster').searchParams;
    FakeEventSource.all.push(this);
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }

  connects(): void {
    this.readyState = FakeEventSource.OPEN;
    this.dispatchEvent(new Event('open'));
  }

  sends(name: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }

  /** Lost: the browser tries again by itself. Refused: it does not. */
  fails(how: 'lost' | 'refused'): void {
    this.readyState = how === 'lost' ? FakeEventSource.CONNECTING : FakeEventSource.CLOSED;
    this.dispatchEvent(new Event('error'));
  }
}

let page = Object.assign(new EventTarget(), { hidden: false });
let inWindow = new EventTarget();
const network = { onLine: true };
const START = Date.UTC(2026, 10, 22, 12);

function cluster(more: Record<string, unknown> = {}) {
  return {
    now: new Date(Date.now()).toISOString(),
    version: '1.0.0',
    protocol: PROTOCOL_VERSION,
    workers: { connected: 3 },
    throughput: [],
    ...more,
  };
}

function batches(...starts: readonly string[]) {
  const now = new Date(Date.now()).toISOString();
  const batch = { at: now, node_id: 'one', kind: 'cpu', type: 'collatz', job_id: 'job', end: '9' };
  return { now, batches: starts.map((start) => ({ ...batch, start })) };
}

function hide(hidden: boolean): void {
  page.hidden = hidden;
  page.dispatchEvent(new Event('visibilitychange'));
}

/** A stream that has said something. */
function opened(topics: Parameters<typeof openLive>[0] = ['batches']): Live {
  const live = openLive(topics);
  FakeEventSource.last.connects();
  FakeEventSource.last.sends('cluster', cluster());
  return live;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

suite('the stream behind a page', () => {
  const before = new Map<string, PropertyDescriptor | undefined>();
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: START });
    mock.method(performance, 'now', () => Date.now());
    mock.method(Math, 'random', () => 1);
    FakeEventSource.all.length = 0;
    page = Object.assign(new EventTarget(), { hidden: false });
    inWindow = new EventTarget();
    network.onLine = true;
    for (const [name, value] of Object.entries({
      EventSource: FakeEventSource,
      document: page,
      navigator: network,
      addEventListener: inWindow.addEventListener.bind(inWindow),
    })) {
      before.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
      Object.defineProperty(globalThis, name, { value, configurable: true });
    }
  });
  afterEach(() => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
    mock.restoreAll();
    mock.timers.reset();
  });

  test('asks for its topics and the cluster’s state, and is live when something comes', () => {
    const live = openLive(['jobs', 'batches']);
    assert.equal(FakeEventSource.last.query.get('topics'), 'cluster,jobs,batches');
    assert.equal(FakeEventSource.last.query.get('job'), null);
    FakeEventSource.last.connects();
    assert.equal(live.connection.value, 'connecting');
    FakeEventSource.last.sends('cluster', cluster());
    assert.equal(live.connection.value, 'live');
    assert.equal(live.heardAt.value, START);
    assert.equal(live.cluster.value?.workers.connected, 3);
    FakeEventSource.last.sends('jobs', { jobs: [] });
    assert.deepEqual(live.jobs.value, []);
  });

  test('keeps batches for a minute; the first of each connection replace what is known', () => {
    const live = opened();
    const starts = () => live.batches.value.map(({ start }) => start);
    FakeEventSource.last.sends('batches', batches('1', '2'));
    mock.timers.tick(10_000);
    FakeEventSource.last.sends('batches', batches('3'));
    assert.deepEqual(starts(), ['1', '2', '3']);
    mock.timers.tick(50_000);
    assert.deepEqual(starts(), ['3']);
    FakeEventSource.last.fails('lost');
    FakeEventSource.last.connects();
    FakeEventSource.last.sends('batches', batches('3', '4'));
    assert.deepEqual(starts(), ['3', '4']);
  });

  test('is lost on an error or after 20 s without a word; values stay', () => {
    const live = opened();
    mock.timers.tick(19_000);
    assert.equal(live.connection.value, 'live');
    FakeEventSource.last.sends('cluster', cluster());
    mock.timers.tick(19_999);
    assert.equal(live.connection.value, 'live');
    mock.timers.tick(1001);
    assert.equal(live.connection.value, 'lost');
    assert.equal(live.cluster.value?.workers.connected, 3);
    assert.equal(FakeEventSource.all.length, 2, 'the dead connection was given up');
    assert.equal(FakeEventSource.open, 1);
    FakeEventSource.last.connects();
    FakeEventSource.last.sends('cluster', cluster());
    assert.equal(live.connection.value, 'live');
    FakeEventSource.last.fails('lost');
    assert.equal(live.connection.value, 'lost');
    assert.equal(FakeEventSource.all.length, 2, 'the browser itself tries again');
  });

  test('without a network it is offline; back at once when there is one', () => {
    const live = opened();
    network.onLine = false;
    mock.timers.tick(2000);
    assert.equal(live.connection.value, 'live', 'a coordinator on this machine needs no network');
    mock.timers.tick(2000);
    assert.equal(live.connection.value, 'offline');
    network.onLine = true;
    inWindow.dispatchEvent(new Event('online'));
    assert.equal(FakeEventSource.all.length, 2);
    FakeEventSource.last.sends('cluster', cluster());
    assert.equal(live.connection.value, 'live');
  });

  test('refused, it comes back, each time later, and soon again after a success', async () => {
    const live = opened();
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      const before = FakeEventSource.all.length;
      FakeEventSource.last.fails('refused');
      let waited = 0;
      for (; FakeEventSource.all.length === before; waited += 500) {
        assert.ok(waited <= 31_000);
        mock.timers.tick(500);
        await settle();
      }
      waits.push(waited);
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    assert.equal(live.connection.value, 'lost');
    FakeEventSource.last.sends('cluster', cluster());
    FakeEventSource.last.fails('refused');
    mock.timers.tick(1000);
    await settle();
    assert.equal(FakeEventSource.open, 1);
  });

  test('hidden for half a minute it closes, and opens when it is seen', () => {
    const live = opened();
    hide(true);
    mock.timers.tick(15_000);
    FakeEventSource.last.sends('cluster', cluster());
    mock.timers.tick(14_000);
    hide(false);
    mock.timers.tick(5000);
    FakeEventSource.last.sends('cluster', cluster());
    assert.equal(FakeEventSource.all.length, 1, 'a short look elsewhere');
    hide(true);
    mock.timers.tick(15_000);
    FakeEventSource.last.sends('cluster', cluster());
    mock.timers.tick(15_000);
    assert.equal(FakeEventSource.open, 0);
    mock.timers.tick(600_000);
    assert.equal(FakeEventSource.open, 0);
    hide(false);
    assert.equal(FakeEventSource.open, 1);
    assert.equal(live.connection.value, 'live');
  });

  test('watches a job: its events alone, and none of the job before', () => {
    const live = opened();
    live.watch('first');
    assert.equal(FakeEventSource.open, 1);
    assert.equal(FakeEventSource.last.query.get('job'), 'first');
    assert.equal(live.connection.value, 'live');
    const old = FakeEventSource.last;
    old.sends('progress', { job_id: 'first', progress: {} });
    assert.equal(live.progress.value?.job_id, 'first');
    live.watch('first');
    assert.equal(FakeEventSource.last, old);
    live.watch('second');
    assert.equal(live.progress.value, undefined);
    old.sends('progress', { job_id: 'first', progress: {} });
    FakeEventSource.last.sends('result', { job_id: 'first', covered: [] });
    assert.equal(live.progress.value, undefined);
    assert.equal(live.result.value, undefined);
    FakeEventSource.last.sends('coverage', { job_id: 'second', blocks: {} });
    assert.equal(live.coverage.value?.job_id, 'second');
    live.watch(undefined);
    assert.equal(FakeEventSource.last.query.get('job'), null);
    assert.equal(live.coverage.value, undefined);
  });

  test('a job that does not exist is not asked for for ever', async () => {
    const live = opened();
    mock.method(globalThis, 'fetch', () => {
      const body = { error: { code: 'not_found', message: 'no job', details: null } };
      return Promise.resolve(Response.json(body, { status: 404 }));
    });
    live.watch('nowhere');
    FakeEventSource.last.fails('refused');
    mock.timers.tick(1000);
    for (let i = 0; i < 20 && FakeEventSource.open === 0; i++) {
      await settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(FakeEventSource.open, 1);
    assert.equal(FakeEventSource.last.query.get('job'), null);
  });

  test('knows when the coordinator is another one than the page is for', () => {
    const live = opened();
    assert.equal(live.outdated.value, false);
    FakeEventSource.last.sends('cluster', cluster({ version: '1.0.1' }));
    assert.equal(live.outdated.value, true);
    FakeEventSource.last.sends('cluster', cluster());
    assert.equal(live.outdated.value, false, 'rolled back');
    FakeEventSource.last.sends('cluster', cluster({ protocol: PROTOCOL_VERSION + 1 }));
    assert.equal(live.outdated.value, true);
  });

  test('tells how far this device’s clock is ahead', () => {
    const live = opened();
    assert.equal(live.clockAhead_ms.value, 0);
    FakeEventSource.last.sends('cluster', cluster({ now: new Date(START - 90_000).toISOString() }));
    assert.equal(live.clockAhead_ms.value, 90_000);
  });
});
