/**
 * What arrives over the stream, as its types. Only what tells one event from another is looked at: the coordinator
 * made it by the schemas of protocol/live.ts, which would be a third of a page's bytes.
 */
import type { LiveEvent, LiveEventName } from '../../../protocol/live.ts';

type Guards = { readonly [N in LiveEventName]: (value: unknown) => value is LiveEvent<N> };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** A guard that looks for a list, an object or a text under each of the names. */
function having<N extends LiveEventName>(shape: Readonly<Record<string, 'list' | 'object' | 'string'>>) {
  const kindOf = (value: unknown) => (Array.isArray(value) ? 'list' : typeof value);
  return (value: unknown): value is LiveEvent<N> =>
    isObject(value) && Object.entries(shape).every(([name, kind]) => kindOf(value[name]) === kind);
}

const GUARDS: Guards = {
  cluster: having<'cluster'>({ version: 'string', workers: 'object', throughput: 'list' }),
  jobs: having<'jobs'>({ jobs: 'list' }),
  nodes: having<'nodes'>({ nodes: 'list' }),
  batches: having<'batches'>({ batches: 'list', now: 'string' }),
  progress: having<'progress'>({ job_id: 'string', progress: 'object' }),
  result: having<'result'>({ job_id: 'string', covered: 'list' }),
  coverage: having<'coverage'>({ job_id: 'string', blocks: 'object' }),
};

/** Undefined: not what this page knows; a newer coordinator may send it. */
export function readEvent<N extends LiveEventName>(name: N, json: string): LiveEvent<N> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const isExpected: Guards[N] = GUARDS[name];
  return isExpected(value) ? value : undefined;
}
