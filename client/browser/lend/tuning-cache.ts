/**
 * The tunings that were found fastest on a device, kept by the browser. In its cache storage, because local storage is
 * not there in a background thread, and a database is much code for a dozen short texts.
 */
import type { TuningMemory } from '../../engines/autotune.ts';

const CACHE = 'gpu-tunings';

/** What is known of one device; nothing where the browser forbids to keep anything. */
export async function tuningCache(device: string): Promise<TuningMemory> {
  // An address that is never fetched: caches have no other keys.
  const address = `/${CACHE}/${encodeURIComponent(device)}`;
  const known = new Map<string, string>();
  let cache: Cache | undefined;
  try {
    cache = await caches.open(CACHE);
    const stored: unknown = await (await cache.match(address))?.json();
    if (typeof stored === 'object' && stored !== null) {
      for (const [kernel, tuning] of Object.entries(stored)) {
        if (typeof tuning === 'string') known.set(kernel, tuning);
      }
    }
  } catch {
    // A private window: it is measured again.
  }
  return {
    get: (kernel) => known.get(kernel),
    set(kernel, tuning) {
      known.delete(kernel);
      known.set(kernel, tuning);
      const newest = [...known].slice(-MAX_KERNELS);
      const response = new Response(JSON.stringify(Object.fromEntries(newest)));
      cache?.put(address, response).catch(() => undefined);
    },
  };
}

/** Each new text of a kernel adds one; the oldest go. */
const MAX_KERNELS = 32;
