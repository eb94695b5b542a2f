/** The header's button for the key of this tab, and the dialog behind it. */
import { caller } from '../api/caller.ts';
import { Button } from '../controls/button.tsx';
import { KeyDialog } from './key-dialog.tsx';
import { closeKeyDialog, keyDialogOpen, openKeyDialog } from './key-dialog-state.ts';

const BUTTON_ID = 'key-button';

export function KeyButton() {
  const known = caller.value;
  const signedIn = known?.kind === 'key';
  return (
    <>
      <Button
        id={BUTTON_ID}
        kind="quiet"
        icon={signedIn ? 'user' : 'key'}
        label={signedIn ? `Signed in as ${known.user} (${known.role})` : 'Key'}
        onClick={openKeyDialog}
      />
      {keyDialogOpen.value ? <KeyDialog onClose={closed} /> : null}
    </>
  );
}

function closed(changed: boolean): void {
  closeKeyDialog();
  // What opened it may be gone by now, having said that a key is needed.
  if (changed) document.getElementById(BUTTON_ID)?.focus();
}
