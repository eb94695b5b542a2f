/** What the forms have in common: how text becomes a body that the API takes, or what to enter instead. */
import { parseNumber } from '../format/parse-number.ts';
import { grouped } from '../format/figures.ts';
import type { SubmitRequest } from '../api/api.ts';

export const PRIORITIES = [
  { value: 'low', label: 'Low' },
  { value: 'normal', label: 'Normal' },
  { value: 'high', label: 'High' },
] as const;
export type Priority = (typeof PRIORITIES)[number]['value'];

/** By the API's name of the field: what is wrong and what to enter. */
export type Problems = ReadonlyMap<string, string>;

export type Reading =
  { readonly body: SubmitRequest; readonly problems?: never } | { readonly problems: Problems };

const MAX_NAME = 200;
const CONTROL = /[\u0000-\u001f\u007f]/;

/** A whole number in [min, max], or undefined with the problem noted. */
export function readNumber(
  problems: Map<string, string>,
  field: string,
  text: string,
  {
    min,
    max,
    maxName = grouped(max),
  }: { readonly min: bigint; readonly max: bigint; readonly maxName?: string },
): bigint | undefined {
  const read = parseNumber(text);
  if ('problem' in read) problems.set(field, read.problem);
  else if (read.value < min || read.value > max)
    problems.set(field, `Enter a whole number from ${grouped(min)} to ${maxName}.`);
  else return read.value;
  return undefined;
}

/** The trimmed name, or undefined for none. */
export function readName(problems: Map<string, string>, text: string): string | undefined {
  const name = text.trim();
  if (name.length > MAX_NAME)
    problems.set('name', `Shorten the name to ${MAX_NAME} characters; it has ${name.length}.`);
  if (CONTROL.test(name)) problems.set('name', 'Take out line breaks, tabs and other control characters.');
  return name === '' ? undefined : name;
}

/** The API names parameters with their path; the fields of a form have no path. */
export function problemsOfApi(fields: ReadonlyMap<string, string>): Problems {
  return new Map(
    [...fields].map(([path, message]) => [path.replace(/^parameters\./, ''), sentence(message)]),
  );
}

function sentence(message: string): string {
  const first = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
