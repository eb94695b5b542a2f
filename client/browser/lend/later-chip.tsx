/** On pages where nobody can start: loaded only in a tab that contributes already, which goes on here. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { tabContributes } from './lend-state.ts';

const WANTED = tabContributes();

export function LaterChip() {
  const chip = useSignal<{ readonly Chip: ComponentType } | 'failed' | undefined>(undefined);
  useEffect(() => {
    if (!WANTED) return;
    import('./own-chip.tsx').then(
      ({ OwnChip }) => (chip.value = { Chip: OwnChip }),
      () => (chip.value = 'failed'),
    );
  }, [chip]);
  const part = chip.value;
  if (part === undefined) return null;
  if (part === 'failed')
    return <p role="alert">Contributing could not be loaded: reload the page to go on.</p>;
  return <part.Chip />;
}
