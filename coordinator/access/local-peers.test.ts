import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../config.ts';
import { defaultGateway, localPeers } from './local-peers.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const table = (...rows: readonly string[]) => `${[HEAD, ...rows].join('   \n')}\n`;
const route = (
  gateway: string,
  more: { flags?: string; metric?: number; to?: string; mask?: string } = {},
) => {
  const { flags = '0003', metric = 0, to = '00000000', mask = '00000000' } = more;
  return ['eth0', to, gateway, flags, '0', '0', String(metric), mask, '0', '0', '0'].join('\t');
};
const refused = (says: RegExp) => (error: unknown) =>
  error instanceof StartError && error.problem === 'local_peers' && says.test(error.message);

test('the gateway is that of the default route with the least metric', () => {
  assert.equal(defaultGateway(table(route('010012AC')), 'LE'), '172.18.0.1');
  assert.equal(defaultGateway(table(route('AC120001')), 'BE'), '172.18.0.1');
  const two = table(route('0100000A', { metric: 100 }), route('010012AC', { metric: 20 }));
  assert.equal(defaultGateway(two, 'LE'), '172.18.0.1');
});

test('what is no default route by a gateway is passed over', () => {
  const others = [
    route('00000000', { flags: '0001', to: '000012AC', mask: '0000FFFF' }),
    // A default route to a network without a gateway, one that is down, one of half the addresses.
    route('00000000', { flags: '0001' }),
    route('010012AC', { flags: '0002' }),
    route('010012AC', { mask: '00000080' }),
    '',
    'nonsense',
  ];
  assert.equal(defaultGateway(table(...others), 'LE'), null);
  assert.equal(defaultGateway(table(...others, route('0100000A')), 'LE'), '10.0.0.1');
  assert.equal(defaultGateway('', 'LE'), null);
});

test('the word stands for the address; addresses and networks stay', () => {
  // The same address in either byte order.
  const routes = () => table(route('0A00000A'));
  assert.deepEqual(localPeers(['10.0.0.0/8', 'gateway', 'fd00::1'], routes), [
    '10.0.0.0/8',
    '10.0.0.10',
    'fd00::1',
  ]);
  assert.deepEqual(
    localPeers([], () => assert.fail('no word, no reading')),
    [],
  );
});

test('no default route, no table, no address: refused with what to do', () => {
  assert.throws(() => localPeers(['gateway'], () => table()), refused(/no default route.*not internal/));
  const missing = () => {
    throw new Error('ENOENT');
  };
  assert.throws(() => localPeers(['gateway'], missing), refused(/only Linux.*name the addresses/));
  for (const wrong of ['gatewy', '10.0.0.0/33', '', 'example.org']) {
    assert.throws(() => localPeers([wrong]), refused(/no address or network/), wrong);
  }
});
