/**
 * How many workers the operator expects: CLUSTER_SIZE, or the number in CLUSTER_SIZE_FILE, which whoever scales the
 * cluster writes anew. Read each time that somebody asks, so that scaling needs no restart: 30 µs for a small file.
 */
import { readFileSync, statSync } from 'node:fs';

/** Room for a number and white space; what is larger is no number of workers. */
const MOST_BYTES = 64;
const MOST_WORKERS = 1_000_000;

/** Null: the operator expects no particular number. */
export type ExpectedWorkers = () => number | null;

/** @param file absent, unreadable, or with anything but a whole number in it, it counts for nothing */
export function expectedWorkers(size: number | null, file: string | undefined): ExpectedWorkers {
  return file === undefined ? () => size : () => numberIn(file) ?? size;
}

/** 0 is a cluster that was scaled down to none. */
function numberIn(path: string): number | null {
  try {
    const about = statSync(path);
    // A pipe would wait for a writer for ever.
    if (!about.isFile() || about.size > MOST_BYTES) return null;
    const text = readFileSync(path, 'utf8').trim();
    const value = Number(text);
    return /^\d{1,7}$/.test(text) && value <= MOST_WORKERS ? value : null;
  } catch {
    return null;
  }
}
