/** A text field with its label, a hint, and the message that says what to enter. */
import { useId } from 'preact/hooks';
import { Icon } from '../shell/icon.tsx';

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** What is wrong and what to enter; undefined or empty: nothing is wrong. */
  readonly problem?: string | undefined;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly inputMode?: 'text' | 'numeric' | 'decimal';
  readonly name?: string;
  /** What is typed is not shown. */
  readonly secret?: boolean;
}

export function Field({
  label,
  value,
  onInput,
  problem,
  hint,
  placeholder,
  inputMode = 'text',
  name,
  secret = false,
}: FieldProps) {
  const id = useId();
  const wrong = problem !== undefined && problem !== '';
  const described = [...(hint === undefined ? [] : [`${id}-hint`]), ...(wrong ? [`${id}-problem`] : [])].join(
    ' ',
  );
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name ?? id}
        {...(secret ? { type: 'password' as const } : { type: 'text' as const })}
        autocomplete="off"
        spellcheck={false}
        inputMode={inputMode}
        value={value}
        placeholder={placeholder ?? ''}
        aria-invalid={wrong}
        {...(described === '' ? {} : { 'aria-describedby': described })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint === undefined ? null : (
        <span id={`${id}-hint`} class="tiny">
          {hint}
        </span>
      )}
      {wrong ? (
        <span id={`${id}-problem`} class="problem" role="alert">
          <Icon name="wrong" size={14} /> {problem}
        </span>
      ) : null}
    </div>
  );
}
