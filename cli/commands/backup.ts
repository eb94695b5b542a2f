/** backup and restore: the store of a coordinator as one file. */
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { once } from 'node:events';
import manifest from '../../package.json' with { type: 'json' };
import { CommandError, EXIT, note, printJson, wantsJson } from '../command.ts';
import type { Command, Context } from '../command.ts';
import { UsageError } from '../option.ts';
import * as options from '../options.ts';

const STREAM = '-';

export const backup: Command = {
  usage: 'backup FILE|-',
  about:
    'Copies the store of a coordinator, which goes on meanwhile: jobs, results, keys, audit log. Run it where the coordinator runs, as its user. Whoever has the copy is an admin: it holds the operator’s keys.',
  options: [options.DATA_DIR, options.WORKER_KEY_FILE],
  takes: [1, 1],
  examples: ['backup /backups/tonight.tar', 'backup - > tonight.tar'],
  async run(context) {
    const { settings } = context;
    const target = fileOf(context);
    if (target === STREAM && process.stdout.isTTY) {
      throw new UsageError('a backup is nothing for a terminal: name a file, or send it on by > or |');
    }
    const { makeBackup } = await import('../../coordinator/store/backup.ts');
    const made = await explained('there is no backup', () =>
      makeBackup({
        dataDir: settings.get(options.DATA_DIR),
        workerKeyFile: settings.get(options.WORKER_KEY_FILE),
        software: manifest.version,
      }),
    );
    // Whoever stops reading standard output ends this process.
    const close = () => made.close();
    process.once('exit', close);
    try {
      const bytes = target === STREAM ? await toStdout(made.bytes) : await toFile(target, made.bytes);
      const { jobs, made_at } = made.manifest;
      note(
        context,
        `The store as of ${made_at}: ${jobs.all} jobs, ${jobs.unfinished} of them unfinished; ${(bytes / 1e6).toFixed(1)} MB.`,
      );
      if (target !== STREAM && wantsJson(context)) printJson(context, JSON.stringify(made.manifest));
      return EXIT.done;
    } finally {
      process.off('exit', close);
      close();
    }
  },
};

export const restore: Command = {
  usage: 'restore FILE|-',
  about:
    'Makes a backup the store of an empty DATA_DIR. Start a coordinator there afterwards: jobs go on from where they were when the backup was made. What was done since is forgotten, keys made or revoked included.',
  options: [options.DATA_DIR, options.WORKER_KEY_FILE],
  takes: [1, 1],
  examples: ['restore /backups/tonight.tar --data-dir ./data', 'restore - < tonight.tar'],
  async run(context) {
    const { settings } = context;
    const from = fileOf(context);
    const dataDir = settings.get(options.DATA_DIR);
    const workerKeyFile = settings.get(options.WORKER_KEY_FILE);
    const source = from === STREAM ? process.stdin : openBackup(from);
    const { restoreBackup } = await import('../../coordinator/store/restore.ts');
    const name = from === STREAM ? 'what came in' : from;
    const { manifest, workerKey } = await explained(`${name} was not restored`, () =>
      restoreBackup(source, { dataDir, workerKeyFile }),
    );
    const { jobs, made_at } = manifest;
    note(
      context,
      `${dataDir} is the store as of ${made_at}: ${jobs.all} jobs, ${jobs.unfinished} of them unfinished. What was done since is forgotten: keys that were revoked since are good again.`,
    );
    if (workerKey === 'not_writable')
      note(
        context,
        `The workers’ key could not be written to ${workerKeyFile ?? dataDir}: a start makes one.`,
      );
    if (wantsJson(context)) printJson(context, JSON.stringify(manifest));
    return EXIT.done;
  },
};

function fileOf({ positionals }: Context): string {
  const [file = ''] = positionals;
  if (file === '') throw new UsageError('which file? - is standard output, or input');
  return file;
}

function openBackup(path: string): AsyncIterable<Uint8Array> {
  if (!existsSync(path))
    throw new CommandError(`there is no file ${path}: name one that \`threads backup\` has made`);
  return createReadStream(path);
}

/** @throws CommandError with what the store says of it */
async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  const { BackupError } = await import('../../coordinator/store/backup-error.ts');
  const { StartError } = await import('../../coordinator/config.ts');
  try {
    return await work();
  } catch (error) {
    if (error instanceof BackupError || error instanceof StartError)
      throw new CommandError(`${what}: ${error.message}`);
    throw error;
  }
}

/**
 * Under another name until it is whole, and durable before it has its own: what has the name is a backup.
 * @returns the bytes written
 */
async function toFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const partial = `${path}.partial`;
  let bytes = 0;
  try {
    rmSync(partial, { force: true });
    const file = openSync(partial, 'wx', 0o600);
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += writeSync(file, piece, at);
        bytes += piece.length;
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    return bytes;
  } catch (error) {
    rmSync(partial, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`no backup could be written to ${path}: ${why}`);
  }
}

/** @returns the bytes written */
async function toStdout(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  // Whoever stops reading has no backup (main.ts).
  process.exitCode = EXIT.failed;
  let bytes = 0;
  for await (const piece of pieces) {
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
    bytes += piece.length;
  }
  process.exitCode = EXIT.done;
  return bytes;
}
