/**
 * What a worker would hand back if it ended now, as the body of POST /api/hand-back: for hosts that end without a
 * moment to finish in, such as a page that is closed.
 */
import { MAX_HAND_BACK_BYTES, MAX_HANDED_BACK } from '../protocol/hand-back.ts';
import type { HandBack } from '../protocol/hand-back.ts';
import type { HeldLease } from './held-lease.ts';
import type { OutboxItem } from './outbox.ts';
import { sleep } from './runtime.ts';
import type { WorkerOptions } from './worker-options.ts';

type HandedBack = HandBack['leases'][number];

/**
 * @param held leases that are computed
 * @param waiting what waits for its acknowledgement: it may have arrived, and is then told to be a duplicate
 * @returns JSON of at most `MAX_HAND_BACK_BYTES`; undefined: there is nothing
 */
export function handBackText(held: readonly HeldLease[], waiting: readonly OutboxItem[]): string | undefined {
  const leases = [...waiting.map(ofItem), ...held.filter(({ dropped }) => !dropped).map(ofLease)];
  // First what frees every range, so that a large result never crowds out another lease.
  const texts = leases.slice(0, MAX_HANDED_BACK).map((lease) => ({
    whole: JSON.stringify(lease),
    freed: JSON.stringify({ ...lease, result: null }),
  }));
  if (texts.length === 0) return undefined;
  let left = MAX_HAND_BACK_BYTES - '{"leases":[]}'.length;
  for (const { freed } of texts) left -= freed.length + 1;
  const parts = texts.map(({ whole, freed }) => {
    const more = whole.length - freed.length;
    if (more > left) return freed;
    left -= more;
    return whole;
  });
  return `{"leases":[${parts.join(',')}]}`;
}

const LAST_MS = 5000;

/** By the last way that is open to workers of every version. Gives up after a while; what is lost is in the log. */
export async function sendLast(
  body: string | undefined,
  { handBack, runtime, log }: Pick<WorkerOptions, 'handBack' | 'runtime' | 'log'>,
): Promise<void> {
  if (body === undefined || handBack === undefined) return;
  try {
    await Promise.race([handBack(body), sleep(runtime, LAST_MS)]);
    log.info({}, 'what was done was handed back');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.warn({}, `what was done could not be handed back: ${why}`);
  }
}

function ofItem(item: OutboxItem): HandedBack {
  if (item.kind === 'release') return { token: item.body.token, result: null };
  const { token, end, aggregate, compute_ms } = item.body;
  return { token, result: { end, aggregate, compute_ms } };
}

function ofLease(held: HeldLease): HandedBack {
  const { token } = held.lease;
  const body = held.submission();
  if (body === undefined || held.done() === 0n) return { token, result: null };
  const { end, aggregate, compute_ms } = body;
  return { token, result: { end, aggregate, compute_ms } };
}
