/** What a simulated worker says of itself. */
import type { Hello } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { workloads } from '../../shaders/registry.ts';

const WORKLOADS = [...workloads.values()].map(({ type, version }) => ({ type, version }));

export interface SimulatedIdentity extends Pick<Hello, 'node_id' | 'session' | 'kind' | 'leases'> {
  readonly key: string | undefined;
}

export function simulatedHello({ key, ...identity }: SimulatedIdentity): Hello {
  return {
    protocol: PROTOCOL_VERSION,
    ...identity,
    host: 'node',
    software: 'threads load',
    device: {
      description: 'simulated by the load generator',
      ...{ vendor: null, backend: null, software: false, gpu_memory_mb: null, threads: 1 },
    },
    tags: [],
    priority: 0,
    workloads: WORKLOADS,
    health_url: null,
    ...(key === undefined ? {} : { key }),
  };
}
