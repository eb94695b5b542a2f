/** A command or an address to take along, with a button that copies it. */
import { useRef, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import './copy-line.css';

const SAID_MS = 2000;

export interface CopyLineProps {
  readonly text: string;
  /** What the button does, read out: "Copy the command". */
  readonly label: string;
}

export function CopyLine({ text, label }: CopyLineProps) {
  const line = useRef<HTMLElement>(null);
  const [said, say] = useState('');
  const copy = async () => {
    let done = 'Copied.';
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard at an address that is no secure context, or it is forbidden.
      if (line.current !== null) getSelection()?.selectAllChildren(line.current);
      done = 'Marked: copy it with your keyboard or menu.';
    }
    say(done);
    setTimeout(() => say(''), SAID_MS);
  };
  return (
    <div class="copy-line">
      <code ref={line} class="mono">
        {text.split(' ').map((word, i) => (
          // A line ends between words, not at the dashes of a flag.
          <>
            {i === 0 ? '' : ' '}
            <span>{word}</span>
          </>
        ))}
      </code>
      <Button
        kind="quiet"
        icon={said === 'Copied.' ? 'check' : 'copy'}
        label={label}
        onClick={() => void copy()}
      />
      <span class="tiny" role="status">
        {said}
      </span>
    </div>
  );
}
