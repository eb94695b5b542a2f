/**
 * Many values as one parameter, in PostgreSQL's binary form of text[]: nothing is escaped and nothing parsed. In the
 * text form that `pg` makes of an array every quote of a JSON text is escaped, and read again: 128 aggregates of 1.4 KB
 * took 11.6 ms to insert and 6.3 ms of this process, instead of 2.6 and 2.2 (medians, on a busy machine).
 */
const TEXT_OID = 25;
const HEADER_BYTES = 20;

export function textArray(values: readonly (string | null)[]): Buffer {
  const lengths = values.map((value) => (value === null ? -1 : Buffer.byteLength(value)));
  const total = lengths.reduce((sum, length) => sum + 4 + Math.max(length, 0), HEADER_BYTES);
  const buffer = Buffer.allocUnsafe(total);
  // One dimension (none, where there is no value), whether there are nulls, the type, how many, numbered from 1.
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(lengths.includes(-1) ? 1 : 0, 4);
  buffer.writeInt32BE(TEXT_OID, 8);
  if (values.length === 0) return buffer.subarray(0, 12);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  values.forEach((value, i) => {
    at = buffer.writeInt32BE(lengths[i] ?? -1, at);
    if (value !== null) at += buffer.write(value, at);
  });
  return buffer;
}

/** PostgreSQL's text has no U+0000; strangers' words may. */
export function storable(words: string): string {
  return words.includes('\0') ? words.replaceAll('\0', '\uFFFD') : words;
}

export function storableOrNull(words: string | null): string | null {
  return words === null ? null : storable(words);
}
