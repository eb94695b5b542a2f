import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEvents, type ServerEvent } from './event-stream.ts';

const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));

async function read(chunks: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(Readable.from(chunks))) events.push(event);
  return events;
}
const text = (value: string) => new TextEncoder().encode(value);

test('events, comments, several lines of data, and other fields', async () => {
  const stream =
    ': hello\n\nevent: progress\nid: 7\ndata: {"a":1}\n\ndata: x\ndata:y\n\nretry: 5\n\ndata: cut off';
  assert.deepEqual(await read([text(stream)]), [
    { event: 'progress', data: '{"a":1}' },
    { event: 'message', data: 'x\ny' },
  ]);
});

test('carriage returns end lines too', async () => {
  assert.deepEqual(await read([text('event: a\r'), text('\ndata: 1\r\n\r\ndata: 2\r\rx')]), [
    { event: 'a', data: '1' },
    { event: 'message', data: '2' },
  ]);
});

test('an event without end is given up', async () => {
  const endless = Array.from({ length: 40 }, () => text('x'.repeat(2 ** 19)));
  await assert.rejects(read(endless), RangeError);
});

test(`it does not matter where the stream is cut (seed ${seed})`, async () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll(/[\r\n]/g, ''));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 5 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      async (lines, cuts) => {
        const bytes = text(lines.map((value) => `event: e\ndata: ${value}\n\n`).join(''));
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length;) {
          const length = Number(cuts.next().value);
          chunks.push(bytes.slice(at, at + length));
          at += length;
        }
        assert.deepEqual(
          await read(chunks),
          lines.map((data) => ({ event: 'e', data })),
        );
      },
    ),
    { seed, numRuns: 300 },
  );
});
