/** WebSocket's frames (RFC 6455) as a client sends and reads them: whole messages, and those of the connection itself. */

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

const FINAL = 0x80;
const MASKED = 0x80;
const SHORT = 126;
const LONG = 127;
/** More than a coordinator ever sends in one message. */
const MOST_BYTES = 1024 * 1024;

/** @param mask 32 bits that whoever is between can't guess */
export function clientFrame(opcode: number, text: string, mask: number): Buffer {
  const length = Buffer.byteLength(text);
  const extended = length < SHORT ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extended + 4;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = FINAL | opcode;
  frame[1] = MASKED | (extended === 0 ? length : extended === 2 ? SHORT : LONG);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.writeUInt32BE(mask, start - 4);
  frame.write(text, start);
  for (let i = 0; i < length; i++) {
    frame[start + i] = (frame[start + i] ?? 0) ^ (frame[start - 4 + (i & 3)] ?? 0);
  }
  return frame;
}

export class FrameError extends Error {}

/** Cuts what arrives into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * Calls `take` for each whole frame.
   * @throws FrameError for what a coordinator does not send: fragments, masks, huge frames
   */
  push(chunk: Buffer, take: (opcode: number, text: string) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const header = readHeader(bytes, at);
      if (header === undefined || bytes.length < header.end) break;
      at = header.end;
      take(header.opcode, bytes.toString('utf8', header.start, header.end));
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}

interface Header {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
}

function readHeader(bytes: Buffer, at: number): Header | undefined {
  if (bytes.length < at + 2) return undefined;
  const first = bytes.readUInt8(at);
  const second = bytes.readUInt8(at + 1);
  if ((first & FINAL) === 0 || (second & MASKED) !== 0) {
    throw new FrameError('a WebSocket frame that is masked or a fragment');
  }
  const extended = second === SHORT ? 2 : second === LONG ? 8 : 0;
  const start = at + 2 + extended;
  if (bytes.length < start) return undefined;
  const length =
    extended === 0
      ? second
      : extended === 2
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
  if (length > MOST_BYTES) throw new FrameError(`a WebSocket frame of ${length} bytes`);
  return { opcode: first & 0x0f, start, end: start + length };
}
