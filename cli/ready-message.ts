/** What a service tells the process that started it, over their channel. */
import { z } from 'zod';

const readyMessage = z.strictObject({
  kind: z.literal('ready'),
  /** Where it listens: the coordinator's origin, or a worker's own health address. */
  url: z.string(),
  /** The coordinator's metrics. */
  metrics_url: z.string().nullable(),
});
export type ReadyMessage = z.infer<typeof readyMessage>;

export function tellReady(url: string, metricsUrl: string | null = null): void {
  const message: ReadyMessage = { kind: 'ready', url, metrics_url: metricsUrl };
  // Nobody to tell when the service was started by hand, or when its starter has just ended.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

export function readReady(message: unknown): ReadyMessage | undefined {
  const read = readyMessage.safeParse(message);
  return read.success ? read.data : undefined;
}
