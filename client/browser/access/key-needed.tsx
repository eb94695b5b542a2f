/** In the place of an action that needs a key, or a better one: why, and the field for it. */
import { caller } from '../api/caller.ts';
import { Button } from '../controls/button.tsx';
import { openKeyDialog } from './key-dialog-state.ts';

export interface KeyNeededProps {
  readonly refusal: 'key_needed' | 'forbidden';
  /** `Submitting a job`. */
  readonly doing: string;
}

export function KeyNeeded({ refusal, doing }: KeyNeededProps) {
  return (
    <div class="key-needed">
      <p class="small">
        {refusal === 'key_needed'
          ? `${doing} needs a key here.`
          : `${doing} needs a key of another role than ${caller.value?.role ?? 'yours'}.`}
      </p>
      <Button onClick={openKeyDialog}>{refusal === 'key_needed' ? 'Use a key' : 'Use another key'}</Button>
    </div>
  );
}
