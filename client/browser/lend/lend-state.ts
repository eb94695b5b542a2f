/**
 * What the pages know of this device's own contribution. The signals are set by lend/ alone; everything that
 * computes is behind a dynamic import that a click (or its resumption after a reload in the same tab) starts.
 */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';

/** This tab's worker, while it contributes: its batches and its row are "you". */
const own = signal<string | undefined>(undefined);
export const ownNodeId: ReadonlySignal<string | undefined> = own;

export function setOwnNodeId(nodeId: string | undefined): void {
  own.value = nodeId;
}

/** Where the tab remembers that it contributes, or did when its page was left (lend-memory.ts). */
export const TAB_KEY = 'lend';

/** What a page looks for before it loads more of lending. */
export function tabContributes(): boolean {
  try {
    return sessionStorage.getItem(TAB_KEY) !== null;
  } catch {
    return false;
  }
}
