/**
 * API keys: `tc_<id>_<secret>`. The id finds the key, the secret proves it; only its SHA-256 is kept, which is enough
 * for 256 random bits (a slow hash is for what people make up). All keys are in memory: a check costs one hash.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CreateKeyBody, KeyStatus, Role } from '../../protocol/access.ts';
import { apiKey } from '../../protocol/access.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { AccessRecords, Actor } from '../cluster.ts';
import type { StoredKey } from '../store/store.ts';

export const MAX_KEYS = 10_000;
const DAY_MS = 86_400_000;
/** How exactly the last use is kept. */
const USE_MS = 60_000;

/** What the ring knows of a key that somebody has. */
export type Standing =
  | { readonly kind: 'malformed' }
  /** In the form of a key, and never issued here. */
  | { readonly kind: 'unknown' }
  /** Its id is another key's. */
  | { readonly kind: 'mistaken' }
  | { readonly kind: 'known'; readonly status: KeyStatus };

/** Where the keys are kept. */
export type KeyRecords = Pick<AccessRecords, 'loadKeys' | 'write' | 'note'>;

export interface IssuedKey {
  readonly status: KeyStatus;
  /** Shown once. */
  readonly key: string;
}

export class KeyRing {
  readonly #records: KeyRecords;
  readonly #now: () => number;
  readonly #keys = new Map<string, StoredKey>();
  readonly #ended = new Set<(keyId: string) => void>();
  /** Told to those who hold a connection by it. */
  readonly #expired = new Set<string>();

  /** @param now milliseconds since 1970 */
  constructor(keys: readonly StoredKey[], records: KeyRecords, now: () => number = () => Date.now()) {
    this.#records = records;
    this.#now = now;
    for (const key of keys) {
      this.#keys.set(key.id, key);
      if (key.expiresAt !== null && key.expiresAt <= now()) this.#expired.add(key.id);
    }
  }

  /**
   * Whose key this is. Notes its use.
   * @param unknown called for what was never a key: somebody guesses
   * @throws ClusterError key_refused: malformed, unknown, expired or revoked
   */
  check(text: string, unknown: () => void = () => undefined): StoredKey {
    const key = this.#find(text);
    if (key === undefined) {
      unknown();
      throw new ClusterError('key_refused', 'this key is not known here: check it, or ask for a new one');
    }
    const state = this.#state(key);
    if (state !== 'valid') {
      throw new ClusterError('key_refused', `this key is ${state}: ask for a new one`);
    }
    this.#used(key);
    return key;
  }

  isValid(keyId: string): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && this.#state(key) === 'valid';
  }

  /** Whether there is a key of this role that is good for something. */
  hasValid(role: Role): boolean {
    return [...this.#keys.values()].some((key) => key.role === role && this.#state(key) === 'valid');
  }

  /** In the order in which they were made. */
  list(): readonly KeyStatus[] {
    return [...this.#keys.values()].map((key) => this.#status(key));
  }

  /** What this key is here; it is not used by that. */
  standing(text: string): Standing {
    const { id, secret } = partsOf(text);
    if (id === '') return { kind: 'malformed' };
    const key = this.#keys.get(id);
    if (key === undefined) return { kind: 'unknown' };
    return timingSafeEqual(hashOf(secret), key.hash)
      ? { kind: 'known', status: this.#status(key) }
      : { kind: 'mistaken' };
  }

  /** @throws ClusterError limit_reached, store_unavailable, not_ready */
  async create(body: CreateKeyBody, by: Actor): Promise<IssuedKey> {
    const key = newKey();
    return { status: await this.takeIn(key, body, by), key };
  }

  /**
   * Makes a key good that was made elsewhere.
   * @param text a key of which nothing is known here
   * @throws ClusterError key_refused (it is no such key), limit_reached, store_unavailable, not_ready
   */
  async takeIn(text: string, { user, role, days }: CreateKeyBody, by: Actor): Promise<KeyStatus> {
    if (this.#keys.size >= MAX_KEYS) {
      throw new ClusterError('limit_reached', `there are ${MAX_KEYS} keys already, revoked ones counted`);
    }
    const standing = this.standing(text);
    if (standing.kind !== 'unknown') {
      throw new ClusterError('key_refused', `a key can be taken in once: this one is ${standing.kind}`);
    }
    const { id, secret } = partsOf(text);
    const at = this.#now();
    const key: StoredKey = {
      id,
      user,
      role,
      hash: hashOf(secret),
      createdAt: at,
      expiresAt: days === undefined ? null : at + days * DAY_MS,
      revokedAt: null,
      lastUsedAt: null,
    };
    await this.#records.write([
      { kind: 'key_added', key },
      { kind: 'audited', entry: { at, ...by, action: 'key.create', target: id, outcome: 'done' } },
    ]);
    this.#keys.set(id, key);
    return this.#status(key);
  }

  /**
   * Idempotent; ends every connection that was made with it.
   * @throws ClusterError not_found, store_unavailable, not_ready
   */
  async revoke(keyId: string, by: Actor): Promise<KeyStatus> {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new ClusterError('not_found', `no key ${keyId}: GET /api/keys lists them`);
    if (key.revokedAt !== null) return this.#status(key);
    const at = this.#now();
    await this.#records.write([
      { kind: 'key_revoked', keyId, at },
      { kind: 'audited', entry: { at, ...by, action: 'key.revoke', target: keyId, outcome: 'done' } },
    ]);
    const revoked = { ...(this.#keys.get(keyId) ?? key), revokedAt: at };
    this.#keys.set(keyId, revoked);
    this.#end(keyId);
    return this.#status(revoked);
  }

  /**
   * Reads what is stored anew: another coordinator on the same store may have added keys, or revoked some. Those end every
   * connection that was made with them.
   * @throws ClusterError store_unavailable
   */
  async reload(): Promise<void> {
    for (const stored of await this.#records.loadKeys()) {
      const known = this.#keys.get(stored.id);
      // What this ring did meanwhile, and uses that are not durable yet, are not in what was read.
      const revokedAt = known?.revokedAt ?? stored.revokedAt;
      const lastUsedAt = Math.max(known?.lastUsedAt ?? 0, stored.lastUsedAt ?? 0);
      this.#keys.set(stored.id, { ...stored, revokedAt, lastUsedAt: lastUsedAt === 0 ? null : lastUsedAt });
      if (known !== undefined && known.revokedAt === null && revokedAt !== null) this.#end(stored.id);
    }
  }

  /** @param listener called when a key is good for nothing any more. @returns the way to stop that */
  onEnded(listener: (keyId: string) => void): () => void {
    this.#ended.add(listener);
    return () => this.#ended.delete(listener);
  }

  /** Call now and then: tells of the keys that have expired since. */
  sweep(): void {
    const now = this.#now();
    for (const key of this.#keys.values()) {
      if (key.expiresAt === null || key.expiresAt > now || this.#expired.has(key.id)) continue;
      this.#expired.add(key.id);
      this.#end(key.id);
    }
  }

  #find(text: string): StoredKey | undefined {
    const { id, secret } = partsOf(text);
    const key = this.#keys.get(id);
    // Hashed and compared for an id that nobody has, too: time tells nothing about which ids there are.
    const matches = timingSafeEqual(hashOf(secret), key?.hash ?? NOBODY);
    return matches ? key : undefined;
  }

  #state(key: StoredKey): KeyStatus['state'] {
    if (key.revokedAt !== null) return 'revoked';
    return key.expiresAt !== null && key.expiresAt <= this.#now() ? 'expired' : 'valid';
  }

  #used(key: StoredKey): void {
    const at = this.#now() - (this.#now() % USE_MS);
    if (key.lastUsedAt !== null && key.lastUsedAt >= at) return;
    this.#keys.set(key.id, { ...key, lastUsedAt: at });
    this.#records.note({ kind: 'key_used', keyId: key.id, at });
  }

  #end(keyId: string): void {
    for (const listener of this.#ended) listener(keyId);
  }

  #status(key: StoredKey): KeyStatus {
    const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    return {
      key_id: key.id,
      user: key.user,
      role: key.role,
      state: this.#state(key),
      created_at: new Date(key.createdAt).toISOString(),
      expires_at: time(key.expiresAt),
      revoked_at: time(key.revokedAt),
      last_used_at: time(key.lastUsedAt),
    };
  }
}

const NOBODY = new Uint8Array(32);

/** A key that nobody has yet, and that is good for nothing until it is taken in. */
export function newKey(): string {
  return `tc_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;
}

/** Both empty for what has not the form of a key. */
function partsOf(text: string): { readonly id: string; readonly secret: string } {
  const [, id = '', secret = ''] = /^tc_([^_]+)_(.+)$/.exec(apiKey.safeParse(text).data ?? '') ?? [];
  return { id, secret };
}

function hashOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}
