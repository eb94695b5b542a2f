/** CPU threads of a browser: Web Workers of the computing thread. */
import type { CpuAnswer, CpuThread } from '../../engines/cpu-pool.ts';
import { CpuPool, ThreadDied } from '../../engines/cpu-pool.ts';
import type { ThreadReply, ThreadRequest } from '../../engines/cpu-thread.ts';
import { answerOf, ThreadRequests } from '../../engines/cpu-thread.ts';

/**
 * So much is queued at a thread beyond what it runs. What is queued still runs after a pause, which is to end
 * computing within 100 ms; the thread that hands out has nothing else to do, so this is enough.
 */
const QUEUED_MS = 20;

interface Waiting {
  readonly resolve: (answer: CpuAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** @param threads how many, ≥ 1; started with the first work */
export function webCpuPool(threads: number): CpuPool {
  return new CpuPool(webCpuThread, threads, QUEUED_MS);
}

function webCpuThread(): CpuThread {
  const worker = new Worker(new URL('./cpu-web-thread.ts', import.meta.url), { type: 'module' });
  const requests = new ThreadRequests();
  const waiting: Waiting[] = [];
  let died: ThreadDied | undefined;
  const die = (message: string) => {
    died ??= new ThreadDied(message);
    for (const { reject } of waiting.splice(0)) reject(died);
  };
  worker.addEventListener('message', ({ data: reply }: MessageEvent<ThreadReply>) => {
    const first = waiting.shift();
    try {
      first?.resolve(answerOf(reply));
    } catch (error) {
      first?.reject(error);
    }
  });
  worker.addEventListener('error', (event) => die(`a CPU thread died: ${event.message}`));
  worker.addEventListener('messageerror', () => die("a CPU thread's answer could not be read"));
  const send = (request: ThreadRequest) => {
    if (died === undefined) worker.postMessage(request);
  };
  return {
    run: (program, range) =>
      new Promise((resolve, reject) => {
        if (died !== undefined) reject(died);
        else {
          waiting.push({ resolve, reject });
          send(requests.run(program, range));
        }
      }),
    forget: (key) => send(requests.forget(key)),
    terminate: () => {
      die('the CPU thread was stopped');
      worker.terminate();
      return Promise.resolve();
    },
  };
}
