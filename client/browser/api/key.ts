/**
 * The key of this tab: in its session storage and nowhere else, so that it is gone with the tab. Requests carry it in
 * a header; it is never part of an address, a title or a log.
 */
import type { ReadonlySignal } from '@preact/signals';
import { batch, signal } from '@preact/signals';

const STORED = 'key';

const current = signal<string | undefined>(remembered());
const refused = signal<string | undefined>(undefined);

/** Undefined: there is none. */
export const key: ReadonlySignal<string | undefined> = current;
/** What the coordinator said of the last key, if it took that for no good one; until another is used. */
export const keyRefusal: ReadonlySignal<string | undefined> = refused;

export function takeKey(used: string): void {
  store(used);
  batch(() => {
    refused.value = undefined;
    current.value = used;
  });
}

export function removeKey(): void {
  store(undefined);
  current.value = undefined;
}

/** The coordinator says that it is good for nothing: removed, unless another one is used by now. */
export function keyRefused(which: string, message: string): void {
  if (current.peek() !== which) return;
  store(undefined);
  batch(() => {
    refused.value = message;
    current.value = undefined;
  });
}

/** The visitor has read it. */
export function forgetRefusal(): void {
  refused.value = undefined;
}

/** Resolves as soon as the key is another one than `known`. */
export function otherKey(known: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = current.subscribe((now) => {
      if (now === known) return;
      resolve();
      // Later: the first call comes before `end` is known.
      queueMicrotask(() => end());
    });
  });
}

export function bearer(shown: string | undefined): Readonly<Record<string, string>> {
  return shown === undefined ? {} : { Authorization: `Bearer ${shown}` };
}

function remembered(): string | undefined {
  try {
    return sessionStorage.getItem(STORED) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Storage may be forbidden: the key then lasts as long as the page. */
function store(used: string | undefined): void {
  try {
    if (used === undefined) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, used);
  } catch {
    // Nothing was stored.
  }
}
