/** A lent batch in words. */
import { grouped } from '../format/figures.ts';
import type { LentBatch } from './lend.ts';

export interface BatchState {
  readonly word: string;
  readonly mark: 'play' | 'upload' | 'check' | 'copy' | 'wrong' | 'reset';
}

/** An icon and a word for each state. */
export function batchState(state: LentBatch['state']): BatchState {
  switch (state) {
    case 'running':
      return { word: 'running', mark: 'play' };
    case 'sending':
      return { word: 'sending', mark: 'upload' };
    case 'accepted':
      return { word: 'accepted', mark: 'check' };
    case 'duplicate':
      return { word: 'known already', mark: 'copy' };
    case 'refused':
      return { word: 'refused', mark: 'wrong' };
    case 'handed back':
      return { word: 'handed back', mark: 'reset' };
  }
}

/** "62 %" while it runs, "3.9 s" once it is done; empty if neither is known. */
export function batchFigure({ state, done, took_ms }: LentBatch): string {
  if (state === 'running') return `${Math.floor(Math.min(1, Math.max(0, done)) * 100)} %`;
  if (took_ms === undefined) return '';
  return took_ms < 10_000 ? `${(took_ms / 1000).toFixed(1)} s` : `${Math.round(took_ms / 1000)} s`;
}

const NAMES: Readonly<Record<string, string>> = { collatz: 'Collatz', thread: 'Threads' };
const SCALES = [
  { digits: 12, letter: 'T' },
  { digits: 9, letter: 'G' },
  { digits: 6, letter: 'M' },
] as const;

/** "Collatz 712.0–713.6 G"; numbers past 10^15 are a start and a length. */
export function batchName({ type, start, end }: Pick<LentBatch, 'type' | 'start' | 'end'>): string {
  return `${NAMES[type] ?? type} ${rangeText(start, end)}`;
}

export function rangeText(start: bigint, end: bigint): string {
  if (end >= 10n ** 15n) return `${approximate(start)} + ${short(end - start)}`;
  const scale = SCALES.find(({ digits }) => end >= 10n ** BigInt(digits));
  if (scale === undefined) return `${grouped(start)}–${grouped(end)}`;
  // As many places as make the length ten steps of the last one, at most three.
  const step = (places: number) => 10n ** BigInt(scale.digits - places);
  const places = [0, 1, 2].find((count) => end - start >= 10n * step(count)) ?? 3;
  const from = scaledBy(start, scale.digits, places);
  const to = scaledBy(end, scale.digits, places);
  return `${from === to ? from : `${from}–${to}`} ${scale.letter}`;
}

function scaledBy(value: bigint, digits: number, places: number): string {
  const whole = (value / 10n ** BigInt(digits - places)).toString().padStart(places + 1, '0');
  return places === 0 ? whole : `${whole.slice(0, -places)}.${whole.slice(-places)}`;
}

function short(value: bigint): string {
  const scale = SCALES.find(({ digits }) => value >= 10n ** BigInt(digits));
  return scale === undefined ? grouped(value) : `${scaledBy(value, scale.digits, 1)} ${scale.letter}`;
}

/** "1.23·10^24", its exponent raised. */
function approximate(value: bigint): string {
  const digits = value.toString();
  if (digits.length <= 4) return digits;
  return `${digits.slice(0, 1)}.${digits.slice(1, 4)}·10${superscript(digits.length - 1)}`;
}

function superscript(exponent: number): string {
  return Array.from(exponent.toString(), (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(Number(digit))).join('');
}
