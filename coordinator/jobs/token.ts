/**
 * Lease tokens: what a lease allows, in plain text, signed by HMAC-SHA256 with the cluster's key. A
 * coordinator that restarted knows nothing of a lease but its token, and that is enough to take its result.
 *
 *     v1.<lease>|<job>|<segment start>|<start>|<end>|<node>|<attempt>|<epoch>|<expiry>.<signature>
 *
 * None of the fields can hold a `|` (see the schemas), so the text has one reading.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ClusterError } from '../../protocol/errors.ts';
import { parseDecimal } from '../../protocol/decimal.ts';
import type { Range } from '../../protocol/range.ts';

export interface LeaseClaims {
  readonly leaseId: string;
  readonly jobId: string;
  /** Start of the segment that the range lies in. */
  readonly segment: bigint;
  readonly range: Range;
  readonly nodeId: string;
  /** 1 for the first lease of a range, 2 when it was leased again while another was out. */
  readonly attempt: number;
  /** Fence of the coordinator that granted it. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const VERSION = 'v1';
const SIGNATURE_BYTES = 32;

export class TokenSigner {
  /** A prepared key: from raw bytes, Node makes one anew for each signature, 32 µs instead of 7. */
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  sign(claims: LeaseClaims): string {
    const { leaseId, jobId, segment, range, nodeId, attempt, epoch, expiresAt } = claims;
    const body = `${VERSION}.${leaseId}|${jobId}|${segment}|${range.start}|${range.end}|${nodeId}|${attempt}|${epoch}|${expiresAt}`;
    return `${body}.${this.#signature(body).toString('base64url')}`;
  }

  /** @throws ClusterError lease_forged */
  verify(token: string): LeaseClaims {
    const dot = token.lastIndexOf('.');
    const body = token.slice(0, Math.max(dot, 0));
    const given = Buffer.from(token.slice(dot + 1), 'base64url');
    // The text as well as the bytes: base64 has several spellings of the same bytes.
    if (given.length !== SIGNATURE_BYTES || given.toString('base64url') !== token.slice(dot + 1))
      throw forged();
    if (!timingSafeEqual(given, this.#signature(body))) throw forged();
    const claims = parse(body);
    // Only after a change of the format that forgot to raise VERSION.
    if (claims === undefined) throw forged();
    return claims;
  }

  #signature(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}

/** As the text claims: nothing is checked. */
export function leaseIdOf(token: string): string | undefined {
  const end = token.indexOf('|');
  return end < 0 ? undefined : token.slice(VERSION.length + 1, end);
}

function parse(body: string): LeaseClaims | undefined {
  if (!body.startsWith(`${VERSION}.`)) return undefined;
  const [leaseId, jobId, segment, start, end, nodeId, attempt, epoch, expiresAt, ...rest] = body
    .slice(VERSION.length + 1)
    .split('|');
  if (leaseId === undefined || jobId === undefined || nodeId === undefined || rest.length > 0)
    return undefined;
  const numbers = [segment, start, end, attempt, epoch, expiresAt].map((text) => parseDecimal(text ?? ''));
  const [segmentStart, from, to, tries, fence, expiry] = numbers;
  if (segmentStart === undefined || from === undefined || to === undefined) return undefined;
  if (tries === undefined || fence === undefined || expiry === undefined) return undefined;
  return {
    leaseId,
    jobId,
    segment: segmentStart,
    range: { start: from, end: to },
    nodeId,
    attempt: Number(tries),
    epoch: Number(fence),
    expiresAt: Number(expiry),
  };
}

function forged(): ClusterError {
  return new ClusterError(
    'lease_forged',
    'the lease token was not signed by this cluster, or was altered: throw the result away and ask for a new lease',
  );
}
