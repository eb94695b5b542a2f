/**
 * What a Docker engine for tests needs on Debian: the engine itself from the release's packages, and Compose v2
 * and Buildx, which only a later release has, unpacked into the project's cache.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { detectDebian, installPackages, openPrivateApt, type Debian } from './apt.ts';
import { runCommand } from './command.ts';

/** The first Debian release with Compose v2. */
const PLUGIN_SUITE = 'trixie';
const PLUGINS = ['docker-compose', 'docker-buildx'];
const ENGINE_PROGRAMS = [
  'dockerd',
  'containerd',
  'runc',
  'docker',
  'iptables',
  'iptables-save',
  'ip',
  'setpriv',
];
const ENGINE_PACKAGES = ['docker.io', 'iptables', 'iproute2', 'util-linux'];

/** The name of a program on PATH or where the administrator's programs lie, undefined if there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Installs the engine if it is missing, and the plugins below `cache`: `config/cli-plugins/` (a DOCKER_CONFIG)
 * and `bin/docker-compose`. Returns why that is impossible, undefined if all is there. At once the second time.
 */
export async function provideDockerTools(cache: string): Promise<string | undefined> {
  const debian = detectDebian();
  if (debian === undefined) return 'an engine for tests is set up only on Debian';
  if (!debian.root) return 'running an engine takes root';
  return (await installEngine()) ?? (await unpackPlugins(debian, cache));
}

async function installEngine(): Promise<string | undefined> {
  if (missingPrograms().length === 0) return undefined;
  const { ok, problem } = await withoutServices(() => installPackages(ENGINE_PACKAGES));
  const missing = missingPrograms();
  if (missing.length === 0) return undefined;
  return ok ? `Debian's docker.io brought no ${missing.join(', ')}` : problem;
}

const missingPrograms = () => ENGINE_PROGRAMS.filter((name) => findProgram(name) === undefined);

/** While `install` runs, packages start none of their services: the engine of the tests is the tests' own. */
async function withoutServices<T>(install: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  try {
    return await install();
  } finally {
    rmSync(policy);
  }
}

async function unpackPlugins(debian: Debian, cache: string): Promise<string | undefined> {
  const config = join(cache, 'config');
  if (existsSync(config)) return undefined;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, '.plugins-'));
  try {
    const [lists, packages, unpacked] = ['lists', 'packages', 'unpacked'].map((name) => join(staging, name));
    if (lists === undefined || packages === undefined || unpacked === undefined) return 'no folder';
    for (const folder of [lists, packages, unpacked]) mkdirSync(folder);
    const apt = await openPrivateApt(debian, lists, PLUGIN_SUITE);
    if (typeof apt === 'string') return apt;
    const downloaded = await apt.downloadAlone(PLUGINS, packages);
    if (!downloaded.ok) return `Compose and Buildx of Debian ${PLUGIN_SUITE}: ${downloaded.problem}`;
    for (const name of readdirSync(packages)) {
      const { ok, problem } = await runCommand('dpkg-deb', ['-x', join(packages, name), unpacked]);
      if (!ok) return problem;
    }
    return keepPlugins(join(unpacked, 'usr', 'libexec', 'docker', 'cli-plugins'), staging, cache);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The configuration folder appears when it is complete, also with two runs at once. */
function keepPlugins(plugins: string, staging: string, cache: string): string | undefined {
  const missing = PLUGINS.filter((name) => !existsSync(join(plugins, name)));
  if (missing.length > 0) return `Debian ${PLUGIN_SUITE} has no ${missing.join(', ')} where it was`;
  const config = join(staging, 'config');
  mkdirSync(config);
  renameSync(plugins, join(config, 'cli-plugins'));
  writeFileSync(join(config, 'config.json'), '{}\n');
  mkdirSync(join(cache, 'bin'), { recursive: true });
  const link = join(cache, 'bin', 'docker-compose');
  if (!existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(join('..', 'config', 'cli-plugins', 'docker-compose'), link);
  }
  if (!existsSync(join(cache, 'config'))) renameSync(config, join(cache, 'config'));
  return undefined;
}
