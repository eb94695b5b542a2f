import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { EventStream } from './event-stream.ts';

/** A stream to a reader that has asked and reads nothing, under a clock of the test's. */
async function unreadStream(t: TestContext) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const reader = connect(address.port, '127.0.0.1');
  reader.pause();
  reader.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.after(() => {
    reader.destroy();
    server.close();
  });
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  const clock = { now: 0 };
  let gone = 0;
  const stream = new EventStream(
    response,
    { reader: '127.0.0.1', keyId: null },
    () => clock.now,
    () => (gone += 1),
  );
  return { stream, response, reader, clock, gone: () => gone };
}

const BIG = JSON.stringify('x'.repeat(1_000_000));

test('a reader that reads nothing is sent no more than one event past its buffers', async (t) => {
  const { stream, response } = await unreadStream(t);
  let sent = 0;
  for (let i = 0; i < 200; i++) {
    if (stream.send('result', String(i), BIG)) sent += 1;
    stream.beat();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < 30, `${sent} events of 1 MB were taken`);
  assert.ok(response.writableLength < 2_500_000, `${response.writableLength} bytes wait`);
});

test('a reader that takes nothing for too long is cut off, one that reads is not', async (t) => {
  const slow = await unreadStream(t);
  while (slow.stream.send('result', '1', BIG)) await new Promise((resolve) => setImmediate(resolve));
  slow.clock.now = 30_000;
  slow.stream.cutIfStalled(30_000);
  assert.equal(slow.response.destroyed, false);
  slow.clock.now = 30_001;
  slow.stream.cutIfStalled(30_000);
  assert.equal(slow.response.destroyed, true);
  await once(slow.response, 'close');
  assert.equal(slow.gone(), 1);

  const reading = await unreadStream(t);
  while (reading.stream.send('result', '1', BIG)) await new Promise((resolve) => setImmediate(resolve));
  const drained = once(reading.response, 'drain');
  reading.reader.resume();
  await drained;
  reading.clock.now = 60_000;
  reading.stream.cutIfStalled(30_000);
  assert.equal(reading.response.destroyed, false);
  assert.equal(reading.stream.send('result', '2', '{}'), true);
});

test('the last events go out even to a slow reader, and it has the same time to take them', async (t) => {
  const { stream, response, reader, clock, gone } = await unreadStream(t);
  while (stream.send('result', '1', BIG)) await new Promise((resolve) => setImmediate(resolve));
  stream.finish([
    { event: 'result', id: '2', json: '{"last":true}' },
    { event: 'end', id: 'end', json: '{}' },
  ]);
  assert.equal(stream.send('progress', '3', '{}'), false);
  clock.now = 20_000;
  stream.cutIfStalled(30_000);
  assert.equal(response.destroyed, false);
  let text = '';
  reader.on('data', (chunk: Buffer) => (text += chunk.toString()));
  reader.resume();
  await once(response, 'close');
  while (!text.endsWith('0\r\n\r\n')) await once(reader, 'data');
  assert.ok(text.includes('event: result\nid: 2\ndata: {"last":true}\n\n'), 'the last result is there');
  assert.ok(text.includes('event: end\nid: end\ndata: {}\n\n'), 'the end is there');
  assert.equal(gone(), 1);
});
