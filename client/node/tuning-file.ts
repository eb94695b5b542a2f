/** The tunings that were found fastest, by device and kernel, in the data folder: gpu-tunings.json. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TuningMemory } from '../engines/autotune.ts';

/** Each new text of a kernel adds an entry; the oldest go. */
const MAX_ENTRIES = 200;
const MAX_LENGTH = 400;

/**
 * What is known of one device. A file that can't be read counts as empty, and one that can't be written is only
 * reported: the worker measures again after a restart.
 * @param device names the adapter and its driver
 */
export function tuningFile(dataDir: string, device: string, warn: (message: string) => void): TuningMemory {
  const path = join(dataDir, 'gpu-tunings.json');
  const keyOf = (kernel: string) => `${device} ${kernel}`;
  return {
    get: (kernel) => read(path).get(keyOf(kernel)),
    set(kernel, tuning) {
      // Read again: other workers share the folder.
      const entries = read(path);
      entries.delete(keyOf(kernel));
      entries.set(keyOf(kernel), tuning);
      const kept = [...entries].slice(-MAX_ENTRIES);
      try {
        mkdirSync(dataDir, { recursive: true });
        const temporary = `${path}.${process.pid}`;
        writeFileSync(temporary, `${JSON.stringify(Object.fromEntries(kept), undefined, 1)}\n`);
        renameSync(temporary, path);
      } catch (error) {
        warn(`${path} can't be written: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

function read(path: string): Map<string, string> {
  const entries = new Map<string, string>();
  let stored: unknown;
  try {
    stored = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return entries;
  }
  if (typeof stored !== 'object' || stored === null) return entries;
  for (const [key, value] of Object.entries(stored)) {
    if (typeof value === 'string' && value.length <= MAX_LENGTH && key.length <= MAX_LENGTH) {
      entries.set(key, value);
    }
  }
  return entries;
}
