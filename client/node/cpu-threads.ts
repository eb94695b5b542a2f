/** CPU threads of Node: worker_threads. */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CpuAnswer, CpuThread } from '../engines/cpu-pool.ts';
import { CpuPool, ThreadDied } from '../engines/cpu-pool.ts';
import type { ThreadReply, ThreadRequest } from '../engines/cpu-thread.ts';
import { answerOf, ThreadRequests } from '../engines/cpu-thread.ts';

/** The heap of a thread holds the runner and messages; kernels live in WebAssembly memory beside it. */
const LIMITS = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 2 };
/**
 * All that a thread sees of the environment. Without the compiled code of a run before, Node loads its
 * TypeScript stripper into every thread: 20 MB of resident memory instead of 10.
 */
const ENVIRONMENT = { NODE_COMPILE_CACHE: fileURLToPath(new URL('../../.cache/compile', import.meta.url)) };

interface Waiting {
  readonly resolve: (answer: CpuAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** @param threads how many, ≥ 1; started with the first work */
export function nodeCpuPool(threads: number): CpuPool {
  return new CpuPool(() => nodeCpuThread(), threads);
}

/** @param module what the thread runs; tests give one that dies */
export function nodeCpuThread(module: URL = new URL('./cpu-thread-main.ts', import.meta.url)): CpuThread {
  const worker = new Worker(module, { resourceLimits: LIMITS, env: ENVIRONMENT, name: 'cpu' });
  const requests = new ThreadRequests();
  const waiting: Waiting[] = [];
  let died: ThreadDied | undefined;
  const die = (message: string) => {
    died ??= new ThreadDied(message);
    for (const { reject } of waiting.splice(0)) reject(died);
  };
  worker.on('message', (reply: ThreadReply) => {
    const first = waiting.shift();
    try {
      first?.resolve(answerOf(reply));
    } catch (error) {
      first?.reject(error);
    }
  });
  worker.on('error', (error) =>
    die(`a CPU thread died: ${error instanceof Error ? error.message : String(error)}`),
  );
  worker.on('messageerror', (error) => die(`a CPU thread's answer could not be read: ${error.message}`));
  worker.on('exit', (code) => die(`a CPU thread ended with code ${code}`));
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
    terminate: async () => {
      die('the CPU thread was stopped');
      await worker.terminate();
    },
  };
}
