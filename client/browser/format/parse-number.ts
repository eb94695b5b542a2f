/**
 * Numbers as people enter and paste them: `1e9`, `2^68+1`, `1 000 000`, `1,000,000`, `10^12 - 1`. Sums and
 * differences of decimals and powers, nothing else.
 */

/** 2^96, the end of what the cluster computes; the page alone takes longer numbers. */
export const CLUSTER_END = 1n << 96n;
const MAX_DIGITS = 2000;
const SEPARATORS = /[\s\u00a0\u202f\u2009'’_]/g;
const TERM = /^(?:(\d+)\^(\d+)|(\d+)(?:\.(\d+))?e(\d+)|(\d+))$/;
/** Longer texts can't be numbers that are taken, and are not worth the time to look at. */
const MAX_TEXT = 10_000;
const TOO_LONG = `Enter a number of at most ${MAX_DIGITS} digits.`;

/** @returns the number, or what is wrong with the text and what to enter */
export function parseNumber(text: string): { readonly value: bigint } | { readonly problem: string } {
  if (text.length > MAX_TEXT) return { problem: TOO_LONG };
  const plain = text.replace(SEPARATORS, '').replace(/−/g, '-').replace(/e\+/gi, 'e').replaceAll('E', 'e');
  if (plain === '') return { problem: 'Enter a whole number, like 27, 1e9 or 2^68+1.' };
  const terms = plain.match(/[+-]?[^+-]+/g);
  if (terms === null || terms.join('') !== plain) return { problem: unreadable(text) };
  let sum = 0n;
  for (const term of terms) {
    const value = parseTerm(withoutThousands(term.replace(/^[+-]/, '')));
    if (value === 'too long') return { problem: TOO_LONG };
    if (value === undefined) return { problem: unreadable(text) };
    sum += term.startsWith('-') ? -value : value;
  }
  if (sum < 0n) return { problem: 'Enter a number of 0 or more.' };
  return sum >= 10n ** BigInt(MAX_DIGITS) ? { problem: TOO_LONG } : { value: sum };
}

/** Commas and dots between groups of three digits; `1.5e9` keeps its point. */
function withoutThousands(text: string): string {
  if (/^\d{1,3}(,\d{3})+$/.test(text)) return text.replaceAll(',', '');
  if (/^\d{1,3}(\.\d{3})+$/.test(text)) return text.replaceAll('.', '');
  return text;
}

function parseTerm(term: string): bigint | 'too long' | undefined {
  const match = TERM.exec(term);
  if (match === null) return undefined;
  const [, base, exponent, whole, fraction = '', shift, digits] = match;
  if (base !== undefined && exponent !== undefined) return power(base, exponent);
  if (whole !== undefined && shift !== undefined) {
    if (shift.length > 4 || whole.length + Number(shift) > MAX_DIGITS) return 'too long';
    const zeros = Number(shift) - fraction.length;
    return zeros < 0 ? undefined : BigInt(whole + fraction) * 10n ** BigInt(zeros);
  }
  if (digits === undefined) return undefined;
  return digits.length > MAX_DIGITS ? 'too long' : BigInt(digits);
}

function power(base: string, exponent: string): bigint | 'too long' {
  if (base.length > MAX_DIGITS) return 'too long';
  const value = BigInt(base);
  if (value <= 1n) return BigInt(exponent) === 0n ? 1n : value;
  // The size of the power, before it is computed: a hundred thousand digits would hold up the page.
  const size = (base.length - 1 + Math.log10(Number(`0.${base}`) * 10)) * Number(exponent);
  return exponent.length > 5 || size > MAX_DIGITS + 1 ? 'too long' : value ** BigInt(exponent);
}

function unreadable(text: string): string {
  const shown = text.trim().slice(0, 40);
  return `“${shown}” is not a whole number: enter one like 27, 1e9 or 2^68+1.`;
}
