import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ClusterError } from '../../protocol/errors.ts';
import type { Visitor } from '../access/access.ts';
import { EventStreams, STREAM_LIMITS } from './event-streams.ts';

const withKey = (keyId: string, address: string): Visitor => ({
  address,
  caller: { kind: 'key', keyId, user: 'ada', role: 'viewer' },
});
const stranger = (address: string): Visitor => ({ address, caller: { kind: 'anonymous', local: false } });

/** Answers that somebody waits for, one after another. */
async function answers(t: TestContext): Promise<() => Promise<ServerResponse>> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}/`;
  return () =>
    new Promise((resolve) => {
      server.once('request', (_request, response) => resolve(response));
      fetch(url).catch(() => undefined);
    });
}

function streamsOf(t: TestContext, stillGood: (visitor: Visitor) => void = () => undefined): EventStreams {
  const streams = new EventStreams({ ...STREAM_LIMITS, streamsOfOne: 2 }, stillGood);
  t.after(() => streams.close());
  return streams;
}

test('a key that ended while its job was read gets no stream: none would be left to end', async (t) => {
  const answer = await answers(t);
  const ended = new ClusterError('key_refused', 'this key has ended meanwhile');
  const streams = streamsOf(t, () => {
    throw ended;
  });
  const response = await answer();
  assert.throws(() => streams.open(response, withKey('0000000000aa', '10.0.0.1'), () => undefined), ended);
  assert.equal(streams.count, 0);
  assert.equal(response.headersSent, false, 'it is answered as an error');
});

test('streams are counted by key from whatever address, and by address without one', async (t) => {
  const answer = await answers(t);
  const streams = streamsOf(t);
  const open = async (visitor: Visitor): Promise<string> => {
    try {
      streams.open(await answer(), visitor, () => undefined);
      return 'open';
    } catch (error) {
      return error instanceof ClusterError ? error.code : 'another error';
    }
  };
  assert.equal(await open(withKey('0000000000aa', '10.0.0.1')), 'open');
  assert.equal(await open(withKey('0000000000aa', '10.0.0.2')), 'open');
  assert.equal(await open(withKey('0000000000aa', '10.0.0.3')), 'limit_reached');
  assert.equal(await open(withKey('0000000000bb', '10.0.0.1')), 'open');
  assert.equal(await open(stranger('10.0.0.1')), 'open');
  assert.equal(await open(stranger('10.0.0.1')), 'open');
  assert.equal(await open(stranger('10.0.0.1')), 'limit_reached');
  assert.equal(await open(stranger('10.0.0.2')), 'open');
});
