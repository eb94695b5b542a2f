/**
 * Numbers as people enter and paste them: `1e9`, `2^68+1`, `1 000 000`, `1,000,000`, `10^12 - 1`. Sums and
 * differences of decimals and powers, nothing else.
 */

/** 2^96, the end of what the cluster computes; the page alone takes longer numbers. */
export const CLUSTER_END = 1n << 96n;
const MAX_DIGITS = 2000;
const SEPARATORS = /[\s\u00a0\u202f'’_]/g;
const TERM = /^(?:(\d+)\^(\d+)|(\d+)(?:\.(\d+))?[eE]\+?(\d+)|(\d+))$/;

/** @returns the number, or what is wrong with the text and what to enter */
export function parseNumber(text: string): { readonly value: bigint } | { readonly problem: string } {
  const plain = text.replace(SEPARATORS, '').replace(/−/g, '-');
  if (plain === '') return { problem: 'Enter a whole number, like 27, 1e9 or 2^68+1.' };
  const terms = withoutThousands(plain).match(/[+-]?[^+-]+/g);
  if (terms === null || terms.join('') !== withoutThousands(plain)) return { problem: unreadable(text) };
  let sum = 0n;
  for (const term of terms) {
    const value = parseTerm(term.replace(/^[+-]/, ''));
    if (value === undefined) return { problem: unreadable(text) };
    sum += term.startsWith('-') ? -value : value;
  }
  return sum < 0n ? { problem: 'Enter a number of 0 or more.' } : { value: sum };
}

/** Commas and dots between groups of three digits; `1.5e9` keeps its point. */
function withoutThousands(text: string): string {
  if (/^\d{1,3}(,\d{3})+$/.test(text)) return text.replaceAll(',', '');
  if (/^\d{1,3}(\.\d{3})+$/.test(text)) return text.replaceAll('.', '');
  return text;
}

function parseTerm(term: string): bigint | undefined {
  const match = TERM.exec(term);
  if (match === null) return undefined;
  const [, base, exponent, whole, fraction = '', shift, digits] = match;
  if (base !== undefined && exponent !== undefined) {
    if (exponent.length > 5 || base.length * Number(exponent) > MAX_DIGITS) return undefined;
    return BigInt(base) ** BigInt(exponent);
  }
  if (whole !== undefined && shift !== undefined) {
    const zeros = Number(shift) - fraction.length;
    if (shift.length > 4 || zeros < 0 || whole.length + Number(shift) > MAX_DIGITS) return undefined;
    return BigInt(whole + fraction) * 10n ** BigInt(zeros);
  }
  return digits === undefined || digits.length > MAX_DIGITS ? undefined : BigInt(digits);
}

function unreadable(text: string): string {
  const shown = text.trim().slice(0, 40);
  return `“${shown}” is not a whole number: enter one like 27, 1e9 or 2^68+1.`;
}
