/** The hash of a kernel. Addresses that are no secure context have no WebCrypto: there a library computes it. */
import { toHex } from './hex.ts';

/** Lower-case hex. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if ('subtle' in crypto) return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
  const { sha256 } = await import('@noble/hashes/sha2.js');
  return toHex(sha256(bytes));
}
