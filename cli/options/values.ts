/** What the text of an option may be. Each parser throws an Error whose message is what is expected. */
import { isIP } from 'node:net';
import { apiKey } from '../../protocol/access.ts';
import type { nodeId } from '../../protocol/messages.ts';
import { parseNumber } from '../number.ts';

/** Throws what is expected, unless `ok`. */
function expect(ok: boolean, expected: string): void {
  if (!ok) throw new Error(expected);
}

export function whole(min: number, max: number): (text: string) => number {
  const expected = `a whole number from ${min} to ${max}`;
  return (text) => {
    const value = /^-\d+$/.test(text) ? Number(text) : Number(parsed(text, expected));
    expect(value >= min && value <= max, expected);
    return value;
  };
}

/** A plain decimal, fractions allowed. */
export function seconds(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
    expect(value >= min && value <= max, `seconds from ${min} to ${max}`);
    return value;
  };
}

function parsed(text: string, expected: string): bigint {
  try {
    return parseNumber(text);
  } catch {
    throw new Error(expected);
  }
}

export function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new Error(`one of ${choices.join(', ')}`);
    return found;
  };
}

export function list<T>(item: (text: string) => T, most: number): (text: string) => readonly T[] {
  return (text) => {
    const parts = text.split(',').map((part) => part.trim());
    expect(parts.length <= most, `at most ${most}, separated by commas`);
    return parts.filter((part) => part !== '').map(item);
  };
}

export const port = (text: string) => {
  expect(/^\d{1,5}$/.test(text) && Number(text) <= 65535, 'a port from 0 to 65535 (0 takes a free one)');
  return Number(text);
};

export const host = (text: string) => {
  expect(/^[A-Za-z0-9.:_-]{1,253}$/.test(text), 'an address or host name, such as 127.0.0.1 or 0.0.0.0');
  return text;
};

export const folder = (text: string) => {
  expect(!text.includes('\0') && text.length <= 4096, 'the path of a folder');
  return text;
};

export const file = (text: string) => {
  expect(!text.includes('\0') && text.length <= 4096, 'the path of a file');
  return text;
};

/** Accepts 127.0.0.1:3000 too; gives an origin without a slash at its end. */
export function coordinatorUrl(text: string): string {
  const expected = 'the address of a coordinator, such as http://127.0.0.1:3000';
  return siteAddress(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`, expected);
}

export function metricsUrl(text: string): string {
  const ok = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  expect(ok, 'an address of metrics, such as http://127.0.0.1:9090/metrics');
  return text;
}

/** Gives an origin without a slash at its end. */
export function publicUrl(text: string): string {
  return siteAddress(text, 'an address of HTTP or HTTPS, such as https://cluster.example.org');
}

function siteAddress(text: string, expected: string): string {
  expect(URL.canParse(text), expected);
  const url = new URL(text);
  expect(url.protocol === 'http:' || url.protocol === 'https:', expected);
  expect(url.pathname === '/' && url.search === '' && url.hash === '', `${expected}, without a path`);
  expect(url.username === '' && url.password === '', `${expected}, without a user`);
  return url.origin;
}

export function origin(text: string): string {
  expect(/^https?:\/\/[^/?#@]+$/.test(text) && URL.canParse(text), 'origins such as https://example.org');
  return new URL(text).origin;
}

export const knownBy = (schema: typeof nodeId) => (text: string) => {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new Error((result.error.issues[0]?.message ?? '').replace(/^expected /, ''));
};

export function network(text: string): string {
  const [address = '', bits] = text.split('/');
  const family = isIP(address);
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  expect(family !== 0 && fits, 'addresses or networks such as 10.0.0.0/8');
  return text;
}

/** An address, a network, or `gateway`. */
export function peer(text: string): string {
  return text === 'gateway' ? text : network(text);
}

/** Not shown in an error: it may be nearly right. */
export function key(text: string): string {
  expect(apiKey.safeParse(text).success, 'a key as `threads token create` shows it: tc_…');
  return text;
}

export const switched = (text: string) => {
  expect(text === 'true' || text === 'false', 'true or false');
  return text === 'true';
};
