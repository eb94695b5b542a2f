/** Where the header has its button for a key; button and dialog are loaded once somebody here may need them. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { askCaller, caller, followCaller } from '../api/caller.ts';
import { key } from '../api/key.ts';
import type { Live } from '../live/live.ts';
import { keyDialogOpen } from './key-dialog-state.ts';

/** Nothing where nobody needs a key: on a coordinator that listens on this machine alone. */
export function KeyPlace({ live }: { readonly live: Live }) {
  const connection = live.connection.value;
  const wasLost = useRef(false);
  useEffect(() => followCaller(), []);
  useEffect(() => {
    // A coordinator that was started again may let in others than before.
    if (connection === 'live' && (wasLost.current || caller.peek() === undefined)) void askCaller();
    wasLost.current = connection === 'lost' || connection === 'offline';
  }, [connection]);
  const isNeeded =
    key.value !== undefined || (caller.value?.kind ?? 'loopback') !== 'loopback' || keyDialogOpen.value;
  const loaded = useSignal<{ readonly Part: ComponentType } | 'failed' | undefined>(undefined);
  useEffect(() => {
    if (!isNeeded) return;
    import('./key-button.tsx').then(
      ({ KeyButton }) => (loaded.value = { Part: KeyButton }),
      () => (loaded.value = 'failed'),
    );
  }, [isNeeded, loaded]);
  const part = loaded.value;
  if (!isNeeded || part === undefined) return null;
  if (part === 'failed')
    return <span role="alert">The field for a key can’t be loaded: reload the page.</span>;
  return <part.Part />;
}
