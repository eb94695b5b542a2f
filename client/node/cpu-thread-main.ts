/** The program of one worker_thread: answers ThreadRequests, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { ThreadRequest } from '../engines/cpu-thread.ts';
import { ThreadBody } from '../engines/cpu-thread.ts';

const body = new ThreadBody(() => performance.now());
let before: Promise<void> = Promise.resolve();

parentPort?.on('message', (request: ThreadRequest) => {
  before = before.then(async () => {
    const reply = await body.handle(request);
    if (reply === undefined) return;
    // The words are a copy of their own: moved, not copied again.
    const moved =
      reply.kind === 'answer' && reply.words.buffer instanceof ArrayBuffer ? [reply.words.buffer] : [];
    parentPort?.postMessage(reply, moved);
  });
});
