/** Large numbers as short as they can be said exactly: `10¹²`, `2⁶⁸ + 10¹²`, else all digits. */
import { grouped } from '../format/figures.ts';

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
/** Below, the digits themselves are short enough. */
const LEAST_TEN = 1_000_000n;
const LEAST_TWO = 1n << 30n;
/** A rest of a power of two that is still short. */
const SMALL_REST = 1_000_000n;

export function numberName(n: bigint): string {
  const simple = powerOfTen(n) ?? powerOfTwo(n);
  if (simple !== undefined) return simple;
  if (n < LEAST_TWO) return grouped(n);
  const exponent = n.toString(2).length - 1;
  for (const k of [exponent, exponent + 1]) {
    const rest = n - (1n << BigInt(k));
    const size = rest < 0n ? -rest : rest;
    const named = powerOfTen(size) ?? powerOfTwo(size) ?? (size < SMALL_REST ? grouped(size) : undefined);
    if (named !== undefined) return `2${raised(k)} ${rest < 0n ? '−' : '+'} ${named}`;
  }
  return grouped(n);
}

/** One digit and zeros: 10⁶, 2 × 10⁹. */
function powerOfTen(n: bigint): string | undefined {
  if (n < LEAST_TEN) return undefined;
  const text = n.toString();
  if (!/^\d0+$/.test(text)) return undefined;
  const power = `10${raised(text.length - 1)}`;
  return text.startsWith('1') ? power : `${text.charAt(0)} × ${power}`;
}

function powerOfTwo(n: bigint): string | undefined {
  if (n < LEAST_TWO || (n & (n - 1n)) !== 0n) return undefined;
  return `2${raised(n.toString(2).length - 1)}`;
}

function raised(exponent: number): string {
  return Array.from(exponent.toString(), (digit) => SUPERSCRIPTS.charAt(Number(digit))).join('');
}
