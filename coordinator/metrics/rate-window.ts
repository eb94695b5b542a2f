/** Sums per key over a sliding window, in fixed memory per key. */
export class RateWindow {
  readonly #bucket_ms: number;
  readonly #buckets: number;
  readonly #now: () => number;
  readonly #byKey = new Map<string, { readonly sums: Float64Array; head: number }>();

  /** @param now milliseconds, never going back */
  constructor(window_ms: number, buckets: number, now: () => number) {
    this.#bucket_ms = window_ms / buckets;
    this.#buckets = buckets;
    this.#now = now;
  }

  add(key: string, amount: number): void {
    const at = Math.floor(this.#now() / this.#bucket_ms);
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = { sums: new Float64Array(this.#buckets), head: at };
      this.#byKey.set(key, entry);
    }
    this.#advance(entry, at);
    const index = at % this.#buckets;
    entry.sums[index] = (entry.sums[index] ?? 0) + amount;
  }

  /** What was added within the window, by key. */
  sums(): ReadonlyMap<string, number> {
    const at = Math.floor(this.#now() / this.#bucket_ms);
    const result = new Map<string, number>();
    for (const [key, entry] of this.#byKey) {
      this.#advance(entry, at);
      result.set(
        key,
        entry.sums.reduce((sum, value) => sum + value, 0),
      );
    }
    return result;
  }

  #advance(entry: { readonly sums: Float64Array; head: number }, at: number): void {
    const steps = Math.min(at - entry.head, this.#buckets);
    for (let step = 1; step <= steps; step += 1) entry.sums[(entry.head + step) % this.#buckets] = 0;
    entry.head = Math.max(entry.head, at);
  }
}
