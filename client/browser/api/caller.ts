/** What the coordinator takes this tab for, and what it may do. */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';
import type { CallerStatus } from '../../../protocol/access.ts';
import type { JobStatus } from '../../../protocol/http.ts';
import { api } from './api.ts';
import { key } from './key.ts';

const current = signal<CallerStatus | undefined>(undefined);
let asked = 0;

/** Undefined: not known yet. */
export const caller: ReadonlySignal<CallerStatus | undefined> = current;

/** Never rejects: where the coordinator can't be asked, what was known stays. */
export async function askCaller(): Promise<void> {
  const turn = ++asked;
  try {
    const status = await api.caller();
    if (turn === asked) current.value = status;
  } catch {
    // The page's stream says that the coordinator can't be reached.
  }
}

/** Asks now, and again whenever the key is another one. */
export function followCaller(): () => void {
  return key.subscribe(() => void askCaller());
}

/** Why this tab may not submit: without a key, or with one of a role that may not; undefined: it may, or it is not known. */
export function submitRefusal(): 'key_needed' | 'forbidden' | undefined {
  return refusalOf(caller.value?.may.submit);
}

/** As `submitRefusal`, for computing. */
export function volunteerRefusal(): 'key_needed' | 'forbidden' | undefined {
  return refusalOf(caller.value?.may.volunteer);
}

/** False while it is not known. */
export function maySteer({ user_id }: Pick<JobStatus, 'user_id'>): boolean {
  const known = caller.value;
  if (known === undefined || known.may.steer === 'none') return false;
  return known.may.steer === 'all' || (user_id !== null && user_id === known.user);
}

function refusalOf(may: boolean | undefined): 'key_needed' | 'forbidden' | undefined {
  if (may !== false) return undefined;
  return caller.value?.kind === 'key' ? 'forbidden' : 'key_needed';
}
