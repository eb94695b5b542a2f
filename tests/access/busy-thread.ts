/** A thread that asks a coordinator as fast as it answers, submits and reads in turn, until it is told to stop. */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { bearer } from './keys.ts';

export const busyOrder = z.object({ url: z.string(), key: z.string(), connections: z.number() });
export type BusyOrder = z.infer<typeof busyOrder>;

export const busyReport = z.object({ answered: z.number(), refused: z.number() });

const BODY = JSON.stringify({ type: 'collatz', parameters: { start: '1', end: '100' } });

if (parentPort !== null) {
  const { url, key, connections } = busyOrder.parse(workerData);
  let over = false;
  const stopped = once(parentPort, 'message').then(() => (over = true));
  const counts = { answered: 0, refused: 0 };
  const ask = async (init: RequestInit, path: string): Promise<void> => {
    const response = await fetch(url + path, init);
    await response.arrayBuffer();
    if (response.ok) {
      counts.answered += 1;
      return;
    }
    counts.refused += 1;
    // The first refusal says that the limit is reached: from then on it is measured.
    if (counts.refused === 1) parentPort?.postMessage('refused');
  };
  const loops = Array.from({ length: connections }, async () => {
    while (!over) {
      await ask({ headers: bearer(key) }, '/api/status');
      const headers = { ...bearer(key), 'Content-Type': 'application/json' };
      await ask({ method: 'POST', headers, body: BODY }, '/api/submit');
    }
  });
  await stopped;
  await Promise.all(loops);
  parentPort.postMessage(counts);
  parentPort.close();
}
