/**
 * The truth table of access: every route and every message of workers, against everybody who may come. It is made
 * by the rule itself; docs/access.md prints it, and a test asks a running coordinator for each of its cells.
 */
import { DEFAULT_POLICY, refusal } from './access.ts';
import type { AccessPolicy, Caller, Need, Role } from './access.ts';
import type { ErrorCode } from './errors.ts';
import { NOTICES, REQUESTS } from './messages.ts';
import { ROUTES } from './routes.ts';

/** What may be asked for: an HTTP route, or a message on a worker's socket (`hello` is its handshake). */
export interface Door {
  readonly kind: 'http' | 'metrics' | 'socket';
  /** `post /api/submit`, `hello` */
  readonly name: string;
  readonly need: Need;
}

export const DOORS: readonly Door[] = [
  ...ROUTES.map(({ method, path, need }) => ({ kind: 'http', name: `${method} ${path}`, need }) as const),
  { kind: 'metrics', name: 'get /metrics', need: 'read' },
  // Who joined may send these: a key that ends ends the connection.
  ...['hello', ...Object.keys(REQUESTS)].map(
    (name) => ({ kind: 'socket', name, need: 'volunteer' }) as const,
  ),
];

/** Coordinator to worker: sent to whoever joined, with nothing in them that a worker does not need. */
export const NOTICE_NAMES: readonly string[] = Object.keys(NOTICES);

export const CLOSED: AccessPolicy = { read: 'key', volunteer: 'key', submit: 'key' };
export const OPEN: AccessPolicy = { read: 'open', volunteer: 'open', submit: 'open' };
export const LOCAL: AccessPolicy = { ...DEFAULT_POLICY, submit: 'local' };

export interface Case {
  readonly name: string;
  readonly policy: AccessPolicy;
  readonly shows: 'nothing' | 'a good key' | 'an expired key' | 'a revoked key';
  readonly caller: Caller;
  /** Whose job is steered; the keys are ada's. */
  readonly owner: 'ada' | 'bob';
  /** The coordinator listens on loopback alone. */
  readonly loopbackOnly: boolean;
}

const withKey = (role: Role): Caller => ({ kind: 'key', keyId: '000000000000', user: 'ada', role });
const stranger: Caller = { kind: 'anonymous', local: true };

function beyond(name: string, caller: Caller, more: Partial<Case> = {}): Case {
  const shows = caller.kind === 'key' ? 'a good key' : 'nothing';
  return { name, policy: DEFAULT_POLICY, shows, caller, owner: 'bob', loopbackOnly: false, ...more };
}

export const CASES: readonly Case[] = [
  beyond('loopback, no key', { kind: 'loopback' }, { loopbackOnly: true }),
  beyond('admin', withKey('admin')),
  beyond('submitter, own job', withKey('submitter'), { owner: 'ada' }),
  beyond('submitter, another’s job', withKey('submitter')),
  beyond('worker', withKey('worker')),
  beyond('viewer', withKey('viewer')),
  beyond('no key', stranger),
  beyond('expired key', stranger, { shows: 'an expired key' }),
  beyond('revoked key', stranger, { shows: 'a revoked key' }),
  beyond('submit local: no key', stranger, { policy: LOCAL }),
  beyond('all open: no key', stranger, { policy: OPEN }),
  beyond('all by key: no key', stranger, { policy: CLOSED }),
  beyond('all by key: worker', withKey('worker'), { policy: CLOSED }),
  beyond('all by key: viewer', withKey('viewer'), { policy: CLOSED }),
  beyond('all by key: submitter, own job', withKey('submitter'), { policy: CLOSED, owner: 'ada' }),
];

/** Null: allowed. */
export function verdict(door: Door, { shows, caller, policy, owner }: Case): ErrorCode | null {
  const isBad = shows === 'an expired key' || shows === 'a revoked key';
  if (isBad && door.need !== 'nothing') return 'key_refused';
  return refusal(caller, door.need, policy, owner);
}
