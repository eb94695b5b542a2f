/** The key that this device contributes with: the tab's, if its role is one whose work is the cluster's own. */
import type { ReadonlySignal } from '@preact/signals';
import { computed } from '@preact/signals';
import { askCaller, caller } from '../api/caller.ts';
import { key } from '../api/key.ts';

/** Undefined: as anybody may. Before the coordinator has said what the key is good for, it is the key itself. */
export const workerKey: ReadonlySignal<string | undefined> = computed(() => {
  const shown = key.value;
  const known = caller.value;
  if (shown === undefined || known === undefined || !isOf(shown, known.key_id)) return shown;
  return known.role === 'worker' || known.role === 'admin' ? shown : undefined;
});

/** `workerKey`, once it is known what the tab's key is good for; or as it is, where that can't be asked. */
export async function settledWorkerKey(): Promise<string | undefined> {
  const shown = key.peek();
  if (shown !== undefined && !isOf(shown, caller.peek()?.key_id ?? null)) await askCaller();
  return workerKey.peek();
}

/** The id stands in the key. */
function isOf(shown: string, keyId: string | null): boolean {
  return keyId !== null && shown.startsWith(`tc_${keyId}_`);
}
