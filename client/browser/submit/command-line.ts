/** The `threads submit` line for what a form holds. */
import { parseNumber } from '../format/parse-number.ts';

/** Where `threads` looks by itself. */
const DEFAULT_ORIGIN = 'http://127.0.0.1:3000';
const AS_TYPED = /^\d+(?:\^\d+|e\d+)?(?:[+-]\d+(?:\^\d+|e\d+)?)*$/;
const PLAIN_WORD = /^[\w.,:/@%+=^-]+$/;

/**
 * @param flags without `--`; those with an empty value are left out
 * @returns one line for a POSIX shell: whatever is typed stays one argument
 */
export function commandLine(
  type: string,
  origin: string,
  flags: readonly (readonly [flag: string, value: string])[],
): string {
  const more = origin === DEFAULT_ORIGIN ? [] : [['url', origin] as const];
  const parts = [...flags, ...more].flatMap(([flag, value]) =>
    value === '' ? [] : [`--${flag}`, quoted(value)],
  );
  return ['threads submit', type, ...parts].join(' ');
}

/** As it was typed where the command line reads that too, else the plain decimal; empty if it is no number. */
export function numberArgument(text: string): string {
  const typed = text.trim();
  const read = parseNumber(typed);
  if ('problem' in read) return '';
  return AS_TYPED.test(typed) ? typed : read.value.toString();
}

/** Control characters would end or change the line that somebody pastes. */
function quoted(value: string): string {
  const safe = value.replace(/[\u0000-\u001f\u007f]+/g, ' ');
  if (PLAIN_WORD.test(safe) && !safe.startsWith('-')) return safe;
  return `'${safe.replaceAll("'", "'\\''")}'`;
}
