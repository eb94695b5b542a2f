/** What is wrong with the figures on this page, or with the key that it shows, if anything is: one line under the header. */
import { openKeyDialog } from '../access/key-dialog-state.ts';
import { forgetRefusal, keyRefusal } from '../api/key.ts';
import { Button } from '../controls/button.tsx';
import type { Live } from '../live/live.ts';

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function ConnectionLine({ live }: { readonly live: Live }) {
  const sentence = sentenceOf(live);
  const reload = sentence !== undefined && live.outdated.value;
  const needed = live.connection.value === 'key_needed';
  const refused = keyRefusal.value !== undefined;
  return (
    <div class="connection-line" role="status">
      {sentence === undefined ? null : <p>{sentence}</p>}
      {reload ? (
        <Button kind="normal" onClick={() => location.reload()}>
          Reload
        </Button>
      ) : null}
      {!reload && (needed || refused) ? <Button onClick={openKeyDialog}>Use a key</Button> : null}
      {!reload && !needed && refused ? (
        <Button kind="quiet" onClick={forgetRefusal}>
          Go on without
        </Button>
      ) : null}
    </div>
  );
}

function sentenceOf({ connection, heardAt, outdated }: Live): string | undefined {
  if (outdated.value) return 'This page is older than the coordinator: reload.';
  if (keyRefusal.value !== undefined) return `Your key is not good any more: ${keyRefusal.value}.`;
  // Read only while it is shown: it changes every second.
  const since = () => (heardAt.peek() === undefined ? undefined : TIME.format(heardAt.peek()));
  switch (connection.value) {
    case 'connecting':
    case 'live':
      return undefined;
    case 'lost': {
      const from = since();
      return from === undefined
        ? 'The coordinator can’t be reached; trying again.'
        : `Connection lost: figures are from ${from}; trying again.`;
    }
    case 'offline': {
      const from = since();
      return from === undefined
        ? 'This device is offline: the page goes on when it is connected again.'
        : `This device is offline: figures are from ${from}.`;
    }
    case 'key_needed':
      return 'This cluster shows its figures only with a key.';
  }
}
