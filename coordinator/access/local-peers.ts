/**
 * Addresses that count as this machine's own for submitting (LOCAL_PEERS). In a container nobody comes from loopback:
 * what the machine around it sends to a published port comes from the gateway of the container's network.
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { StartError } from '../config.ts';
import { AddressList } from './client-address.ts';

/** In the list: the gateway of the default route, whatever it is when the coordinator starts. */
export const GATEWAY = 'gateway';

const ROUTES = '/proc/net/route';
/** Flags of the kernel's table (RTF_UP, RTF_GATEWAY). */
const UP_BY_GATEWAY = 0x0003;

/**
 * The list with every word in it replaced by an address.
 * @param readRoutes gives the kernel's table of IPv4 routes
 * @throws StartError local_peers
 */
export function localPeers(
  listed: readonly string[],
  readRoutes: () => string = () => readFileSync(ROUTES, 'utf8'),
): readonly string[] {
  const peers = listed.map((peer) => (peer === GATEWAY ? gateway(readRoutes) : peer));
  try {
    new AddressList(peers);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      'local_peers',
      `LOCAL_PEERS: ${why}, such as 172.18.0.1, nor the word gateway`,
      error,
    );
  }
  return peers;
}

function gateway(readRoutes: () => string): string {
  let table: string;
  try {
    table = readRoutes();
  } catch (error) {
    throw new StartError(
      'local_peers',
      `LOCAL_PEERS=gateway needs ${ROUTES}, which only Linux has: name the addresses instead`,
      error,
    );
  }
  const found = defaultGateway(table);
  if (found !== null) return found;
  throw new StartError(
    'local_peers',
    'LOCAL_PEERS=gateway, but there is no default route of IPv4: connect the container to a network with a way out (in compose, one that is not internal), or name the addresses instead',
  );
}

/**
 * The gateway of the default route with the least metric; null where there is none.
 * @param table as /proc/net/route has it: addresses are hexadecimal numbers in the machine's byte order
 */
export function defaultGateway(table: string, order: 'BE' | 'LE' = endianness()): string | null {
  let best: { readonly address: string; readonly metric: number } | null = null;
  for (const line of table.split('\n').slice(1)) {
    const [, to = '', by = '', flags = '', , , metric = '', mask = ''] = line.trim().split(/\s+/);
    if (to !== '00000000' || mask !== '00000000' || !/^[0-9A-F]{8}$/i.test(by)) continue;
    if ((Number.parseInt(flags, 16) & UP_BY_GATEWAY) !== UP_BY_GATEWAY) continue;
    if (best !== null && best.metric <= Number(metric)) continue;
    best = { address: dotted(by, order), metric: Number(metric) };
  }
  return best?.address ?? null;
}

function dotted(hex: string, order: 'BE' | 'LE'): string {
  const bytes = [...Buffer.from(hex, 'hex')];
  return (order === 'LE' ? bytes.toReversed() : bytes).join('.');
}
