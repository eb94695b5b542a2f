/** Takes a key for this tab, says what it is good for, and removes it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { KEY_FORM } from '../../../protocol/key-form.ts';
import { api, ApiError } from '../api/api.ts';
import { caller } from '../api/caller.ts';
import { key, removeKey, takeKey } from '../api/key.ts';
import { Button } from '../controls/button.tsx';
import { Field } from '../controls/field.tsx';
import { mayWords } from './caller-words.ts';
import './key-dialog.css';

export interface KeyDialogProps {
  /** Called once. @param changed another key is used, or none any more */
  readonly onClose: (changed: boolean) => void;
}

export function KeyDialog({ onClose }: KeyDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const changed = useRef(false);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [asking, setAsking] = useState(false);
  const has = key.value !== undefined;
  const known = caller.value;
  const field = () => dialog.current?.querySelector('input');
  useEffect(() => {
    dialog.current?.showModal();
    field()?.focus();
  }, []);
  useEffect(() => {
    if (problem !== '') field()?.focus();
  }, [problem]);

  const close = () => dialog.current?.close();
  const use = async () => {
    const typed = text.trim();
    if (!KEY_FORM.test(typed)) {
      setProblem(
        typed === '' ? 'Enter a key.' : 'That is no key: copy all of it, from tc_ to its last character.',
      );
      return;
    }
    setAsking(true);
    try {
      await api.callerWith(typed);
      if (dialog.current?.open !== true) return;
      takeKey(typed);
      changed.current = true;
      close();
    } catch (error) {
      setProblem(sentence(error instanceof ApiError ? error.message : 'That did not work. Try again.'));
    } finally {
      setAsking(false);
    }
  };
  const remove = () => {
    removeKey();
    changed.current = true;
    close();
  };

  return (
    <dialog
      class="key-dialog"
      ref={dialog}
      aria-labelledby="key-title"
      onClose={() => onClose(changed.current)}
    >
      {/* Not sent by the browser, whatever happens: a key must not stand in an address. */}
      <form
        method="dialog"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!asking) void use();
        }}
      >
        <h2 id="key-title">Key</h2>
        {known?.kind === 'key' ? (
          <p>
            Signed in as <strong>{known.user}</strong>, {known.role}.
          </p>
        ) : null}
        {known === undefined ? null : <p class="small">{mayWords(known)}</p>}
        <Field
          label={has ? 'Another key' : 'Key'}
          secret
          hint="It is kept until this tab is closed. Whoever runs this cluster gives keys."
          value={text}
          problem={problem}
          onInput={(value) => {
            setText(value);
            setProblem('');
          }}
        />
        <div class="key-actions">
          <Button kind="primary" type="submit">
            {asking ? 'Asking…' : 'Use'}
          </Button>
          {has ? <Button onClick={remove}>Remove</Button> : null}
          <Button kind="quiet" onClick={close}>
            Cancel
          </Button>
        </div>
      </form>
    </dialog>
  );
}

function sentence(message: string): string {
  const first = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
