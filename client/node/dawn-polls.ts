/**
 * Makes Dawn's polling cheap. While a promise of its own is pending, Dawn asks for an event of its instance in every
 * turn of Node's event loop: it looks `setImmediate` up in the global object each time and gives it a fresh native
 * function. Those are 90,000 polls a second, a whole core, and each function lives until its finaliser has run, so that
 * V8's heap grew from 15 to 150 MB in five seconds. A poll every millisecond takes 3 to 10 % of a core, and leaves the
 * heap as it was; a dispatch lasts fifty of them, and another is queued behind it.
 *
 * So the global `setImmediate` is replaced by one that lets Dawn's functions wait for a timer. All others it passes on.
 */

const POLL_MS = 1;

let paced = false;

/** Before Dawn's first call. A second call changes nothing. */
export function paceDawnPolls(): void {
  if (paced) return;
  paced = true;
  const immediately = globalThis.setImmediate;
  const pacing = (callback: (...given: unknown[]) => void, ...given: unknown[]) =>
    isNative(callback) ? setTimeout(callback, POLL_MS) : immediately(callback, ...given);
  // With what `util.promisify` looks for.
  Object.defineProperties(pacing, Object.getOwnPropertyDescriptors(immediately));
  Object.defineProperty(globalThis, 'setImmediate', { value: pacing, configurable: true, writable: true });
}

/**
 * Whether a function was made by native code without a name, as Dawn's are. Bound ones look like it, but for their name.
 */
export function isNative(callback: unknown): boolean {
  return (
    typeof callback === 'function' &&
    callback.name === '' &&
    Function.prototype.toString.call(callback).endsWith('{ [native code] }')
  );
}
