/** The doors of the coordinator: who a request comes from, whether it may, how often, and what is written of it. */
import type { AccessPolicy, AuditAction, Caller, CallerStatus, Need } from '../../protocol/access.ts';
import { refusal, roleOf, userOf } from '../../protocol/access.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { AccessRecords, Actor } from '../cluster.ts';
import { isAllowedOrigin, isOfAnotherOrigin } from '../origin.ts';
import { AuditLog } from './audit-log.ts';
import {
  AddressList,
  clientAddress,
  isForwarded,
  isLoopback,
  isLoopbackHost,
  limitKey,
  plainAddress,
} from './client-address.ts';
import type { Request } from './client-address.ts';
import { KeyRing } from './key-ring.ts';
import { BURST_SECONDS, COUNTED, DEFAULT_RATES } from './limits.ts';
import type { Counted, Rates } from './limits.ts';
import { RateLimiter } from './rate-limiter.ts';

/** Nobody guesses 256 bits; but nobody has to be let try without end either. */
const WRONG_KEYS = { perSecond: 0.2, burst: 20 };
const SWEEP_MS = 1000;

export interface AccessConfig {
  /** Every listener is on a loopback address: who comes straight from this machine needs no key. */
  readonly loopbackOnly: boolean;
  readonly policy: AccessPolicy;
  readonly rates: Rates;
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** Addresses and networks that count as this machine's own, for submitting alone. */
  readonly localPeers: readonly string[];
}

/** Whoever sent a request or holds a connection. */
export interface Visitor {
  readonly caller: Caller;
  readonly address: string;
}

export class Access {
  readonly keys: KeyRing;
  readonly audit: AuditLog;
  readonly policy: AccessPolicy;
  readonly #config: AccessConfig;
  readonly #proxies: AddressList;
  readonly #localPeers: AddressList;
  readonly #limits: ReadonlyMap<Counted | 'wrong_keys', RateLimiter>;
  readonly #sweep: NodeJS.Timeout;

  /** @throws RangeError for a proxy's address that is none; ClusterError if the keys can't be read */
  static async open(records: AccessRecords, config: AccessConfig): Promise<Access> {
    return new Access(new KeyRing(await records.loadKeys(), records), new AuditLog(records), config);
  }

  private constructor(keys: KeyRing, audit: AuditLog, config: AccessConfig) {
    this.keys = keys;
    this.audit = audit;
    this.policy = config.policy;
    this.#config = config;
    this.#proxies = new AddressList(config.trustedProxies);
    this.#localPeers = new AddressList(config.localPeers);
    this.#limits = new Map<Counted | 'wrong_keys', RateLimiter>([
      ['wrong_keys', new RateLimiter(WRONG_KEYS)],
      ...limiters(config.rates),
    ]);
    this.#sweep = setInterval(() => {
      keys.sweep();
      audit.sweep();
    }, SWEEP_MS).unref();
  }

  /** Before the store closes: what the audit log has still to tell is written. */
  close(): void {
    clearInterval(this.#sweep);
    this.audit.tellLeftOut();
  }

  address(request: Request): string {
    return clientAddress(request, this.#proxies);
  }

  /** Whether an address may hold as many connections as it likes: a trusted proxy's, or this machine's own. */
  isSpared(peer: string): boolean {
    return this.#proxies.has(plainAddress(peer)) || (this.#config.loopbackOnly && isLoopback(peer));
  }

  /**
   * Who sends this request.
   * @param key as it was shown; undefined: none
   * @throws ClusterError key_refused, limit_reached (too many wrong keys)
   */
  identify(request: Request, key: string | undefined): Visitor {
    const address = this.address(request);
    if (key === undefined) {
      const straight = isStraight(request, this.#config.allowedOrigins);
      const peer = plainAddress(request.socket.remoteAddress ?? '');
      if (this.#config.loopbackOnly) {
        const mine = straight && isLoopback(peer);
        return { address, caller: mine ? { kind: 'loopback' } : { kind: 'anonymous', local: false } };
      }
      // A peer is as local as loopback is, and that never makes an admin beyond loopback.
      const local = straight && (isLoopback(peer) || this.#localPeers.has(peer));
      return { address, caller: { kind: 'anonymous', local } };
    }
    const { id, user, role } = this.keys.check(key, () => this.#count('wrong_keys', limitKey(address)));
    return { address, caller: { kind: 'key', keyId: id, user, role } };
  }

  /**
   * Asked again after something was waited for, such as a body: a key may have been revoked meanwhile.
   * @throws ClusterError key_refused
   */
  stillGood({ caller }: Visitor): void {
    if (caller.kind !== 'key' || this.keys.isValid(caller.keyId)) return;
    throw new ClusterError('key_refused', 'this key has ended meanwhile: ask for a new one');
  }

  /** @throws ClusterError key_needed, forbidden */
  require({ caller }: Visitor, need: Need, owner: string | null = null): void {
    const refused = refusal(caller, need, this.policy, owner);
    if (refused === null) return;
    throw new ClusterError(refused, explain(refused, need, caller));
  }

  allows({ caller }: Visitor, need: Need, owner: string | null = null): boolean {
    return refusal(caller, need, this.policy, owner) === null;
  }

  /** @throws ClusterError limit_reached, with the time to wait */
  limit({ caller, address }: Visitor, counted: Counted): void {
    if (caller.kind === 'loopback' && this.#config.rates[counted] === undefined) return;
    this.#count(counted, caller.kind === 'key' ? `key ${caller.keyId}` : limitKey(address));
  }

  #count(counted: Counted | 'wrong_keys', who: string): void {
    const wait_ms = this.#limits.get(counted)?.take(who) ?? 0;
    if (wait_ms === 0) return;
    const seconds = Math.max(1, Math.ceil(wait_ms / 1000));
    throw new ClusterError('limit_reached', `too many ${NAMES[counted]}: wait ${seconds} s`, {
      retryAfterSeconds: seconds,
    });
  }
}

/** Through no proxy, addressed to this machine by a loopback name, not by another site's page. */
function isStraight(request: Request, allowedOrigins: readonly string[]): boolean {
  const { headers } = request;
  return (
    !isForwarded(request) &&
    isLoopbackHost(headers.host) &&
    isAllowedOrigin(headers, allowedOrigins) &&
    !isOfAnotherOrigin(headers)
  );
}

/** What is written of a visitor. */
export function actorOf({ caller, address }: Visitor): Actor {
  return {
    user: userOf(caller),
    role: roleOf(caller),
    keyId: caller.kind === 'key' ? caller.keyId : null,
    address,
  };
}

/** What GET /api/caller answers. */
export function callerStatus(access: Access, visitor: Visitor): CallerStatus {
  const { caller } = visitor;
  const may = (need: Need) => access.allows(visitor, need);
  const ofOwn = userOf(caller) !== null && access.allows(visitor, 'steer', userOf(caller));
  return {
    kind: caller.kind,
    user: userOf(caller),
    role: roleOf(caller),
    key_id: caller.kind === 'key' ? caller.keyId : null,
    may: {
      read: may('read'),
      volunteer: may('volunteer'),
      submit: may('submit'),
      steer: may('steer') ? 'all' : ofOwn ? 'own' : 'none',
      administer: may('administer'),
    },
  };
}

/** The key of `Authorization: Bearer KEY`. @throws ClusterError key_refused for another scheme */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [, key] = /^Bearer +([^\s]{1,200})$/i.exec(authorization) ?? [];
  if (key !== undefined) return key;
  throw new ClusterError('key_refused', 'send a key as Authorization: Bearer tc_…');
}

/** What an action that was refused is called in the audit log, where the route names none. */
export const REFUSED: AuditAction = 'access.refused';

const NAMES: Readonly<Record<Counted | 'wrong_keys', string>> = {
  requests: 'requests',
  submits: 'jobs submitted',
  connects: 'connections',
  messages: 'messages',
  wrong_keys: 'wrong keys from this address',
};

function limiters(rates: Rates): [Counted, RateLimiter][] {
  const made: [Counted, RateLimiter][] = [];
  for (const counted of COUNTED) {
    const perSecond = rates[counted] ?? DEFAULT_RATES[counted];
    if (perSecond > 0) made.push([counted, new RateLimiter({ perSecond, burst: perSecond * BURST_SECONDS })]);
  }
  return made;
}

const DOING: Readonly<Record<Need, string>> = {
  nothing: 'this',
  identity: 'this',
  read: 'reading',
  volunteer: 'computing for this cluster',
  submit: 'submitting a job',
  steer: 'steering this job',
  administer: 'keys and the audit log',
};

function explain(refused: 'key_needed' | 'forbidden', need: Need, caller: Caller): string {
  if (refused === 'key_needed') {
    return `${DOING[need]} needs a key here: send Authorization: Bearer KEY (an admin makes one with \`threads token create\`)`;
  }
  const acts = roleOf(caller) ?? 'no';
  if (need === 'steer' && acts === 'submitter') {
    return 'this job is another user’s: only who submitted it, or an admin, may steer it';
  }
  return `the role ${acts} is not enough for ${DOING[need]}: ask an admin for a key of another role`;
}
