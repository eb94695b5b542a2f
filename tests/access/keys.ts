/** A coordinator that listens beyond loopback, and keys for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CoordinatorConfig } from '../../coordinator/config.ts';
import { createdKey } from '../../protocol/access.ts';
import type { CreatedKey, Role } from '../../protocol/access.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';

export interface OpenCoordinator extends TestCoordinator {
  /** The one that its first start made. */
  readonly adminKey: string;
  /** Of this user, made by that admin. */
  key(role: Role, user?: string, days?: number): Promise<CreatedKey>;
  revoke(keyId: string): Promise<void>;
}

export const bearer = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });

/** Rates are off unless the test asks for them. */
export async function runOpenCoordinator(
  t: TestContext,
  config: Partial<CoordinatorConfig> = {},
): Promise<OpenCoordinator> {
  const rates = { requests: 0, submits: 0, connects: 0, messages: 0 };
  const coordinator = await runCoordinator(t, {
    host: '0.0.0.0',
    rates,
    connectionsPerAddress: 0,
    ...config,
  });
  const adminKey = readFileSync(join(coordinator.dataDir, 'admin.key'), 'utf8').trim();
  const key = async (role: Role, user = 'ada', days?: number): Promise<CreatedKey> => {
    const body = { user, role, ...(days === undefined ? {} : { days }) };
    const reply = await coordinator.post('/api/keys', body, bearer(adminKey));
    return createdKey.parse(reply.body);
  };
  const revoke = async (keyId: string): Promise<void> => {
    await coordinator.post(`/api/keys/${keyId}/revoke`, undefined, bearer(adminKey));
  };
  return { ...coordinator, adminKey, key, revoke };
}
