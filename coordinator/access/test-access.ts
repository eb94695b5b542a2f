/** Doors over records in memory, for tests. */
import type { TestContext } from 'node:test';
import { DEFAULT_POLICY } from '../../protocol/access.ts';
import type { AccessChange, AccessRecords } from '../cluster.ts';
import type { AuditEntry, StoredKey } from '../store/store.ts';
import { Access } from './access.ts';
import type { AccessConfig } from './access.ts';

export interface MemoryRecords extends AccessRecords {
  readonly audited: readonly AuditEntry[];
  /** All that was written or noted, in order. */
  readonly changes: readonly AccessChange[];
}

export function memoryRecords(keys: readonly StoredKey[] = []): MemoryRecords {
  const changes: AccessChange[] = [];
  const audited: AuditEntry[] = [];
  const note = (change: AccessChange): void => {
    changes.push(change);
    if (change.kind === 'audited') audited.push(change.entry);
  };
  return {
    changes,
    audited,
    loadKeys: () => Promise.resolve(stored(keys, changes)),
    listAudit: ({ limit, before = Number.POSITIVE_INFINITY }) =>
      Promise.resolve(
        audited
          .map((entry, i) => ({ seq: i + 1, ...entry }))
          .filter(({ seq }) => seq < before)
          .toReversed()
          .slice(0, limit),
      ),
    write: (written) => {
      for (const change of written) note(change);
      return Promise.resolve();
    },
    note,
  };
}

/** As a store has them: a key that is added again stays as it is. */
function stored(before: readonly StoredKey[], changes: readonly AccessChange[]): readonly StoredKey[] {
  const keys = new Map(before.map((key) => [key.id, key]));
  const change = (id: string, fields: Partial<StoredKey>) => {
    const key = keys.get(id);
    if (key !== undefined) keys.set(id, { ...key, ...fields });
  };
  for (const made of changes) {
    if (made.kind === 'key_added' && !keys.has(made.key.id)) keys.set(made.key.id, made.key);
    if (made.kind === 'key_revoked') change(made.keyId, { revokedAt: made.at });
    if (made.kind === 'key_used') change(made.keyId, { lastUsedAt: made.at });
  }
  return [...keys.values()];
}

/** On loopback alone, with the defaults, unless the test says otherwise. Closed when the test is over. */
export async function openAccess(
  t: TestContext,
  config: Partial<AccessConfig> = {},
  records: AccessRecords = memoryRecords(),
): Promise<Access> {
  const access = await Access.open(records, {
    loopbackOnly: true,
    policy: DEFAULT_POLICY,
    rates: { requests: undefined, submits: undefined, connects: undefined, messages: undefined },
    allowedOrigins: [],
    trustedProxies: [],
    localPeers: [],
    ...config,
  });
  t.after(() => access.close());
  return access;
}
