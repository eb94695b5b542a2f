/** A backup of a store, running or not: one archive with the database and the operator's keys. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { apiKey } from '../../protocol/access.ts';
import { ADMIN_KEY, BACKUP_VERSION, DATABASE, MANIFEST, WORKER_KEY } from './backup-manifest.ts';
import type { Manifest } from './backup-manifest.ts';
import { takeSnapshot } from './snapshot.ts';
import { END, entryHeader, padding } from './tar.ts';

export interface BackupOptions {
  readonly dataDir: string;
  /** Where the operator's workers' key is, if not in `dataDir`. */
  readonly workerKeyFile: string | undefined;
  /** Version of this software. */
  readonly software: string;
}

export interface Backup {
  readonly manifest: Manifest;
  /** The archive. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Removes what was made for it. */
  close(): void;
}

type File = Manifest['files'][number];

/**
 * The key that signs lease tokens is left out: leases of before the backup are void after a restore, so that nothing
 * of a life that is forgotten can be counted in the next.
 * @throws BackupError no_store, no_room, damaged
 */
export async function makeBackup(options: BackupOptions): Promise<Backup> {
  const { dataDir, software } = options;
  const madeAt = Date.now();
  const snapshot = takeSnapshot(dataDir);
  try {
    const keys = new Map<File['name'], string>([
      [ADMIN_KEY, readKey(join(dataDir, ADMIN_KEY))],
      [WORKER_KEY, readKey(options.workerKeyFile ?? join(dataDir, WORKER_KEY))],
    ]);
    for (const [name, text] of keys) if (text === '') keys.delete(name);
    const files: File[] = [
      { name: DATABASE, bytes: statSync(snapshot.path).size, sha256: await hashOf(snapshot.path) },
      ...[...keys].map(([name, text]) => ({ name, bytes: text.length, sha256: sha256(text) })),
    ];
    const { schema, jobs } = snapshot;
    const manifest: Manifest = {
      format: 'threads-cluster backup',
      version: BACKUP_VERSION,
      made_at: new Date(madeAt).toISOString(),
      ...{ software, schema, jobs, files },
    };
    return {
      manifest,
      close: () => snapshot.remove(),
      bytes: archive(manifest, madeAt, (name) => {
        const text = keys.get(name);
        return text === undefined ? createReadStream(snapshot.path) : [Buffer.from(text)];
      }),
    };
  } catch (error) {
    snapshot.remove();
    throw error;
  }
}

async function* archive(
  manifest: Manifest,
  madeAt: number,
  open: (name: File['name']) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const about = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  yield entryHeader({ name: MANIFEST, bytes: about.length }, madeAt);
  yield about;
  yield padding(about.length);
  for (const file of manifest.files) {
    yield entryHeader(file, madeAt);
    yield* open(file.name);
    yield padding(file.bytes);
  }
  yield END;
}

/** With the end of its line; empty where there is none. */
function readKey(path: string): string {
  try {
    const key = apiKey.safeParse(readFileSync(path, 'utf8').trim()).data;
    return key === undefined ? '' : `${key}\n`;
  } catch {
    return '';
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(Buffer.from(piece));
  return hash.digest('hex');
}
