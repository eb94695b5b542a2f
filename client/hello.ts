/** What a worker says of itself in the handshake. */
import type { Hello } from '../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { WorkerOptions } from './worker-options.ts';

/** More than the loop ever holds; the schema takes no more. */
const MAX_LEASES = 16;

/**
 * @param workloads those that the device passed the self-test of
 * @param lease_ids held, or with a result that waits for its acknowledgement
 */
export function makeHello(
  { identity, engine }: Pick<WorkerOptions, 'identity' | 'engine'>,
  workloads: Hello['workloads'],
  lease_ids: readonly string[],
): Hello {
  return {
    protocol: PROTOCOL_VERSION,
    node_id: identity.node_id,
    session: identity.session,
    kind: engine.kind,
    host: identity.host,
    software: identity.software,
    device: engine.device,
    tags: [...identity.tags],
    priority: identity.priority,
    workloads,
    health_url: identity.health_url,
    leases: [...new Set(lease_ids)].slice(0, MAX_LEASES),
    ...(identity.key === undefined ? {} : { key: identity.key }),
  };
}
