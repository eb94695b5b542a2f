/** The output words of both verify kernels. */
import type { Range } from '../../protocol/range.ts';
import type { GpuKernel } from '../../protocol/workload.ts';
import {
  CHUNK_WORDS,
  COUNT_WORD,
  HEADER_WORDS,
  MAX_CHUNKS,
  chunkLength,
  readHandedBack,
  splitAt,
} from './chunks.ts';
import { KernelReader, lengthOf, must, wide } from './kernel-reader.ts';
import { SIEVED_FROM, countCandidates } from './sieve.ts';
import type { Verification } from './verification.ts';
import { foldVerification, walkCandidates } from './verification.ts';

export const verificationGpuKernel: GpuKernel = {
  source: 'collatz/verify.wgsl',
  entryPoints: ['main'],
  outputWords: HEADER_WORDS + MAX_CHUNKS * CHUNK_WORDS,
  scratchWords: 1,
  itemsPerWorkgroup: 1 << 16,
  maxWorkgroups: MAX_CHUNKS,
  maxPieceLength: 2 ** 31,
};

/** Words of the CPU kernel; see assembly/verify.ts. */
export function decodeVerificationCpu(range: Range, words: Uint32Array): Verification {
  const length = lengthOf(range);
  const reader = new KernelReader(range, words);
  const candidates = BigInt(reader.count());
  const records = reader.word();
  const handedBack = reader.word();
  const computed: Verification = {
    mode: 'verify',
    count: BigInt(length),
    candidates,
    failures: [],
    peakRecords: reader.peakRecords(records),
  };
  const back = reader.numbers(handedBack);
  reader.end();
  must(candidates === countCandidates(range), `${candidates} candidates, not ${countCandidates(range)}`);
  return back.length === 0 ? computed : foldVerification(computed, walkCandidates(back));
}

/** What a GPU tells of one tile. */
export interface VerificationTile {
  readonly mode: 'verify';
  readonly range: Range;
  readonly candidates: bigint;
  readonly handedBack: readonly bigint[];
  readonly chunkLength: number;
  /** Per chunk: the glide peak (4 words, 0: no candidate), its offset; unused. */
  readonly chunks: Uint32Array;
}

/** Tiles that begin below the sieve are left to the CPU: 2^26 numbers in all. */
export function decodeVerificationGpu(range: Range, words: Uint32Array): VerificationTile | undefined {
  const length = lengthOf(range);
  must(words.length === verificationGpuKernel.outputWords, `${words.length} words`);
  must(length <= verificationGpuKernel.maxPieceLength, `a tile of ${length} numbers`);
  if (range.start < SIEVED_FROM) return undefined;
  const offsets = readHandedBack(words, length);
  if (offsets === undefined) return undefined;
  const candidates = BigInt(words[COUNT_WORD] ?? 0);
  const expected = countCandidates(range);
  must(candidates === expected, `${candidates} candidates, not ${expected}`);
  const chunk = chunkLength(verificationGpuKernel, length);
  const chunks = words.slice(HEADER_WORDS);
  for (let index = 0; index < MAX_CHUNKS; index++) {
    const row = chunks.subarray(index * CHUNK_WORDS, index * CHUNK_WORDS + 5);
    const at = row[4] ?? 0;
    if (row.every((word) => word === 0)) continue;
    const inside = at >= index * chunk && at < Math.min(length, (index + 1) * chunk);
    must(inside, `chunk ${index} has a maximum outside of it`);
  }
  return {
    mode: 'verify',
    range,
    candidates,
    handedBack: offsets.map((offset) => range.start + BigInt(offset)),
    chunkLength: chunk,
    chunks,
  };
}

/** The numbers to compute exactly: see chunks.ts. */
export function verificationClaims(batch: Verification, tile: VerificationTile): readonly Range[] {
  const { range, chunks, chunkLength: chunk } = tile;
  let peak = batch.peakRecords.findLast(({ n }) => n < range.start)?.value ?? 0n;
  const prefixes: Range[] = [];
  for (let row = 0; row < chunks.length; row += CHUNK_WORDS) {
    const word = (index: number) => chunks[row + index] ?? 0;
    const found = wide(word(0), word(1), word(2), word(3));
    if (found <= peak) continue;
    peak = found;
    prefixes.push({
      start: range.start + BigInt((row / CHUNK_WORDS) * chunk),
      end: range.start + BigInt(word(4) + 1),
    });
  }
  return splitAt(prefixes, tile.handedBack);
}

/** The tile counts all of its candidates; the claims add records and failures. */
export function extendVerification(
  batch: Verification,
  tile: VerificationTile,
  exact: readonly Verification[],
): Verification {
  const counted: Verification = {
    mode: 'verify',
    count: tile.range.end - tile.range.start,
    candidates: tile.candidates,
    failures: [],
    peakRecords: [],
  };
  return exact.reduce(
    (sum, { failures, peakRecords }) =>
      foldVerification(sum, { mode: 'verify', count: 0n, candidates: 0n, failures, peakRecords }),
    foldVerification(batch, counted),
  );
}
