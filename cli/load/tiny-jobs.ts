/** Jobs whose ends are far away, cut into batches that take microseconds to compute. */
import type { ApiClient } from '../api-client.ts';

export type Batches = 'verify' | 'thread' | 'statistics';

interface TinyJob {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

const START = 2n ** 40n;
const FAR = { start: String(START), end: String(START + 2n ** 60n) };
const JOBS: Readonly<Record<Batches, TinyJob>> = {
  verify: { type: 'collatz', parameters: { ...FAR, mode: 'verify', batch_size: 64 } },
  thread: { type: 'thread', parameters: { thread_count: 2 ** 32, max_depth: 0, batch_size: 1 } },
  statistics: { type: 'collatz', parameters: { ...FAR, batch_size: 64 } },
};

/** @param gpu only workers that say they have a GPU get of it */
export async function submitTinyJob(
  api: ApiClient,
  name: string,
  batches: Batches,
  gpu: boolean,
): Promise<string> {
  const { type, parameters } = JOBS[batches];
  const reply = await api.submit({
    ...{ type, name, parameters },
    priority: 'normal',
    gpu_preferred: false,
    placement: gpu ? { require_gpu: true } : {},
  });
  return reply.value.job_id;
}
