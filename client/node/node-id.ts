/**
 * The name under which a worker appears. It is made once and kept in the data folder, so that a machine keeps
 * its history over restarts. Several processes on one folder take a slot each.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const MAX_SLOTS = 64;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,55}$/;

/** A name that the protocol takes, with room for a suffix: `host-1a2b3c`. */
export function freshNodeId(host: string = hostname()): string {
  const plain = host.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${plain.slice(0, 40) || 'worker'}-${randomBytes(3).toString('hex')}`;
}

/**
 * The name kept in `dataDir`, made at the first call.
 * @throws Error if the folder can't be written; its message says which
 */
export function persistentNodeId(
  dataDir: string,
  host: string = hostname(),
  pid: number = process.pid,
): string {
  mkdirSync(dataDir, { recursive: true });
  // In containers that share a folder pids repeat, but host names differ.
  const place = host.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64);
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    const file = join(dataDir, `worker-${place}-${slot}.id`);
    const kept = read(file);
    if (kept !== undefined && kept.pid !== pid && isAlive(kept.pid)) continue;
    const id = kept?.id ?? freshNodeId(host);
    writeFileSync(file, `${id} ${pid}\n`);
    return id;
  }
  return freshNodeId(host);
}

function read(file: string): { id: string; pid: number } | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [id = '', pid = ''] = text.trim().split(' ');
  return ID.test(id) && /^\d{1,10}$/.test(pid) ? { id, pid: Number(pid) } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted to signal it: it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
