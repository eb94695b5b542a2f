/** STORE_URL: where the database is and who we are there; the password stays in it and comes into no message. */
import { StartError } from '../../config.ts';

const FORM = 'write postgres://user:password@host:5432/database';
const PROTOCOLS: ReadonlySet<string> = new Set(['postgres:', 'postgresql:']);

export interface Address {
  /** With the password: not for any log. */
  readonly url: string;
  /** `host:port/database`, for messages. */
  readonly place: string;
  readonly user: string;
  readonly database: string;
}

/**
 * The schema is the first of the role's search_path; `?options=-c%20search_path%3Dname` chooses another one.
 * @throws StartError store_url
 */
export function readAddress(url: string): Address {
  // What URL throws has the whole text in it: it goes no further.
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) {
    throw new StartError(
      'store_url',
      `STORE_URL is not an address: ${FORM}, with / ? # @ and : of the password as %2F %3F %23 %40 and %3A`,
    );
  }
  if (!PROTOCOLS.has(parsed.protocol)) {
    throw new StartError('store_url', `STORE_URL is not the address of a PostgreSQL: ${FORM}`);
  }
  const named = (name: string, otherwise: string) => parsed.searchParams.get(name) ?? otherwise;
  const host = named('host', parsed.hostname);
  const database = decode(parsed.pathname.slice(1));
  if (host === '') throw new StartError('store_url', `STORE_URL names no host: ${FORM}`);
  if (database === '') throw new StartError('store_url', `STORE_URL names no database: ${FORM}`);
  const port = named('port', parsed.port === '' ? '5432' : parsed.port);
  return { url, place: `${host}:${port}/${database}`, user: decode(parsed.username), database };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new StartError('store_url', `STORE_URL has a % that begins no %XX: ${FORM}`);
  }
}
