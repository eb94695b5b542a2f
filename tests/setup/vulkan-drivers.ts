/**
 * Puts a software Vulkan driver into the project's .cache/vulkan, in the layout that
 * client/node/software-adapter.ts looks up. The system is left as it is: installing lavapipe from backports
 * would upgrade 14 packages of the machine's Mesa (measured on Debian 12 with its OpenGL packages).
 *
 * - lavapipe, on Debian, without root: mesa-vulkan-drivers and libvulkan1 from the machine's own mirrors,
 *   unpacked together with those libraries it needs that are not installed. 10 s and 11 MB on disk where LLVM
 *   15 and X's libraries are installed, 28 s and 186 MB on a bare machine.
 * - SwiftShader, on any Linux x64 with npm: three files out of the npm package @sparticuz/chromium, 4 times
 *   slower than lavapipe. It is fetched only when needed and is no dependency, since it is 68 MB to download.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { isRecentLavapipe } from '../../client/node/software-adapter.ts';
import { openPrivateApt, type Debian } from './apt.ts';
import { runCommand } from './command.ts';

/** Returns why it did not work, undefined if it did. */
export async function installLavapipe(debian: Debian, cache: string): Promise<string | undefined> {
  return inStaging(cache, 'lavapipe', async (staging, target) => {
    const aptFolder = join(staging, 'apt');
    const packages = join(staging, 'packages');
    const unpacked = join(staging, 'unpacked');
    for (const folder of [aptFolder, packages, unpacked]) mkdirSync(folder);
    const apt = await openPrivateApt(debian, aptFolder);
    if (typeof apt === 'string') return apt;
    const downloaded = await apt.download('mesa-vulkan-drivers', packages);
    if (!downloaded.ok) return downloaded.problem;
    for (const name of readdirSync(packages)) {
      const { ok, problem } = await runCommand('dpkg', ['-x', join(packages, name), unpacked]);
      if (!ok) return problem;
    }
    for (const library of sharedLibraries(unpacked)) renameSync(library, join(target, basename(library)));
    const icd = lavapipeIcd(join(unpacked, 'usr', 'share', 'vulkan', 'icd.d'));
    if (icd === undefined) return 'the Mesa that apt offers is too old for Dawn';
    writeFileSync(join(target, 'lvp_icd.json'), icd);
    return unresolved(join(target, 'libvulkan_lvp.so'), target);
  });
}

/** The package's own icd file, its driver sought beside it; undefined if that is too old. */
function lavapipeIcd(folder: string): string | undefined {
  const name = readdirSync(folder).find((entry) => entry.startsWith('lvp_icd.'));
  if (name === undefined || !isRecentLavapipe(join(folder, name))) return undefined;
  return readFileSync(join(folder, name), 'utf8').replace(
    /("library_path"\s*:\s*")[^"]*"/,
    '$1./libvulkan_lvp.so"',
  );
}

/** Libraries under the names by which others ask for them (their sonames), Mesa's other drivers and layers left out. */
function sharedLibraries(folder: string): string[] {
  const byName = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const wanted =
      entry.name === 'libvulkan_lvp.so' || /^(?!libvulkan_|libVkLayer).*\.so\.\d+$/.test(entry.name);
    // A link without a target leads to a package that is installed.
    if (wanted && existsSync(path) && statSync(path).isFile()) byName.set(entry.name, path);
  }
  return [...byName.values()].map(materialise);
}

/** A soname is mostly a link to the file with the full version; only the former is kept. */
function materialise(path: string): string {
  const content = readFileSync(path);
  rmSync(path);
  writeFileSync(path, content, { mode: 0o755 });
  return path;
}

async function unresolved(library: string, folder: string): Promise<string | undefined> {
  if (!existsSync(library)) return 'mesa-vulkan-drivers has no libvulkan_lvp.so';
  const { stdout } = await runCommand('ldd', [library], { env: { LD_LIBRARY_PATH: folder } });
  const missing = Array.from(stdout.matchAll(/^\s*(\S+) => not found$/gm), ([, name = '']) => name);
  return missing.length === 0 ? undefined : `lavapipe needs ${missing.join(', ')}`;
}

const SWIFTSHADER_PACKAGE = '@sparticuz/chromium@147.0.0';

/** Returns why it did not work, undefined if it did. */
export async function installSwiftShader(cache: string): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `there is no SwiftShader package for ${process.platform} ${process.arch}`;
  return inStaging(cache, 'swiftshader', async (staging, target) => {
    const pack = await runCommand(
      'npm',
      ['pack', SWIFTSHADER_PACKAGE, '--pack-destination', staging, '--silent'],
      { cwd: staging },
    );
    if (!pack.ok) return pack.problem;
    const archive = readdirSync(staging).find((name) => name.endsWith('.tgz'));
    if (archive === undefined) return `npm pack ${SWIFTSHADER_PACKAGE} wrote no archive`;
    const inner = 'package/bin/swiftshader.tar.br';
    const outer = await runCommand('tar', ['-xf', join(staging, archive), '-C', staging, inner]);
    if (!outer.ok) return outer.problem;
    const tar = join(staging, 'swiftshader.tar');
    writeFileSync(tar, brotliDecompressSync(readFileSync(join(staging, inner))));
    const files = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];
    const unpack = await runCommand('tar', ['--no-same-owner', '-xf', tar, '-C', target, ...files]);
    return unpack.ok ? undefined : unpack.problem;
  });
}

/** Fills a folder that appears in `cache` under `name` only when it is complete, also with two runs at once. */
async function inStaging(
  cache: string,
  name: string,
  fill: (staging: string, target: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, `.${name}-`));
  try {
    const target = join(staging, 'result');
    mkdirSync(target);
    const problem = await fill(staging, target);
    if (problem !== undefined) return problem;
    if (!existsSync(join(cache, name))) renameSync(target, join(cache, name));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
