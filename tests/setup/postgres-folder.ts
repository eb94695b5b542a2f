/**
 * The folders that servers for tests run in: made, filled from a template, and removed with whatever processes and
 * shared memory belong to them. A test file that is killed leaves its folder behind; the next one removes it.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { alone } from './alone.ts';
import { runCommand } from './command.ts';
import { asServer, type PostgresPrograms } from './postgres-programs.ts';

const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'postgres');
export const SUPERUSER = 'threads';
/** The C locale is on every system and sorts alike on all of them. */
const INITDB = [
  '--encoding=UTF8',
  '--no-locale',
  '--auth=scram-sha-256',
  `--username=${SUPERUSER}`,
  '--no-sync',
];
const PREFIX = 'threads-postgres';

export interface ServerFolder {
  readonly path: string;
  readonly data: string;
  /** Of the superuser. */
  readonly password: string;
}

/** @throws Error if the template can't be made or copied */
export async function makeServerFolder(programs: PostgresPrograms): Promise<ServerFolder> {
  await removeAbandoned(programs);
  const template = await provideTemplate(programs);
  const path = emptyFolder(programs);
  try {
    const data = join(path, 'data');
    await must(runCommand('cp', ['-a', join(template, 'data'), data]));
    return { path, data, password: readFileSync(join(template, 'password'), 'utf8') };
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

/** Its processes must have ended. */
export async function removeServerFolder(programs: PostgresPrograms, path: string): Promise<void> {
  // A killed server leaves its shared memory to its next start, which there is none of. postmaster.pid names it.
  const lockFile = join(path, 'data', 'postmaster.pid');
  if (existsSync(lockFile)) {
    const segment = readFileSync(lockFile, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    if (segment !== undefined) await asServer(programs, 'ipcrm', ['-m', segment]);
  }
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * The server's processes that live: the postmaster by its command line, the others by their title, which has the
 * folder's name in it (cluster_name). Their parent would not tell those that outlived it.
 */
export function serverProcesses(path: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const line = read(join('/proc', entry, 'cmdline'));
    return /^(\S*\/)?postgres(:|\0)/.test(line) && line.includes(basename(path)) ? [Number(entry)] : [];
  });
}

/** Whether SIGSTOP has taken effect, or nothing is left to stop. */
export function hasStopped(pid: number): boolean {
  // The name in parentheses may have anything in it.
  const state = /\) (\w)[^)]*$/.exec(read(`/proc/${pid}/stat`))?.[1];
  return state === undefined || 'TtZX'.includes(state);
}

/** Sends the signal to those that are still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended since it was listed.
    }
  }
}

/** Processes come and go while they are looked at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Named for the process that owns it and for where that number means something: /tmp may be shared by containers. */
function ownerPrefix(): string {
  const space = readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '');
  return `${PREFIX}-${space}-`;
}

function emptyFolder({ parent, user }: PostgresPrograms): string {
  const path = mkdtempSync(join(parent, `${ownerPrefix()}${process.pid}-`));
  if (user !== undefined) chownSync(path, user.uid, user.gid);
  return path;
}

async function removeAbandoned(programs: PostgresPrograms): Promise<void> {
  const prefix = ownerPrefix();
  for (const name of readdirSync(programs.parent)) {
    const owner = name.startsWith(prefix) ? /^\d+/.exec(name.slice(prefix.length))?.[0] : undefined;
    if (owner === undefined || existsSync(join('/proc', owner))) continue;
    const path = join(programs.parent, name);
    // Those that were stopped as their owner was killed: they would wait for ever.
    signalAll(serverProcesses(path), 'SIGKILL');
    try {
      await removeServerFolder(programs, path);
    } catch {
      // It is another user's, or another test file removes it at the same time.
    }
  }
}

/**
 * Kept for each version and user (39 MB): a start takes 0.4 to 0.6 s by a copy of it and 1.3 s with initdb, on two
 * busy cores.
 */
async function provideTemplate(programs: PostgresPrograms): Promise<string> {
  const kind = JSON.stringify([programs.version, programs.user ?? process.getuid?.(), INITDB]);
  const template = join(CACHE, createHash('sha256').update(kind).digest('hex').slice(0, 12));
  if (existsSync(template)) return template;
  return alone('postgres-template', async () => {
    if (!existsSync(template)) await makeTemplate(programs, template);
    return template;
  });
}

/** Made where the server's user can write, and kept where the tests' own can: the two may not reach each other's. */
async function makeTemplate(programs: PostgresPrograms, template: string): Promise<void> {
  mkdirSync(CACHE, { recursive: true, mode: 0o700 });
  const made = emptyFolder(programs);
  const staging = mkdtempSync(join(CACHE, '.staging-'));
  try {
    const password = randomBytes(18).toString('base64url');
    const file = join(made, 'password');
    writeFileSync(file, password, { mode: 0o600 });
    if (programs.user !== undefined) chownSync(file, programs.user.uid, programs.user.gid);
    await must(
      asServer(programs, programs.initdb, [...INITDB, `--pwfile=${file}`, `--pgdata=${join(made, 'data')}`]),
    );
    await must(runCommand('cp', ['-a', join(made, 'data'), join(staging, 'data')]));
    writeFileSync(join(staging, 'password'), password, { mode: 0o600 });
    chmodSync(staging, 0o700);
    // In one step, so that another run never sees half of it.
    renameSync(staging, template);
  } finally {
    for (const folder of [made, staging]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function must(running: ReturnType<typeof runCommand>): Promise<void> {
  const { ok, problem } = await running;
  if (!ok) throw new Error(`PostgreSQL's data folder could not be made: ${problem}`);
}
