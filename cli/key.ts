/** Which key a command shows to the coordinator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiKey } from '../protocol/access.ts';
import { CommandError } from './command-error.ts';
import { API_KEY, API_KEY_FILE, DATA_DIR, WORKER_KEY_FILE } from './options.ts';
import type { Settings } from './option.ts';

/**
 * API_KEY, the one in API_KEY_FILE, or what a coordinator of this machine keeps: the workers' where WORKER_KEY_FILE
 * says, else in DATA_DIR. The admin's goes to loopback addresses alone: an address that somebody else gave must not
 * fetch the operator's key.
 * @param file which of the coordinator's own: the admin's for commands, the workers' for workers
 * @throws CommandError for a file that is named but can't be used
 */
export function keyFor(settings: Settings, url: string, file: 'admin' | 'worker'): string | undefined {
  const given = settings.get(API_KEY);
  if (given !== undefined) return given;
  const named = settings.get(API_KEY_FILE);
  if (named !== undefined) return namedKey(named, 'API_KEY_FILE');
  const ofWorkers = file === 'worker' ? settings.get(WORKER_KEY_FILE) : undefined;
  if (ofWorkers !== undefined) return namedKey(ofWorkers, 'WORKER_KEY_FILE');
  // A worker beside its coordinator may reach it by the name of a container; its key lets nobody do more than compute.
  if (file === 'admin' && !isLoopbackUrl(url)) return undefined;
  return readKey(join(settings.get(DATA_DIR), `${file}.key`));
}

function namedKey(path: string, option: string): string {
  const key = readKey(path);
  if (key === undefined) throw new CommandError(`there is no usable key in ${path}: check ${option}`);
  return key;
}

/** Undefined where there is none, or none that this user may read. */
function readKey(path: string): string | undefined {
  try {
    return apiKey.safeParse(readFileSync(path, 'utf8').trim()).data;
  } catch {
    return undefined;
  }
}

function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
