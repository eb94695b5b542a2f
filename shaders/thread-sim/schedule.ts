/**
 * One tree as pages draw it: its threads in preorder, and the greedy schedule of workloads.md on P processors.
 * A thread becomes ready at its parent's actual start plus its fork offset; a free processor takes the ready
 * thread with the lowest number and runs it to its end; at one instant, ends come before starts.
 */
import type { ThreadParameters } from './parameters.ts';
import { threefry } from './threefry.ts';
import { forkCount, forkOffset, rootState } from './tree.ts';

/** A thread of a tree; its number is its place in preorder, from 0. Times in ticks. */
export interface TreeThread {
  readonly number: number;
  /** null: the root. */
  readonly parent: number | null;
  readonly depth: number;
  readonly work: number;
  /** From the parent's start to this thread's fork. */
  readonly offset: number;
  /** The start with unlimited processors. */
  readonly start: number;
}

/** When and where a thread ran. */
export interface ScheduledThread {
  readonly number: number;
  /** 0 … P − 1; the lowest that was free. */
  readonly processor: number;
  readonly ready: number;
  readonly start: number;
  readonly end: number;
}

export interface Schedule {
  readonly processors: number;
  /** The last end. */
  readonly makespan: number;
  /** By thread number. */
  readonly threads: readonly ScheduledThread[];
}

/** The tree of one root in preorder; undefined if it has more than `limit` threads. */
export function growTree(
  p: ThreadParameters,
  root: number,
  limit: number = p.maxThreads,
): readonly TreeThread[] | undefined {
  const range = p.workMax - p.workMin + 1;
  const state = new Uint32Array(2);
  const threads: TreeThread[] = [];
  // Children wait with the first on top: taken last in, first out, that is preorder.
  const waiting: { parent: TreeThread; a: number; b: number; child: number; offset: number }[] = [];
  rootState(p, root, state);
  let parent: TreeThread | null = null;
  let offset = 0;
  for (;;) {
    if (threads.length === limit) return undefined;
    const a = state[0] ?? 0;
    const b = state[1] ?? 0;
    const work = p.workMin + (a % range);
    const thread: TreeThread = {
      number: threads.length,
      parent: parent === null ? null : parent.number,
      depth: parent === null ? 0 : parent.depth + 1,
      work,
      offset,
      start: parent === null ? 0 : parent.start + offset,
    };
    threads.push(thread);
    const forks = forkCount(p, b, thread.depth);
    for (let child = forks - 1; child >= 0; child--) {
      waiting.push({ parent: thread, a, b, child, offset: forkOffset(work, child, forks) });
    }
    const next = waiting.pop();
    if (next === undefined) return threads;
    threefry(next.a, next.b, next.child, state);
    ({ parent, offset } = next);
  }
}

/** @param threads a tree as `growTree` gives it @param processors 1 or more; more than threads changes nothing */
export function schedule(threads: readonly TreeThread[], processors: number): Schedule {
  const children = threads.map((): TreeThread[] => []);
  for (const thread of threads) if (thread.parent !== null) children[thread.parent]?.push(thread);
  const done: ScheduledThread[] = [];
  const free = new Heap<number>((processor) => processor);
  for (let processor = 0; processor < Math.min(processors, threads.length); processor++) free.push(processor);
  const running = new Heap<ScheduledThread>(({ end }) => end);
  const forked = new Heap<{ number: number; ready: number }>(({ ready }) => ready);
  const ready = new Heap<{ number: number; ready: number }>(({ number }) => number);
  let makespan = 0;
  forked.push({ number: 0, ready: 0 });
  for (;;) {
    const time = Math.min(running.peek()?.end ?? Infinity, forked.peek()?.ready ?? Infinity);
    if (time === Infinity)
      return { processors, makespan, threads: done.toSorted((a, b) => a.number - b.number) };
    for (let ended = running.peek(); ended?.end === time; ended = running.peek()) {
      running.pop();
      free.push(ended.processor);
    }
    // A start may fork at once (offset 0), so an instant ends only when nothing more can start in it.
    for (;;) {
      for (let fork = forked.peek(); fork?.ready === time; fork = forked.peek()) {
        forked.pop();
        ready.push(fork);
      }
      const processor = free.peek();
      const next = ready.peek();
      const thread = next && threads[next.number];
      if (processor === undefined || next === undefined || thread === undefined) break;
      free.pop();
      ready.pop();
      const run = { number: next.number, processor, ready: next.ready, start: time, end: time + thread.work };
      done.push(run);
      running.push(run);
      makespan = Math.max(makespan, run.end);
      for (const child of children[next.number] ?? []) {
        forked.push({ number: child.number, ready: time + child.offset });
      }
    }
  }
}

/** Binary heap: the item with the smallest key first. */
class Heap<T> {
  readonly #items: T[] = [];
  readonly #key: (item: T) => number;

  constructor(key: (item: T) => number) {
    this.#key = key;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || this.#key(parent) <= this.#key(item)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = items[below];
      const right = items[below + 1];
      if (child !== undefined && right !== undefined && this.#key(right) < this.#key(child)) {
        below++;
        child = right;
      }
      if (child === undefined || this.#key(child) >= this.#key(last)) break;
      items[at] = child;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
