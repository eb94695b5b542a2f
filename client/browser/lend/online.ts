/** What the browser says of the network. */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';

const state = signal(navigator.onLine);
export const online: ReadonlySignal<boolean> = state;

for (const event of ['online', 'offline']) {
  addEventListener(event, () => (state.value = navigator.onLine));
}
