import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AddressList,
  clientAddress,
  isForwarded,
  isLoopback,
  isLoopbackHost,
  limitKey,
} from './client-address.ts';

const from = (remoteAddress: string, forwardedFor?: string) => ({
  socket: { remoteAddress },
  headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
});

test('without a trusted proxy nobody can say where they come from', () => {
  const nobody = new AddressList([]);
  assert.equal(clientAddress(from('203.0.113.5', '1.2.3.4'), nobody), '203.0.113.5');
  assert.equal(clientAddress(from('::ffff:203.0.113.5', '1.2.3.4'), nobody), '203.0.113.5');
});

test('behind trusted proxies, it is the last address that none of them wrote', () => {
  const proxies = new AddressList(['10.0.0.0/8', '192.168.1.7', 'fd00::/8']);
  assert.equal(clientAddress(from('10.0.0.2', '203.0.113.5'), proxies), '203.0.113.5');
  assert.equal(
    clientAddress(from('10.0.0.2', '6.6.6.6, 203.0.113.5'), proxies),
    '203.0.113.5',
    'invented before',
  );
  assert.equal(clientAddress(from('::ffff:10.0.0.2', '203.0.113.5, 192.168.1.7'), proxies), '203.0.113.5');
  assert.equal(clientAddress(from('fd00::1', '2001:db8::9'), proxies), '2001:db8::9');
  assert.equal(clientAddress(from('192.168.1.8', '203.0.113.5'), proxies), '192.168.1.8', 'another machine');
  assert.equal(clientAddress(from('10.0.0.2'), proxies), '10.0.0.2');
  assert.equal(clientAddress(from('10.0.0.2', 'unknown'), proxies), '10.0.0.2');
  assert.equal(clientAddress(from('10.0.0.2', '203.0.113.5, ,<script>'), proxies), '10.0.0.2');
});

test('what is no address or network is refused', () => {
  for (const wrong of [
    '10.0.0.0/33',
    'example.org',
    '10.0.0',
    'fd00::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '',
  ]) {
    assert.throws(() => new AddressList([wrong]), RangeError, wrong);
  }
});

test('loopback is told from what looks like it', () => {
  for (const yes of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(yes), yes);
  for (const no of ['128.0.0.1', '::2', '127.0.0.1.example', '', '127']) assert.ok(!isLoopback(no), no);
  for (const yes of ['localhost', 'LocalHost:3000', '127.0.0.1:80', '[::1]:3000', '[::1]']) {
    assert.ok(isLoopbackHost(yes), yes);
  }
  for (const no of [
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'evil.example:3000',
    'xlocalhost',
    '',
    '0.0.0.0',
  ]) {
    assert.ok(!isLoopbackHost(no), no);
  }
  assert.ok(!isLoopbackHost(undefined));
});

test('limits count an IPv6 network as one, IPv4 addresses one by one', () => {
  assert.equal(limitKey('203.0.113.5'), '203.0.113.5');
  const one = limitKey('2001:db8:0:1::1');
  assert.equal(limitKey('2001:0db8:0000:0001:ffff:eeee:dddd:cccc'), one);
  assert.equal(limitKey('2001:DB8:0:1:2::'), one);
  assert.notEqual(limitKey('2001:db8:0:2::1'), one);
  assert.equal(limitKey('::1'), limitKey('0:0:0:0::5'));
});

test('what went through a proxy is told by its headers, or by HTTP/1.0, as nginx speaks by itself', () => {
  const request = { socket: { remoteAddress: '127.0.0.1' }, httpVersion: '1.1', headers: {} };
  assert.equal(isForwarded(request), false);
  assert.equal(isForwarded({ ...request, httpVersion: '1.0' }), true);
  for (const name of ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip', 'cf-connecting-ip', 'cdn-loop']) {
    assert.equal(isForwarded({ ...request, headers: { [name]: '' } }), true, name);
  }
});
