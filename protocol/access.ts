/**
 * Who may do what: roles, what each route and socket event needs, and the one rule that decides. It is pure,
 * so that HTTP, sockets, event streams and pages ask the same function, and docs/access.md is its truth table.
 */
import { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import { KEY_FORM } from './key-form.ts';

export const ROLES = ['admin', 'submitter', 'worker', 'viewer'] as const;
export const role = z.enum(ROLES);
export type Role = z.infer<typeof role>;

/**
 * nothing     always open, and a key is not even looked at: health, pages, kernels, the API's description
 * identity    open, but a key that is shown must be good: asks what the caller is taken for
 * read        status, results, lists, live events, metrics
 * volunteer   connect as a worker, take leases, send results
 * submit      make a job
 * steer       cancel, pause, resume a job
 * administer  keys and the audit log
 */
export const NEEDS = ['nothing', 'identity', 'read', 'volunteer', 'submit', 'steer', 'administer'] as const;
export type Need = (typeof NEEDS)[number];

/**
 * `local`: without a key only for requests that come straight from this machine (or an address that the operator counts
 * as its own), addressed to it by a loopback name.
 */
export const SUBMIT_POLICIES = ['key', 'local', 'open'] as const;
export const OPEN_POLICIES = ['open', 'key'] as const;

/** What callers without a key may do on a coordinator that listens beyond loopback. */
export interface AccessPolicy {
  readonly read: (typeof OPEN_POLICIES)[number];
  readonly volunteer: (typeof OPEN_POLICIES)[number];
  readonly submit: (typeof SUBMIT_POLICIES)[number];
}

export const DEFAULT_POLICY: AccessPolicy = { read: 'open', volunteer: 'open', submit: 'key' };

/**
 * Who asks.
 * - `loopback`: without a key, straight from this machine, on a coordinator that listens on loopback alone: an admin.
 * - `key`: with a key that is known, not expired and not revoked.
 * - `anonymous`: everybody else.
 */
export type Caller =
  | { readonly kind: 'loopback' }
  | { readonly kind: 'key'; readonly keyId: string; readonly user: string; readonly role: Role }
  | {
      readonly kind: 'anonymous';
      /** Straight from this machine or a peer that counts as it, addressed by a loopback name, from no foreign page. */
      readonly local: boolean;
    };

export type Refusal = Extract<ErrorCode, 'key_needed' | 'forbidden'>;

/** The role that a caller acts in; null: none. */
export function roleOf(caller: Caller): Role | null {
  switch (caller.kind) {
    case 'loopback':
      return 'admin';
    case 'key':
      return caller.role;
    case 'anonymous':
      return null;
  }
}

/** Whose a caller's jobs are; null: nobody's. */
export function userOf(caller: Caller): string | null {
  return caller.kind === 'key' ? caller.user : null;
}

/** Whether a worker that connects so is the operator's own, not a stranger's. */
export function isOwnWorker(caller: Caller): boolean {
  const acts = roleOf(caller);
  return acts === 'admin' || acts === 'worker';
}

/**
 * The rule. `key_needed` where a key could help that the caller has not shown, `forbidden` where this key does not.
 * @param owner of the job that is steered: null for nobody's; for other needs it is not looked at
 */
export function refusal(
  caller: Caller,
  need: Need,
  policy: AccessPolicy,
  owner: string | null = null,
): Refusal | null {
  const acts = roleOf(caller);
  const refused: Refusal = acts === null ? 'key_needed' : 'forbidden';
  if (acts === 'admin') return null;
  switch (need) {
    case 'nothing':
    case 'identity':
      return null;
    case 'read':
      return acts !== null || policy.read === 'open' ? null : refused;
    case 'volunteer':
      return acts === 'worker' || policy.volunteer === 'open' ? null : refused;
    case 'submit': {
      if (acts === 'submitter' || policy.submit === 'open') return null;
      const isLocal = caller.kind === 'anonymous' && caller.local;
      return policy.submit === 'local' && isLocal ? null : refused;
    }
    case 'steer':
      return acts === 'submitter' && owner !== null && owner === userOf(caller) ? null : refused;
    case 'administer':
      return refused;
  }
}

export const userName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/,
    'expected 1-64 letters, digits, dots, dashes, underscores or @, beginning with a letter or digit',
  );

export const apiKey = z.string().regex(KEY_FORM, 'expected a key: tc_…');
export const keyId = z.string().regex(/^[0-9a-f]{12}$/, 'expected the id of a key: 12 hex digits');

const time = z.iso.datetime();
export const MAX_KEY_DAYS = 3660;

export const createKeyBody = z.strictObject({
  user: userName,
  role,
  days: z.number().int().min(1).max(MAX_KEY_DAYS).optional().describe('until it expires; never, if left out'),
});
export type CreateKeyBody = z.infer<typeof createKeyBody>;

export const keyStatus = z.object({
  key_id: keyId,
  user: userName,
  role,
  state: z.enum(['valid', 'expired', 'revoked']),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  last_used_at: time.nullable().describe('to the minute'),
});
export type KeyStatus = z.infer<typeof keyStatus>;

export const createdKey = keyStatus.extend({
  key: apiKey.describe('shown this once: the coordinator keeps only its hash'),
});
export type CreatedKey = z.infer<typeof createdKey>;

export const keyList = z.object({ keys: z.array(keyStatus) });
export type KeyList = z.infer<typeof keyList>;

/** What the caller of GET /api/caller is taken for, and may do. */
export const callerStatus = z.object({
  kind: z.enum(['loopback', 'key', 'anonymous']),
  user: userName.nullable(),
  role: role.nullable(),
  key_id: keyId.nullable(),
  may: z
    .object({
      read: z.boolean(),
      volunteer: z.boolean(),
      submit: z.boolean(),
      steer: z.enum(['all', 'own', 'none']),
      administer: z.boolean(),
    })
    .describe('what this caller is allowed'),
});
export type CallerStatus = z.infer<typeof callerStatus>;

export const AUDIT_ACTIONS = [
  'job.submit',
  'job.cancel',
  'job.pause',
  'job.resume',
  'job.fail',
  'key.create',
  'key.revoke',
  'key.refused',
  'node.join',
  'node.refused',
  'access.refused',
] as const;
export const auditAction = z.enum(AUDIT_ACTIONS);
export type AuditAction = z.infer<typeof auditAction>;

export const auditEntry = z.object({
  seq: z.number().int(),
  at: time,
  user: z.string().nullable(),
  key_id: z.string().nullable(),
  role: role.nullable(),
  address: z.string().nullable(),
  action: auditAction,
  target: z.string().nullable().describe('the job, node or key'),
  outcome: z.string().describe('done, or the code of the error'),
});
export type AuditLine = z.infer<typeof auditEntry>;

const pageSize = z
  .string()
  .regex(/^([1-9][0-9]{0,2}|1000)$/, 'expected a whole number from 1 to 1000')
  .transform(Number)
  .default(100);

export const auditQuery = z.strictObject({
  user: userName.optional(),
  target: z.string().max(64).optional(),
  action: auditAction.optional(),
  limit: pageSize,
  before: z
    .string()
    .regex(/^[1-9][0-9]{0,14}$/, 'expected the next_before of the page before')
    .transform(Number)
    .optional(),
});
export type AuditQuery = z.infer<typeof auditQuery>;

export const auditList = z.object({
  entries: z.array(auditEntry).describe('newest first'),
  next_before: z.number().int().nullable(),
});
export type AuditList = z.infer<typeof auditList>;
