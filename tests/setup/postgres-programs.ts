/**
 * PostgreSQL's server programs: those that are installed, else Debian's package, as root. The cluster that the package
 * makes for itself is left as it is. The server refuses to run as root: there it runs as a user without rights.
 */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { detectDebian, installPackages } from './apt.ts';
import { runCommand, type CommandResult } from './command.ts';

/** Debian keeps the server's programs off the path, a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';
const PACKAGE = 'postgresql';
/** Best first: the package's own user, and one that every system has. */
const USERS = ['postgres', 'nobody'];

export interface PostgresPrograms {
  /** What `postgres --version` says. */
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
  /** Undefined where the server runs as whoever runs the tests. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** Where the server's folders go: a folder that its user can reach. */
  readonly parent: string;
}

/** Why there can be no PostgreSQL here, in one line; undefined if there can. Never rejects. */
export async function providePostgres(): Promise<string | undefined> {
  const found = await findPostgres();
  return typeof found === 'string' ? found : undefined;
}

/** Installed before, or now. Why not, in one line, where it can't be had. */
export async function findPostgres(): Promise<PostgresPrograms | string> {
  if (process.platform !== 'linux') return 'PostgreSQL is run for tests only on Linux';
  let folder = installedFolder();
  if (folder === undefined) {
    const problem = await install();
    folder = installedFolder();
    if (folder === undefined) return `there is no PostgreSQL (${problem ?? 'its package brought no server'})`;
  }
  const user = await serverUser();
  if (typeof user === 'string') return user;
  const programs = { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') };
  // Below the temporary folder of a test file only root can look.
  const parent = user === undefined ? tmpdir() : '/tmp';
  const runs = await asServer({ user }, programs.postgres, ['--version']);
  if (!runs.ok) return `PostgreSQL does not run here (${runs.problem})`;
  return { ...programs, version: runs.stdout.trim(), user, parent };
}

function installedFolder(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).filter((name) => /^\d+$/.test(name)) : [];
  const newestFirst = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((name) => join(VERSIONS, name, 'bin'));
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return [...newestFirst, ...path].find((folder) =>
    ['postgres', 'initdb'].every((name) => existsSync(join(folder, name))),
  );
}

/** Returns why it did not work, undefined if it did. */
async function install(): Promise<string | undefined> {
  const debian = detectDebian();
  if (debian === undefined) return 'it is installed by itself only on Debian';
  if (!debian.root) return 'installing it takes root';
  const { ok, problem } = await installPackages([PACKAGE]);
  return ok ? undefined : problem;
}

async function serverUser(): Promise<PostgresPrograms['user'] | string> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of USERS) {
    const uid = await runCommand('id', ['-u', name]);
    const gid = await runCommand('id', ['-g', name]);
    if (uid.ok && gid.ok) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  return `PostgreSQL does not run as root, and there is no user ${USERS.join(' or ')}`;
}

/** What the programs see: none of the PG… settings of whoever runs the tests, and messages that can be read. */
export const SERVER_ENV = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };

/** The command by which a program runs as the server's user; it becomes the program, and dies with its parent. */
export function serverCommand(
  { user }: Pick<PostgresPrograms, 'user'>,
  program: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  const become = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return ['setpriv', ...become, '--pdeathsig=KILL', '--', program, ...args];
}

/** Runs a program as the server's user. Never rejects. */
export function asServer(
  programs: Pick<PostgresPrograms, 'user'>,
  program: string,
  args: readonly string[],
): Promise<CommandResult> {
  const [file, ...rest] = serverCommand(programs, program, args);
  return runCommand(file, rest, { env: SERVER_ENV, cwd: '/', timeoutMs: 120_000 });
}
