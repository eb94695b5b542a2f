/**
 * As much of tar (POSIX ustar) as a backup needs: plain files, one after the other. Any tar program reads what this
 * writes; this reads what it wrote itself.
 */
import { BackupError } from './backup-error.ts';

const BLOCK = 512;
/** Sizes from here on don't fit into eleven octal digits: GNU's way is a number of twelve bytes with the first bit set. */
const LARGEST_OCTAL = 8 ** 11 - 1;
const NAME_BYTES = 100;

export interface Entry {
  readonly name: string;
  readonly bytes: number;
}

/** The block before a file. @param madeAt milliseconds since 1970 */
export function entryHeader({ name, bytes }: Entry, madeAt: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0, NAME_BYTES, 'utf8');
  block.write(octal(0o600, 7), 100, 'latin1');
  block.write(octal(0, 7), 108, 'latin1');
  block.write(octal(0, 7), 116, 'latin1');
  if (bytes <= LARGEST_OCTAL) block.write(octal(bytes, 11), 124, 'latin1');
  else {
    block.writeBigUInt64BE(BigInt(bytes), 128);
    block.writeUInt8(0x80, 124);
  }
  block.write(octal(Math.floor(madeAt / 1000), 11), 136, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What fills the last block of a file. */
export function padding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

/** What an archive ends with. */
export const END = Buffer.alloc(2 * BLOCK);

/** Its own field counts as spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [i, byte] of block.entries()) if (i < 148 || i >= 156) sum += byte;
  return sum;
}

/** Reads an archive as it comes. */
export class TarReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #left: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * The next file; its bytes must be read before the next one is asked for. Undefined at the end of the archive.
   * @throws BackupError foreign, damaged
   */
  async next(): Promise<Entry | undefined> {
    const block = Buffer.concat(await collect(this.read(BLOCK)));
    if (block.every((byte) => byte === 0)) return undefined;
    const told = Number.parseInt(block.toString('latin1', 148, 154), 8);
    if (told !== checksum(block)) throw new BackupError('foreign', 'it is no archive of `threads backup`');
    const type = block.toString('latin1', 156, 157);
    if (type !== '0') throw new BackupError('foreign', 'it holds something else than plain files');
    const [name = ''] = block.toString('utf8', 0, NAME_BYTES).split('\0');
    const isLong = (block[124] ?? 0) >= 0x80;
    const bytes = isLong
      ? Number(block.readBigUInt64BE(128))
      : Number.parseInt(block.toString('latin1', 124, 135), 8);
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new BackupError('foreign', `${name} has no length`);
    return { name, bytes };
  }

  /** The bytes of a file in pieces, and what fills its last block. @throws BackupError damaged */
  async *file({ bytes }: Entry): AsyncGenerator<Buffer> {
    yield* this.read(bytes);
    await collect(this.read(padding(bytes).length));
  }

  /** @throws BackupError damaged: it ends before */
  async *read(bytes: number): AsyncGenerator<Buffer> {
    for (let due = bytes; due > 0;) {
      if (this.#left.length === 0) {
        const next: IteratorResult<Uint8Array, unknown> = await this.#source.next();
        if (next.done === true) throw new BackupError('damaged', 'it ends too early: its copy was cut off');
        this.#left = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
        continue;
      }
      const piece = this.#left.subarray(0, due);
      this.#left = this.#left.subarray(piece.length);
      due -= piece.length;
      yield piece;
    }
  }
}

export async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}
