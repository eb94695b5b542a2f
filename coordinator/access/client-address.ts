/** Where a request comes from: the peer's address, or what a trusted proxy in front says of it. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** What proxies add. A request that carries one of these did not come straight from whoever made it. */
const FORWARDING_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-client-cert',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-url',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'cdn-loop',
  'via',
] as const;

export type Request = Pick<IncomingMessage, 'headers'> & {
  readonly httpVersion?: string;
  readonly socket: Pick<IncomingMessage['socket'], 'remoteAddress'>;
};

/** Addresses as TRUST_PROXY and LOCAL_PEERS list them: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`. */
export class AddressList {
  readonly #list = new BlockList();
  readonly #none: boolean;

  /** @throws RangeError for what is no address or network; the message says which */
  constructor(networks: readonly string[]) {
    this.#none = networks.length === 0;
    for (const network of networks) {
      const [address = '', bits] = network.split('/');
      const family = isIP(address);
      const longest = family === 4 ? 32 : 128;
      const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
      if (family === 0 || !(prefix <= longest)) throw new RangeError(`${network} is no address or network`);
      this.#list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  has(address: string): boolean {
    if (this.#none) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/**
 * The last address of X-Forwarded-For that no trusted proxy wrote: what stands before it anybody can invent. Without
 * a trusted proxy the peer's own.
 */
export function clientAddress(request: Request, trusted: AddressList): string {
  let address = plainAddress(request.socket.remoteAddress ?? '');
  if (!trusted.has(address)) return address;
  const hops = listOf(request.headers['x-forwarded-for']).toReversed();
  for (const hop of hops) {
    const next = plainAddress(hop);
    // A proxy that writes no address is not to be followed further.
    if (isIP(next) === 0) return address;
    address = next;
    if (!trusted.has(address)) return address;
  }
  return address;
}

/**
 * HTTP/1.0 is what nginx speaks to what it stands before, where nobody told it otherwise; then it adds no header
 * either. Nothing that talks to a coordinator directly still speaks it.
 */
export function isForwarded({ headers, httpVersion }: Request): boolean {
  return httpVersion === '1.0' || FORWARDING_HEADERS.some((name) => headers[name] !== undefined);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** `localhost`, 127.0.0.1, [::1], with any port: what a browser shows for a page of this machine. */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
  return name === 'localhost' || name === '[::1]' || (isIP(name) === 4 && isLoopback(name));
}

/**
 * What limits are counted by. A household or a machine has a whole /64 of IPv6: counted one by one its addresses
 * would be limits that nobody reaches.
 */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':')}::/64`;
}

/** IPv4 in IPv6 clothes (`::ffff:10.0.0.1`) is IPv4. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address.trim());
  return mapped?.[1] ?? address.trim();
}

function listOf(header: string | readonly string[] | undefined): string[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
