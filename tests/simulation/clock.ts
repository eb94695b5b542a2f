/**
 * Virtual time. Nothing waits: the clock jumps from event to event, and between two events everything that
 * the code under test does without waiting (promises, microtasks) runs to its end. So a schedule depends on
 * its seed alone, and an hour of a cluster takes a second.
 */
interface Event {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** 2026-01-01: a plausible date, so that times in replies are valid. */
const START = Date.UTC(2026, 0, 1);

export class VirtualClock {
  #now = START;
  #order = 0;
  /** Binary heap by (at, order). */
  readonly #events: Event[] = [];

  now(): number {
    return this.#now;
  }

  /** Milliseconds since the start of the simulation. */
  elapsed(): number {
    return this.#now - START;
  }

  /** Times are whole milliseconds, as those of Date.now(). @returns cancels it */
  setTimer(ms: number, fire: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order++, fire };
    this.#push(event);
    return () => {
      event.fire = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.setTimer(ms, resolve));
  }

  /**
   * Runs events until `done` holds, checked after each, or until `limit_ms` since the start.
   * @returns whether `done` held
   */
  async run(done: () => boolean, limit_ms: number): Promise<boolean> {
    await settled();
    while (!done()) {
      const [next] = this.#events;
      if (next === undefined || next.at - START > limit_ms) return false;
      const event = this.#pop();
      if (event?.fire === undefined) continue;
      this.#now = Math.max(this.#now, event.at);
      event.fire();
      await settled();
    }
    return true;
  }

  #push(event: Event): void {
    const heap = this.#events;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || before(parent, event)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (left === undefined) break;
      const smaller = right !== undefined && before(right, left) ? right : left;
      if (before(last, smaller)) break;
      heap[index] = smaller;
      index = 2 * index + (smaller === left ? 1 : 2);
    }
    heap[index] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** All microtasks are done before the event loop gets to its next phase. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
