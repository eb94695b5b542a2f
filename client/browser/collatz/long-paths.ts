/**
 * Paths and their CSV: of usual numbers on the page's own thread, in slices; of numbers of many digits in a Web Worker,
 * because the garbage of their values alone holds a thread up for longer than a frame.
 */
import { stepsCsv } from './csv.ts';
import { runInSlices } from './slices.ts';
import type { Trajectory } from './trajectory.ts';
import { walk } from './trajectory.ts';

/** Some 300 digits: below, a path takes a few slices. */
const LONG_FROM = 1n << 1000n;

export type PathTask =
  { readonly kind: 'walk'; readonly start: bigint } | { readonly kind: 'csv'; readonly path: Trajectory };
export type PathAnswer =
  { readonly kind: 'walk'; readonly path: Trajectory } | { readonly kind: 'csv'; readonly pieces: Blob[] };

/** @returns undefined if `stop` came first */
export async function pathOf(start: bigint, stop: AbortSignal): Promise<Trajectory | undefined> {
  if (start >= LONG_FROM) {
    const answer = await inThread({ kind: 'walk', start }, stop);
    if (answer?.kind === 'walk') return answer.path;
  }
  return runInSlices(walk(start), stop);
}

/** The pieces of one file. */
export async function csvOf(path: Trajectory): Promise<Blob[]> {
  if (path.start >= LONG_FROM) {
    const answer = await inThread({ kind: 'csv', path });
    if (answer?.kind === 'csv') return answer.pieces;
  }
  return (await runInSlices(stepsCsv(path))) ?? [];
}

/**
 * A thread for each task: who wants another answer ends it, and nothing waits behind what nobody wants.
 * @returns undefined if `stop` came first, or if the thread can't be loaded: the page's own then does it
 */
function inThread(task: PathTask, stop?: AbortSignal): Promise<PathAnswer | undefined> {
  return new Promise((resolve) => {
    if (stop?.aborted === true) {
      resolve(undefined);
      return;
    }
    const thread = new Worker(new URL('./path-thread.ts', import.meta.url), { type: 'module' });
    const end = (answer: PathAnswer | undefined) => {
      thread.terminate();
      stop?.removeEventListener('abort', cancel);
      resolve(answer);
    };
    const cancel = () => end(undefined);
    stop?.addEventListener('abort', cancel);
    thread.addEventListener('message', ({ data }: MessageEvent<PathAnswer>) => end(data));
    thread.addEventListener('error', cancel);
    thread.postMessage(task);
  });
}
