/** Numbers of any size as the explorer writes them. */
import { grouped } from '../format/figures.ts';

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const MINUS = '\u2212';
/** Longer ones are shown by their size; the table of steps and the exports have every digit. */
const FULL_DIGITS = 21;

/** `9 232`; from 22 digits on `1.234 × 10³⁰`. */
export function shortNumber(value: bigint): string {
  const digits = value.toString();
  return digits.length <= FULL_DIGITS ? grouped(value) : scientific(digits);
}

/** For narrow columns: up to 13 digits in full. */
export function columnNumber(value: bigint): string {
  const digits = value.toString();
  return digits.length <= 13 ? grouped(value) : scientific(digits);
}

/** Cut, not rounded: these are the first digits. */
function scientific(digits: string): string {
  return `${digits.slice(0, 1)}.${digits.slice(1, 4)}… × 10${superscript(digits.length - 1)}`;
}

export function superscript(value: number): string {
  return String(value).replace(/\d/g, (digit) => SUPERSCRIPTS.charAt(Number(digit)));
}

/** `10⁶`, `2²⁰`, else grouped: bounds of ranges are mostly powers. Also one beside a power of two: `2⁶⁸ + 1`. */
export function powerText(value: bigint): string {
  for (const [offset, sign] of [
    [0n, ''],
    [-1n, ' + 1'],
    [1n, ` ${MINUS} 1`],
  ] as const) {
    const power = exactPower(value + offset);
    if (power !== undefined && (offset === 0n || value > 10n ** 9n)) return power + sign;
  }
  return shortNumber(value);
}

function exactPower(value: bigint): string | undefined {
  const digits = value.toString();
  if (digits.length > 4 && /^10+$/.test(digits)) return `10${superscript(digits.length - 1)}`;
  const hex = value.toString(16);
  if (hex.length > 3 && /^[1248]0+$/.test(hex)) {
    const bits = 4 * (hex.length - 1) + Math.log2(Number(hex.slice(0, 1)));
    return `2${superscript(bits)}`;
  }
  return undefined;
}

/**
 * `1 to 10⁶`: a half-open range in words; its end is the first number that is not in it. Far out, where both ends have
 * many digits: `101 000 000 numbers from 2⁶⁸ + 1`.
 */
export function rangeText(start: bigint, end: bigint): string {
  if (start > 10n ** 9n && end !== start + 1n && exactPower(end) === undefined) {
    return `${powerText(end - start)} numbers from ${powerText(start)}`;
  }
  return `${powerText(start)} to ${powerText(end)}`;
}

/** A share in per cent with one decimal, cut: 100 % means all. */
export function percent(fraction: number): string {
  const tenths = fraction >= 1 ? 1000 : Math.min(999, Math.floor(fraction * 1000));
  return `${(tenths / 10).toFixed(tenths === 1000 ? 0 : 1)}\u202f%`;
}

/** `part / whole` with this many decimals, rounded from the exact quotient. */
export function ratioText(part: bigint, whole: bigint, decimals: number): string {
  if (whole === 0n) return '–';
  const unit = 10n ** BigInt(decimals);
  const scaled = (2n * part * unit + whole) / (2n * whole);
  const fraction = (scaled % unit).toString().padStart(decimals, '0');
  return decimals === 0 ? grouped(scaled) : `${grouped(scaled / unit)}.${fraction}`;
}
