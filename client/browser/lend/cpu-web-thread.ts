/** The program of one Web Worker that computes on the CPU: answers ThreadRequests, one after the other. */
import type { ThreadRequest } from '../../engines/cpu-thread.ts';
import { ThreadBody } from '../../engines/cpu-thread.ts';

const body = new ThreadBody(() => performance.now());
let before: Promise<void> = Promise.resolve();

addEventListener('message', ({ data: request }: MessageEvent<ThreadRequest>) => {
  before = before.then(async () => {
    const reply = await body.handle(request);
    if (reply === undefined) return;
    // The words are a copy of their own: moved, not copied again.
    const moved =
      reply.kind === 'answer' && reply.words.buffer instanceof ArrayBuffer ? [reply.words.buffer] : [];
    postMessage(reply, { transfer: moved });
  });
});
