/** The first call at once, then at most one in `ms` milliseconds; the last call is never left out. */
export function atMostEvery(ms: number, call: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last_ms = -Infinity;
  return () => {
    if (timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        last_ms = performance.now();
        call();
      },
      Math.max(0, last_ms + ms - performance.now()),
    );
  };
}
