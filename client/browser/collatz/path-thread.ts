/** The Web Worker that walks numbers of many digits and writes their steps: loaded for the first of them. */
import { stepsCsv } from './csv.ts';
import type { PathAnswer, PathTask } from './long-paths.ts';
import { runAtOnce } from './slices.ts';
import { walk } from './trajectory.ts';

addEventListener('message', ({ data }: MessageEvent<PathTask>) => {
  const answer: PathAnswer =
    data.kind === 'walk'
      ? { kind: 'walk', path: runAtOnce(walk(data.start)) }
      : { kind: 'csv', pieces: runAtOnce(stepsCsv(data.path)) };
  postMessage(answer, {
    transfer: answer.kind === 'walk' ? [answer.path.heights.buffer, answer.path.odd.buffer] : [],
  });
});
