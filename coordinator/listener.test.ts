import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { StartError } from './config.ts';
import { listen } from './listener.ts';
import { createLog } from './log.ts';

const log = createLog('silent');
const server = () => createServer((_request, response) => response.end('here'));

test('a free port is taken and told; a wildcard address is told as one that can be opened', async () => {
  for (const [host, name] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['localhost', 'localhost'],
  ] as const) {
    const listener = await listen(server(), host, 0, 'PORT', log);
    assert.ok(listener.port > 0);
    assert.equal(listener.url, `http://${name}:${listener.port}`);
    assert.equal(await (await fetch(listener.url)).text(), 'here');
    await listener.close(1000);
    await assert.rejects(fetch(listener.url));
  }
});

test('a port in use, an address of elsewhere and a name that is none are told with what to set', async () => {
  const first = await listen(server(), '127.0.0.1', 0, 'PORT', log);
  const cases = [
    ['127.0.0.1', first.port, 'port_in_use', /in use.*COORDINATOR_PORT/],
    ['203.0.113.7', 0, 'bad_host', /no address of this machine.*HOST/],
    ['no such host', 0, 'bad_host', /no address of this machine.*HOST/],
  ] as const;
  for (const [host, port, problem, words] of cases) {
    await assert.rejects(listen(server(), host, port, 'COORDINATOR_PORT', log), (error) => {
      assert.ok(error instanceof StartError);
      assert.equal(error.problem, problem);
      assert.match(error.message, words);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
  await first.close(0);
});

test('closing cuts connections that would not end by themselves', async () => {
  const listener = await listen(server(), '127.0.0.1', 0, 'PORT', log);
  const peer = connect(listener.port, '127.0.0.1');
  await once(peer, 'connect');
  peer.write('GET / HT');
  const cut = once(peer, 'close');
  peer.on('error', () => undefined);
  const started = performance.now();
  await listener.close(100);
  await cut;
  assert.ok(performance.now() - started < 3000);
});
