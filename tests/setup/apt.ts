/**
 * Debian's package tool, in two ways: installing into the system (root), and fetching packages for unpacking
 * elsewhere (anyone), with lists and sources of its own, so that the machine's are left as they are.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, type CommandOptions, type CommandResult } from './command.ts';

export interface Debian {
  readonly codename: string;
  readonly root: boolean;
}

/** Undefined where this is no Debian. */
export function detectDebian(osRelease = '/etc/os-release'): Debian | undefined {
  if (!existsSync(osRelease) || !existsSync('/usr/bin/apt-get')) return undefined;
  const text = readFileSync(osRelease, 'utf8');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1];
  if (!/^ID=debian$/m.test(text) || codename === undefined) return undefined;
  return { codename, root: process.getuid?.() === 0 };
}

const LOCK_WAIT_S = 180;
const ENV = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };

/** DPkg::Lock::Timeout covers dpkg's lock only; the lock of the lists fails at once, so it is tried again. */
export async function apt(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const all = ['-q', '-y', '-o', `DPkg::Lock::Timeout=${LOCK_WAIT_S}`, '-o', 'Acquire::Retries=3', ...args];
  for (const giveUpAt = Date.now() + LOCK_WAIT_S * 1000; ; await sleep(2000)) {
    const result = await runCommand('apt-get', all, { timeoutMs: 600_000, ...options, env: ENV });
    const locked = !result.ok && /Could not get lock|Unable to (lock|acquire)/i.test(result.problem);
    if (!locked || Date.now() > giveUpAt) return result;
  }
}

/** Tries with the lists that are there first, since updating them takes 3 s. */
export async function installPackages(names: readonly string[]): Promise<CommandResult> {
  const install = ['install', '--no-install-recommends', ...names];
  const direct = await apt(install);
  if (direct.ok) return direct;
  await apt(['update']);
  return apt(install);
}

export interface PrivateApt {
  /** Downloads the package and those it depends on that are not installed, as .deb files in `folder`. */
  download(name: string, folder: string): Promise<CommandResult>;
  /** Downloads these packages and none that they depend on: for programs that bring what they need. */
  downloadAlone(names: readonly string[], folder: string): Promise<CommandResult>;
}

/**
 * An apt whose sources are the machine's own (same mirrors, same keys) with one suite added, and whose lists lie
 * in `folder` (20 MB; to be deleted afterwards). Works without root. Where a package is in several suites, it
 * takes that of the added one.
 * @param suite by default the backports of the machine's release; `trixie` for tools that are newer still
 */
export async function openPrivateApt(
  debian: Debian,
  folder: string,
  suite = `${debian.codename}-backports`,
): Promise<PrivateApt | string> {
  const sources = join(folder, 'sources');
  const lists = join(folder, 'lists');
  const cache = join(folder, 'cache');
  for (const path of [sources, join(lists, 'partial'), join(cache, 'archives', 'partial')])
    mkdirSync(path, { recursive: true });
  const written = writeSources(debian.codename, suite, sources);
  if (!written) return `no apt source of this machine names the suite ${debian.codename}`;

  const settings = {
    'Dir::Etc::SourceList': '/dev/null',
    'Dir::Etc::SourceParts': sources,
    'Dir::State::Lists': lists,
    'Dir::Cache': cache,
    // Container images switch these off, and each of some 40 look-ups on a bare machine then takes 1.4 s.
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    'Acquire::Languages': 'none',
    ...(debian.root ? { 'APT::Sandbox::User': 'root' } : {}),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // It fails if only one of the mirrors has no such suite; whether the package is there shows below.
  const update = await apt([...options, 'update']);
  const installed = await installedPackages();

  const depends = async (name: string): Promise<string[]> => {
    const args = [...options, '-t', suite, 'show', '--no-all-versions', name];
    const { stdout } = await runCommand('apt-cache', args, { env: ENV });
    const fields = Array.from(stdout.matchAll(/^(?:Pre-)?Depends: (.*)$/gm), ([, field = '']) => field);
    return fields
      .flatMap((field) => field.split(',').map(firstAlternative))
      .filter((dependency) => dependency !== '');
  };

  const downloadAlone = async (names: Iterable<string>, cwd: string): Promise<CommandResult> => {
    const result = await apt([...options, '-t', suite, 'download', ...names], { cwd });
    return result.ok || update.ok ? result : { ...result, problem: `${result.problem} (${update.problem})` };
  };
  return {
    downloadAlone,
    async download(name, cwd) {
      const wanted = new Set([name]);
      for (const next of wanted) {
        for (const dependency of await depends(next)) if (!installed.has(dependency)) wanted.add(dependency);
      }
      return downloadAlone(wanted, cwd);
    },
  };
}

/** `libfoo (>= 1.2) | libbar` is libfoo. */
function firstAlternative(dependency: string): string {
  return /^\s*([a-z0-9.+-]+)/.exec(dependency)?.[1] ?? '';
}

async function installedPackages(): Promise<Set<string>> {
  const { stdout } = await runCommand('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Abbrev}\n']);
  return new Set(Array.from(stdout.matchAll(/^(\S+) ii/gm), ([, name = '']) => name));
}

/** Copies every source that has the suite `codename`, with `suite` added; the others (other vendors') are left out. */
function writeSources(codename: string, suite: string, folder: string): boolean {
  const oneLine: string[] = [];
  const stanzas: string[] = [];
  const parts = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []),
  ];
  for (const file of files.filter((name) => existsSync(name))) {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.list')) oneLine.push(...addSuiteToLines(text, codename, suite));
    else if (file.endsWith('.sources')) stanzas.push(...addSuiteToStanzas(text, codename, suite));
  }
  writeFileSync(join(folder, 'machine.list'), oneLine.join('\n') + '\n');
  writeFileSync(join(folder, 'machine.sources'), stanzas.join('\n\n') + '\n');
  return oneLine.length + stanzas.length > 0;
}

/** `deb [options] uri suite components`. */
export function addSuiteToLines(text: string, codename: string, suite: string): string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+((?:\[[^\]]*\]\s+)?\S+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match?.[2] !== codename) return [];
    const [, uri = '', , components = ''] = match;
    return [line, `deb ${uri} ${suite} ${components}`];
  });
}

/** deb822: stanzas of `Field: value`, parted by blank lines. */
export function addSuiteToStanzas(text: string, codename: string, suite: string): string[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const suites = /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    if (!suites.includes(codename) || !/^Types:.*\bdeb\b/m.test(stanza)) return [];
    return [stanza.replace(/^Suites:.*$/m, `Suites: ${[...new Set([...suites, suite])].join(' ')}`)];
  });
}
