/** Which store a coordinator is told to use. */
import { readFileSync } from 'node:fs';
import { UsageError, type Settings } from './option.ts';
import { STORE_URL, STORE_URL_FILE } from './options.ts';

/**
 * The address in STORE_URL, or the one line of STORE_URL_FILE: in the environment of a process, and in what its platform
 * shows of it, the address would show its password. Undefined: the embedded store.
 * @throws UsageError where both are given, or where the file can't be read or is no one line; never with what is in it
 */
export function storeUrl(settings: Settings): string | undefined {
  const given = settings.get(STORE_URL);
  const path = settings.get(STORE_URL_FILE);
  if (path === undefined) return given;
  if (given !== undefined)
    throw new UsageError(
      'STORE_URL and STORE_URL_FILE are both given: which store is meant? Keep one of them',
    );
  const [line = '', ...more] = read(path).trim().split('\n');
  if (line === '' || more.length > 0)
    throw new UsageError(
      `STORE_URL_FILE: ${path} holds no address: one line, such as postgres://user:password@host/database`,
    );
  return line;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`STORE_URL_FILE can't be read: ${why}`);
  }
}
