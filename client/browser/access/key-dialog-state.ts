/** Whether the dialog that takes a key is open. Anything on a page may open it; the header shows it. */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';

const open = signal(false);
export const keyDialogOpen: ReadonlySignal<boolean> = open;

export function openKeyDialog(): void {
  open.value = true;
}

export function closeKeyDialog(): void {
  open.value = false;
}
