/** The page's address as a signal. */
import { signal } from '@preact/signals';
import type { View } from './address.ts';
import { readAddress, writeAddress } from './address.ts';

export const view = signal<View>(readAddress(location.search));

addEventListener('popstate', () => (view.value = readAddress(location.search)));

/** A choice replaces the address; another job is a step that the browser's Back undoes. */
export function show(changed: Partial<View>): void {
  const next = { ...view.peek(), ...changed };
  const address = location.pathname + writeAddress(next);
  if (next.job === view.peek().job) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  view.value = next;
}
