/** Long computations on the page's main thread, cut so that none holds it up for a frame. */

/** Half a frame: scrolling and typing stay smooth. */
const SLICE_MS = 6;

/** Generators that run in slices yield about every 50 µs, with whatever says how far they are. */
export type Sliced<T> = Generator<unknown, T, undefined>;

/**
 * Runs a generator to its end, giving the thread back every 6 ms.
 * @returns undefined if `signal` stopped it
 */
export async function runInSlices<T>(work: Sliced<T>, signal?: AbortSignal): Promise<T | undefined> {
  let until = performance.now() + SLICE_MS;
  for (;;) {
    if (signal?.aborted === true) return undefined;
    const { done, value } = step(work);
    if (done) return value;
    if (performance.now() < until) continue;
    await nextTask();
    until = performance.now() + SLICE_MS;
  }
}

/** The result of a generator that somebody else has no need to interrupt. */
export function runAtOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = step(work);
    if (done) return value;
  }
}

function step<T>(
  work: Sliced<T>,
): { readonly done: true; readonly value: T } | { readonly done: false; readonly value?: undefined } {
  const result = work.next();
  return result.done === true ? { done: true, value: result.value } : { done: false };
}

/** A message is a task of its own without the 4 ms that browsers make nested timers wait. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
