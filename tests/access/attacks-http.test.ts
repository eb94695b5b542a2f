/** Requests that are made to be misread: bodies, headers and addresses, byte by byte. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { jobList, submitReply } from '../../protocol/http.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { bearer, runOpenCoordinator } from './keys.ts';
import { refusalIn, requestText, sendRaw } from './raw-http.ts';
import type { RawReply } from './raw-http.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' } as const;
const JOB = JSON.stringify({ type: 'collatz', parameters: { start: '1', end: '100' } });

const head = (lines: string): string =>
  `POST /api/submit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${lines}\r\n`;
const smuggled = requestText('POST', '/api/submit', JSON_TYPE, JOB).toString();

/** Each hides a whole second request from a server that reads the length in the other way. */
const SMUGGLING: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding':
    head('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n') + `0\r\n\r\n${smuggled}`,
  'Transfer-Encoding and Content-Length':
    head(`Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length}\r\n`) + `0\r\n\r\n${smuggled}`,
  'two lengths': head(`Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`) + smuggled,
  'lengths in a list': head(`Content-Length: 0, ${smuggled.length}\r\n`) + smuggled,
  'a length with a sign': head('Content-Length: +0\r\n') + smuggled,
  'a length in hexadecimal': head('Content-Length: 0x0\r\n') + smuggled,
  'an encoding that is none': head('Transfer-Encoding: xchunked\r\n') + `0\r\n\r\n${smuggled}`,
  'chunked before identity': head('Transfer-Encoding: chunked, identity\r\n') + `0\r\n\r\n${smuggled}`,
  'chunked twice':
    head('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n') + `0\r\n\r\n${smuggled}`,
  'a space before the colon': head('Transfer-Encoding : chunked\r\n') + `0\r\n\r\n${smuggled}`,
  'a folded header': head('X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n') + smuggled,
  'a tab for a name': head('\tTransfer-Encoding: chunked\r\n') + `0\r\n\r\n${smuggled}`,
  'line feeds alone': `POST /api/submit HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n${smuggled}`,
  'a carriage return within a header': head('X: a\rContent-Length: 0\r\n') + smuggled,
  'a chunk length with more behind it': head('Transfer-Encoding: chunked\r\n') + `0x0\r\n\r\n${smuggled}`,
  'a negative chunk': head('Transfer-Encoding: chunked\r\n') + `-1\r\n\r\n${smuggled}`,
  'a chunk past all numbers': head('Transfer-Encoding: chunked\r\n') + `ffffffffffffffffffff\r\n${smuggled}`,
  'another host in a second header': `POST /api/submit HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nContent-Length: 0\r\n\r\n${smuggled}`,
  'another host in the address': `POST http://evil/api/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n${smuggled}`,
};

suite('a request with two readings', () => {
  test('is refused, and what it hides is never read', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    for (const [name, bytes] of Object.entries(SMUGGLING)) {
      assert.equal(refusalIn(await sendRaw({ port }, bytes)), 'malformed', name);
    }
    const { jobs } = jobList.parse((await coordinator.ask('/api/jobs')).body);
    assert.deepEqual(jobs, [], 'no hidden request was answered');
  });

  test('by its headers alone is refused in the shape of all errors', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    const get = (lines: string) => sendRaw({ port }, `GET /api/status HTTP/1.1\r\n${lines}\r\n`);
    const cases: readonly (readonly [string, RawReply])[] = [
      ['no host', await get('')],
      ['oversized', await get(`Host: localhost\r\nX: ${'a'.repeat(20_000)}\r\n`)],
      ['thousands', await get(`Host: localhost\r\n${'a: b\r\n'.repeat(3000)}`)],
      ['NUL', await get('Host: localhost\r\nX: a\0b\r\n')],
      ['a name with a space', await get('Host: localhost\r\nX Y: a\r\n')],
      ['no name', await get('Host: localhost\r\n: a\r\n')],
      ['two keys', await get('Host: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n')],
      ['HTTP/3', await sendRaw({ port }, 'GET / HTTP/3.0\r\n\r\n')],
      ['TLS', await sendRaw({ port }, Buffer.from('16030100a5010000a10303', 'hex'))],
      ['HTTP/2', await sendRaw({ port }, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ];
    for (const [name, reply] of cases) assert.equal(refusalIn(reply), 'malformed', name);
  });
});

suite('a path', () => {
  test('that leads around the doors leads nowhere', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    const paths = [
      '/api/keys/',
      '/API/KEYS',
      '//api/keys',
      '/./api/keys',
      '/api/./keys',
      '/api/../api/keys',
      '/api//keys',
      '/api/keys/.',
      '/api%2fkeys',
      '/api/%6beys',
      '/%61pi/keys',
      '/api/keys%00',
      '/api/keys%20',
      '/api/keys?',
      '/api/keys#',
      '/api/keys;a=b',
      '/docs/../api/keys',
      '/docs/..%2fapi/keys',
      '/health/../api/keys',
      '/kernels/../api/keys',
      '\\api\\keys',
      '/api\\keys',
      '/api/audit/',
      '/api/status/../keys',
      '/socket.io/../api/keys',
      'http://localhost/api/keys',
    ];
    for (const path of paths) {
      const reply = await sendRaw({ port }, requestText('GET', path));
      assert.ok(reply.status >= 400 && !reply.text.includes('key_id'), `${path}: ${reply.status}`);
      // What begins like an address of Socket.IO is answered by it.
      if (path.startsWith('/socket.io/')) continue;
      assert.ok(
        ['not_found', 'key_needed', 'malformed'].includes(refusalIn(reply)),
        `${path}: ${reply.text}`,
      );
    }
  });

  test('that leads out of the pages finds no file', async (t) => {
    const coordinator = await runCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    const ups = [
      '..',
      '%2e%2e',
      '..%2f',
      '%2e%2e%2f',
      '..%5c',
      '....',
      '..;',
      '%252e%252e',
      '..%c0%af',
      '..\\',
    ];
    for (const up of ups) {
      for (const start of ['', '/assets', '/docs', '/kernels']) {
        for (const file of ['package.json', 'etc/passwd', 'data/token.key', '.git/config']) {
          const path = `${start}/${Array.from({ length: 6 }, () => up).join('/')}/${file}`;
          const reply = await sendRaw({ port }, requestText('GET', path));
          assert.ok(['not_found', 'malformed'].includes(refusalIn(reply)), `${path}: ${reply.status}`);
        }
      }
    }
    for (const path of ['/.env', '/.vite/manifest.json', '/package.json', '/assets', '/assets/']) {
      assert.equal(refusalIn(await sendRaw({ port }, requestText('GET', path))), 'not_found', path);
    }
  });
});

suite('a body', () => {
  test('that is too large, cut off, nested without end, no number or a prototype does no harm', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const port = Number(new URL(coordinator.url).port);
    const key = bearer(coordinator.adminKey);
    const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
      sendRaw({ port }, requestText('POST', '/api/submit', { ...key, ...JSON_TYPE, ...headers }, body));
    const parameters = (json: string): string => `{"type":"collatz","parameters":${json}}`;
    const cases: readonly (readonly [string, RawReply, string])[] = [
      ['64 KB and one', await post(`"${'x'.repeat(65_535)}"`), 'too_large'],
      ['1 MB', await post('x'.repeat(1_000_000)), 'too_large'],
      ['said to be 2^63', await post('{}', { 'Content-Length': String(2n ** 63n) }), 'too_large'],
      ['said to be 10 GB', await post('{}', { 'Content-Length': '10000000000' }), 'too_large'],
      ['cut off', await post(JOB.slice(0, -1)), 'malformed'],
      ['nothing', await post(''), 'malformed'],
      ['no UTF-8', await post(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 'malformed'],
      ['NaN', await post(parameters('{"start":NaN,"end":"9"}')), 'malformed'],
      ['Infinity', await post(parameters('{"start":Infinity,"end":"9"}')), 'malformed'],
      ['1e400', await post(parameters('{"start":1,"end":1e400}')), 'invalid_request'],
      ['-0', await post(parameters('{"start":-0,"end":"9"}')), 'invalid_request'],
      ['lists in lists', await post('['.repeat(32_000) + ']'.repeat(32_000)), 'invalid_request'],
      [
        'objects in objects',
        await post(parameters(`${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`)),
        'invalid_request',
      ],
      ['an open end', await post('['.repeat(60_000)), 'malformed'],
      [
        'a prototype',
        await post('{"type":"collatz","__proto__":{"user":"x"},"parameters":{"start":"1","end":"9"}}'),
        'invalid_request',
      ],
      [
        'a prototype in the parameters',
        await post(parameters('{"start":"1","end":"9","__proto__":{"end":"99"}}')),
        'invalid_request',
      ],
      [
        'a constructor',
        await post(parameters('{"start":"1","end":"9","constructor":{"prototype":{}}}')),
        'invalid_request',
      ],
      ['a type of Object', await post('{"type":"constructor","parameters":{}}'), 'invalid_request'],
      ['zip', await post('{}', { 'Content-Encoding': 'gzip' }), 'unsupported_media_type'],
      [
        'UTF-7',
        await post('{}', { 'Content-Type': 'application/json; charset=utf-7' }),
        'unsupported_media_type',
      ],
    ];
    for (const [name, reply, code] of cases) assert.equal(refusalIn(reply), code, name);
    assert.equal(Reflect.get({}, 'user'), undefined);

    const endless = Buffer.from(
      `POST /api/submit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${coordinator.adminKey}\r\n` +
        `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${'ffff\r\n' + 'x'.repeat(65_535) + '\r\n'}`.repeat(
          1,
        ) +
        `ffff\r\n${'x'.repeat(65_535)}\r\n`,
    );
    assert.equal(refusalIn(await sendRaw({ port }, endless)), 'too_large', 'chunks without end');
    assert.deepEqual(jobList.parse((await coordinator.ask('/api/jobs')).body).jobs, []);
    const good = await post(JOB);
    assert.equal(submitReply.parse(JSON.parse(good.text)).status, 'pending', 'a good one is taken all along');
  });
});
