/**
 * Job ids sort by the time of submission and can't be guessed: 9 characters of milliseconds in base 36 (until
 * the year 5188), then 80 random bits in base 32.
 */
const TIME_CHARACTERS = 9;
const RANDOM_BYTES = 10;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export function newJobId(nowMs: number, randomBytes: (length: number) => Uint8Array): string {
  const time = Math.floor(nowMs).toString(36).padStart(TIME_CHARACTERS, '0');
  let bits = 0n;
  for (const byte of randomBytes(RANDOM_BYTES)) bits = (bits << 8n) | BigInt(byte);
  let suffix = '';
  for (let i = 0; i < (RANDOM_BYTES * 8) / 5; i++) {
    suffix += ALPHABET.charAt(Number(bits & 31n));
    bits >>= 5n;
  }
  return time + suffix;
}
