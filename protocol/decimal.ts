/**
 * Whole numbers on the wire. Anything that may pass 2^53 is a plain decimal string: no sign, no spaces, no
 * exponent, no leading zeros. On the way in, JSON numbers up to 2^53 − 1 are taken too; larger ones are
 * refused, because JSON.parse has already rounded them.
 */
import { z } from 'zod';

const PLAIN = /^(0|[1-9][0-9]*)$/;
/** Longer strings can't be in any range we take, and BigInt() of megabytes is quadratic. */
const MAX_DIGITS = 64;

/** Reads a plain decimal; undefined if it isn't one. */
export function parseDecimal(text: string): bigint | undefined {
  return text.length <= MAX_DIGITS && PLAIN.test(text) ? BigInt(text) : undefined;
}

/** Input schema: plain decimal string or safe integer within [min, max], to bigint. */
export function decimalInput(min: bigint, max: bigint) {
  const wanted = `a whole number from ${min} to ${max}, as a plain decimal string (or a JSON number up to 2^53 - 1)`;
  return z
    .union([z.string(), z.number()], { error: `expected ${wanted}` })
    .transform((value, context) => {
      const problem = (message: string) => {
        context.issues.push({ code: 'custom', message, input: value });
        return z.NEVER;
      };
      if (typeof value === 'number') {
        if (!Number.isInteger(value)) return problem(`expected ${wanted}, without a fraction`);
        if (!Number.isSafeInteger(value)) {
          return problem('a JSON number past 2^53 - 1 has already lost digits: send it as a string');
        }
      }
      const number = typeof value === 'number' ? BigInt(value) : parseDecimal(value);
      if (number === undefined) {
        return problem(`expected ${wanted}: digits only, no sign, spaces, exponent or leading zeros`);
      }
      if (number < min || number > max) return problem(`expected ${wanted}`);
      return number;
    })
    .describe(`whole number, ${min} … ${max}`);
}

/** Output and peer-to-peer schema: a plain decimal string, kept as a string. */
export const decimalString = z.string().max(MAX_DIGITS).regex(PLAIN, 'expected a plain decimal string');

/** Peer-to-peer schema: a plain decimal string, to bigint. */
export const decimalBigInt = decimalString.transform((text) => BigInt(text));
