/**
 * Prometheus and Alertmanager for the tests of monitoring/: the programs that check and run the rules. Debian's packages
 * are unpacked into .cache/prometheus and not installed, since installing them would start two services. The programs
 * bring what they need: 30 MB to fetch, 141 MB kept.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { apt, detectDebian, openPrivateApt, type Debian } from './apt.ts';
import { runCommand } from './command.ts';

const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'prometheus');
const PACKAGES = ['prometheus', 'prometheus-alertmanager'];

/** Where each program is. */
export interface PrometheusTools {
  readonly promtool: string;
  readonly prometheus: string;
  readonly amtool: string;
  readonly alertmanager: string;
}

export type FoundTools = { readonly tools: PrometheusTools } | { readonly missing: string };

/**
 * Debian's Alertmanager looks for its template below /usr/share, and nowhere else: it is run where that folder is the
 * unpacked one, in a mount namespace of its own.
 */
const ALERTMANAGER = `#!/bin/sh
exec unshare --user --map-root-user --mount sh -c \\
  'mount --bind "$0/share" /usr/share && exec "$0/bin/prometheus-alertmanager" "$@"' "$(dirname "$0")" "$@"
`;

/** Installed, unpacked before, or unpacked now: 20 s the first time. Never rejects. */
export async function findPrometheus(cache = CACHE): Promise<FoundTools> {
  let problem: string | undefined;
  if (programs(cache) === undefined) problem = await unpack(cache).catch((error: unknown) => String(error));
  const tools = programs(cache);
  if (tools === undefined) {
    return {
      missing: `there is no Prometheus with Alertmanager (${problem ?? 'their packages lack a program'})`,
    };
  }
  const runs = await runCommand(tools.alertmanager, ['--version'], { timeoutMs: 20_000 });
  return runs.ok ? { tools } : { missing: `Alertmanager does not run here (${runs.problem})` };
}

function programs(cache: string): PrometheusTools | undefined {
  const own = join(cache, 'unpacked');
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), own, join(own, 'bin')];
  const find = (...names: readonly string[]) =>
    folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  const promtool = find('promtool');
  const prometheus = find('prometheus');
  const amtool = find('amtool');
  // Debian calls it by its package where it is installed.
  const installed = '/usr/bin/prometheus-alertmanager';
  const alertmanager = existsSync(installed) ? installed : find('alertmanager');
  if (promtool === undefined || prometheus === undefined || amtool === undefined) return undefined;
  return alertmanager === undefined ? undefined : { promtool, prometheus, amtool, alertmanager };
}

/** Returns why it did not work, undefined if it did. */
async function unpack(cache: string): Promise<string | undefined> {
  const debian = detectDebian();
  if (debian === undefined) return 'they are fetched by themselves only on Debian';
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, '.staging-'));
  try {
    const problem = await download(debian, staging);
    if (problem !== undefined) return problem;
    const unpacked = join(staging, 'unpacked');
    for (const name of readdirSync(staging).filter((entry) => entry.endsWith('.deb'))) {
      const extracted = await runCommand('dpkg-deb', ['-x', join(staging, name), unpacked]);
      if (!extracted.ok) return extracted.problem;
    }
    const template = join('share', 'prometheus', 'alertmanager');
    const kept = join(staging, 'kept');
    for (const part of ['bin', template]) {
      cpSync(join(unpacked, 'usr', part), join(kept, part), { recursive: true });
    }
    writeFileSync(join(kept, 'alertmanager'), ALERTMANAGER, { mode: 0o755 });
    // In one step, so that another run never sees half of it.
    if (!existsSync(join(cache, 'unpacked'))) renameSync(kept, join(cache, 'unpacked'));
    return undefined;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** By the machine's own lists; where it has none, by lists fetched for this. */
async function download(debian: Debian, folder: string): Promise<string | undefined> {
  const direct = await apt(['download', ...PACKAGES], { cwd: folder });
  if (direct.ok) return undefined;
  const lists = join(folder, 'lists');
  mkdirSync(lists);
  const own = await openPrivateApt(debian, lists);
  if (typeof own === 'string') return own;
  const { ok, problem } = await own.downloadAlone(PACKAGES, folder);
  return ok ? undefined : problem;
}
