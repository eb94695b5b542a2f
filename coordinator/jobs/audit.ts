/** Lines of the audit log that the core itself writes, in the transaction of the change that they tell. */
import type { AuditAction } from '../../protocol/access.ts';
import type { Actor } from '../cluster.ts';
import type { Change } from '../store/store.ts';

/** What happens without anybody asking for it: a job that fails. */
export const NOBODY: Actor = { user: null, role: null, keyId: null, address: null };

/**
 * @param at milliseconds since 1970
 * @param outcome `done`, or the code of an error
 */
export function audited(
  at: number,
  by: Actor,
  action: AuditAction,
  target: string,
  outcome = 'done',
): Extract<Change, { kind: 'audited' }> {
  const { user, role, keyId, address } = by;
  return { kind: 'audited', entry: { at, user, role, keyId, address, action, target, outcome } };
}
