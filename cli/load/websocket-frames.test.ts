import assert from 'node:assert/strict';
import test from 'node:test';
import { clientFrame, FrameError, FrameReader, OPCODE } from './websocket-frames.ts';

/** As a server sends it: the length in its three forms, no mask. */
function serverFrame(text: string, opcode = 1): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  if (header.length === 2) header[1] = length;
  else if (header.length === 4) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}

const TEXTS = [
  '',
  '2',
  'ä–€'.repeat(20),
  'x'.repeat(125),
  'x'.repeat(126),
  'x'.repeat(65_535),
  'x'.repeat(70_000),
];

test('frames of every length are read, however the bytes are cut', () => {
  const bytes = Buffer.concat(TEXTS.map((text) => serverFrame(text)));
  for (const piece of [61, 1000, 65_536, bytes.length]) {
    const reader = new FrameReader();
    const read: string[] = [];
    for (let at = 0; at < bytes.length; at += piece) {
      reader.push(bytes.subarray(at, at + piece), (opcode, text) => {
        assert.equal(opcode, OPCODE.text);
        read.push(text);
      });
    }
    assert.deepEqual(read, TEXTS);
  }
});

test('a byte at a time will do', () => {
  const texts = TEXTS.filter(({ length }) => length <= 126);
  const reader = new FrameReader();
  const read: string[] = [];
  for (const byte of Buffer.concat(texts.map((text) => serverFrame(text)))) {
    reader.push(Buffer.from([byte]), (_opcode, text) => read.push(text));
  }
  assert.deepEqual(read, texts);
});

test('a client’s frame is masked, and the mask gives the text back', () => {
  for (const text of TEXTS) {
    const frame = clientFrame(OPCODE.text, text, 0x12345678);
    const length = Buffer.byteLength(text);
    const start = frame.length - length;
    assert.equal(frame[0], 0x81);
    assert.equal((frame[1] ?? 0) & 0x80, 0x80);
    assert.equal(frame.readUInt32BE(start - 4), 0x12345678);
    const plain = Buffer.from(
      frame.subarray(start).map((byte, i) => byte ^ (frame[start - 4 + (i % 4)] ?? 0)),
    );
    assert.equal(plain.toString(), text);
    if (length > 0) assert.notEqual(frame.toString('utf8', start), text);
  }
});

test('fragments, masks and huge frames are refused', () => {
  const refused = (bytes: readonly number[]) =>
    assert.throws(() => new FrameReader().push(Buffer.from(bytes), () => undefined), FrameError);
  refused([0x01, 0x01, 0x61]);
  refused([0x81, 0x81, 0, 0, 0, 0, 0x61]);
  refused([0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]);
});
