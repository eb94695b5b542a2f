/** Constants of statistics.wgsl. */
import { jumpWords, peakLineWords } from './jump-tables.ts';
import { statisticsClasses } from './statistics-plan.ts';

/** Delays of n < 2^18: a walk of 2^40 saves one jump of ten per two bits, and 1 MB still fits in a core's cache. */
const TAIL = 2 ** 18;
/** As statistics-plan.wgsl lays them out. */
const CLASSES = [19275, 246912];

/**
 * Jumps (1024 words), peak lines (2048), delays below 2^18, then for the classes of 2^16 and of 2^20 residues two words
 * each: d, and weight · 2^8 + c. 3.2 MB, made in about 0.2 s.
 */
export function statisticsConstants(): Uint32Array {
  const classes = statisticsClasses().map(({ residues, values, odd, weights }) => {
    const words = new Uint32Array(2 * residues.length);
    for (let index = 0; index < residues.length; index++) {
      words[2 * index] = values[index] ?? 0;
      words[2 * index + 1] = (weights[index] ?? 0) * 2 ** 8 + (odd[index] ?? 0);
    }
    return words;
  });
  if (classes.some((words, level) => words.length !== 2 * (CLASSES[level] ?? 0))) {
    throw new RangeError('statistics-plan.wgsl has other classes');
  }
  const parts = [jumpWords(), peakLineWords(), tailDelays(), ...classes];
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function tailDelays(): Uint32Array {
  const delays = new Uint32Array(TAIL);
  for (let n = 2; n < TAIL; n++) {
    let x = n;
    let delay = 0;
    for (; x >= n; delay++) x = x % 2 === 0 ? x / 2 : 3 * x + 1;
    delays[n] = delay + (delays[x] ?? 0);
  }
  return delays;
}
