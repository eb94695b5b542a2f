/** The first file of a backup: what it is, of when, and what else is in it. */
import { z } from 'zod';

export const MANIFEST = 'manifest.json';
export const DATABASE = 'cluster.db';
export const ADMIN_KEY = 'admin.key';
export const WORKER_KEY = 'worker.key';
/** Raised by what an older program could not restore. */
export const BACKUP_VERSION = 1;
/** More is no manifest, and no key. */
export const MOST_SMALL_BYTES = 64 * 1024;

export const manifest = z.object({
  format: z.literal('threads-cluster backup'),
  version: z.number().int().min(1),
  made_at: z.iso.datetime(),
  software: z.string().max(64),
  /** How many steps of the schema the database has taken. */
  schema: z.number().int().min(1),
  jobs: z.object({ all: z.number().int().min(0), unfinished: z.number().int().min(0) }),
  files: z.array(
    z.object({
      name: z.enum([DATABASE, ADMIN_KEY, WORKER_KEY]),
      bytes: z.number().int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type Manifest = z.infer<typeof manifest>;
