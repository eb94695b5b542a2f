/**
 * Whole numbers as people type them: 1e9, 2^68+1, 10^8, 3*2^70-1, 1_000_000, 1,000,000. They are sent on as
 * plain decimals. Exact, whatever their size; no floating point is involved.
 *
 *     sum     = product (("+" | "-") product)*
 *     product = power ("*" power)*
 *     power   = literal (("^" | "**") power)?
 *     literal = digits ("." digits)? ("e" "+"? digits)?      with separators; the value must be whole
 */

/** `message` says what is wrong and what to enter. */
export class NumberProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NumberProblem';
  }
}

const MAX_TEXT = 200;
/** Beyond any range a workload takes (2^96), and small enough that no expression costs time. */
const MAX_BITS = 512;

/** @throws NumberProblem */
export function parseNumber(text: string): bigint {
  if (text.length > MAX_TEXT) throw new NumberProblem(`a number of more than ${MAX_TEXT} characters`);
  const reader = new Reader(tokens(text), text);
  const value = reader.sum();
  reader.expectEnd();
  if (value < 0n) throw new NumberProblem(`${text.trim()} is negative`);
  return value;
}

type Token =
  { readonly kind: 'number'; readonly value: bigint } | { readonly kind: 'sign'; readonly text: string };

/** Digits with `_` anywhere between them, or in groups of three with one kind of separator. */
const DIGITS = /(?:\d{1,3}(?:([,'\u0020\u00a0\u2009\u202f])\d{3}(?!\d))(?:\1\d{3}(?!\d))*|\d+(?:_\d+)*)/y;
const FRACTION = /\.(\d+)/y;
const EXPONENT = /e\+?(\d+)/iy;
const SIGN = /\*\*|[+\-*^]/y;

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(/\s*/y);
    if (at >= text.length) return found;
    const sign = take(SIGN);
    if (sign !== null) {
      found.push({ kind: 'sign', text: sign[0] === '**' ? '^' : sign[0] });
      continue;
    }
    const digits = take(DIGITS);
    if (digits === null) throw unreadable(text, at);
    const fraction = take(FRACTION)?.[1] ?? '';
    const exponent = take(EXPONENT)?.[1] ?? '';
    // What follows directly is neither an operator nor the end: 12abc, 1.000.000, 1e-3.
    if (
      /[\w.,'\u00a0\u2009\u202f]/.test(text[at] ?? ' ') ||
      (exponent === '' && /e/i.test(text[at] ?? ' '))
    ) {
      throw unreadable(text, at);
    }
    found.push({ kind: 'number', value: literal(digits[0].replaceAll(/\D/g, ''), fraction, exponent, text) });
  }
}

function literal(digits: string, fraction: string, exponentText: string, text: string): bigint {
  const exponent = exponentText === '' ? 0 : Number(exponentText);
  const places = fraction.replace(/0+$/, '');
  if (places.length > exponent) throw new NumberProblem(`${text.trim()} is not a whole number`);
  if (exponent > MAX_BITS) throw tooLarge(text);
  return BigInt(digits + places) * 10n ** BigInt(exponent - places.length);
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #at = 0;

  constructor(list: readonly Token[], text: string) {
    this.#tokens = list;
    this.#text = text;
  }

  sum(): bigint {
    let value = this.#product();
    for (;;) {
      if (this.#takeSign('+')) value += this.#product();
      else if (this.#takeSign('-')) value -= this.#product();
      else return value;
    }
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw unreadable(this.#text);
  }

  #product(): bigint {
    let value = this.#power();
    while (this.#takeSign('*')) value = this.#bounded(value * this.#power());
    return value;
  }

  #power(): bigint {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'number') throw unreadable(this.#text);
    this.#at += 1;
    if (!this.#takeSign('^')) return token.value;
    const exponent = this.#power();
    if (token.value > 1n && exponent * BigInt(bits(token.value) - 1) > BigInt(MAX_BITS))
      throw tooLarge(this.#text);
    // 0^n and 1^n are small for every n, but BigInt refuses huge exponents.
    return token.value > 1n ? this.#bounded(token.value ** exponent) : exponent === 0n ? 1n : token.value;
  }

  #bounded(value: bigint): bigint {
    if (bits(value) > MAX_BITS) throw tooLarge(this.#text);
    return value;
  }

  #takeSign(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== text) return false;
    this.#at += 1;
    return true;
  }
}

const bits = (value: bigint) => value.toString(2).length;

function tooLarge(text: string): NumberProblem {
  return new NumberProblem(`${text.trim()} is larger than anything that can be computed here`);
}

function unreadable(text: string, at?: number): NumberProblem {
  const where = at === undefined || at >= text.length ? '' : ` at “${text.slice(at, at + 10)}”`;
  return new NumberProblem(
    `“${text.trim()}” is not a whole number${where}: enter one like 1000000, 1_000_000, 1e9, 10^8 or 2^68+1`,
  );
}
