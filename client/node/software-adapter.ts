/**
 * Finds a software Vulkan driver (Mesa's lavapipe, or SwiftShader) for machines without a GPU, and says how
 * Dawn can be made to use it. A pure look-up: it changes nothing and loads nothing.
 *
 * What was measured (Debian 12, 2 cores, webgpu 0.6.2): lavapipe 25.0.7 runs a textbook Collatz loop at
 * 3–5 M n/s, SwiftShader at 0.7–0.8, so lavapipe comes first. Mesa 22.3's lavapipe is refused by Dawn.
 *
 * VK_ADD_DRIVER_FILES is used and not VK_ICD_FILENAMES, because it adds a driver to the machine's own, while
 * the other hides them: with `GPU_ENABLED=true` a real GPU must stay visible.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type SoftwareAdapterKind = 'lavapipe' | 'swiftshader';

export interface SoftwareAdapter {
  readonly kind: SoftwareAdapterKind;
  /** The driver's icd file. */
  readonly icd: string;
  /** To be set before Dawn loads libvulkan; empty where the Vulkan loader finds the driver by itself. */
  readonly env: Readonly<Record<string, string>>;
  /** Shared libraries beside the driver, for when the system has no libvulkan.so.1 or lacks a dependency. */
  readonly libraries: readonly string[];
}

export type SoftwareAdapterLookup =
  | { readonly found: SoftwareAdapter; readonly reason?: undefined }
  | { readonly found?: undefined; readonly reason: string };

/** Where `npm test` puts its drivers, under the project's root. */
export const VULKAN_CACHE = join('.cache', 'vulkan');

/** A user who names the drivers has decided: the loader then ignores VK_ADD_DRIVER_FILES anyway. */
export const USER_DRIVER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES'];

const SYSTEM_ICD_FOLDERS = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

const BROWSER_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/opt/chromium',
];

/** Mesa 22.3 says 1.3.230 and is refused by Dawn; 25.0 says 1.4.305 and works. Between them nothing was tried. */
const MIN_LAVAPIPE_VERSION = [1, 3, 240];

export interface LookupPlaces {
  /** The project's folder of installed drivers; undefined where there is none. */
  readonly cache?: string | undefined;
  readonly icdFolders?: readonly string[];
  readonly browserFolders?: readonly string[];
}

export function findSoftwareAdapter(places: LookupPlaces = {}): SoftwareAdapterLookup {
  if (process.platform !== 'linux') {
    return { reason: `software Vulkan drivers are looked for only on Linux (this is ${process.platform})` };
  }
  const cache = 'cache' in places ? places.cache : projectVulkanCache();
  const found =
    // First the system's: added once more from the cache it would appear as two adapters on the same cores.
    systemLavapipe(places.icdFolders ?? SYSTEM_ICD_FOLDERS) ??
    (cache === undefined
      ? undefined
      : (inFolder('lavapipe', join(cache, 'lavapipe')) ??
        inFolder('swiftshader', join(cache, 'swiftshader')))) ??
    first(places.browserFolders ?? BROWSER_FOLDERS, (folder) => inFolder('swiftshader', folder));
  return found === undefined
    ? {
        reason:
          "no lavapipe that Dawn accepts and no SwiftShader was found (npm test installs one into the project's .cache)",
      }
    : { found };
}

/** The project's `.cache/vulkan`: under the nearest folder above this file that has a package.json. */
export function projectVulkanCache(from: string = import.meta.dirname): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, VULKAN_CACHE);
    if (dirname(folder) === folder) return undefined;
  }
}

const ICD_FILE: Record<SoftwareAdapterKind, string> = {
  lavapipe: 'lvp_icd.json',
  swiftshader: 'vk_swiftshader_icd.json',
};

function inFolder(kind: SoftwareAdapterKind, folder: string): SoftwareAdapter | undefined {
  const icd = join(folder, ICD_FILE[kind]);
  if (!existsSync(icd)) return undefined;
  const libraries = list(folder)
    .filter((name) => /\.so(\.\d+)*$/.test(name) && !NOT_FOR_PRELOADING.test(name))
    .map((name) => join(folder, name));
  return { kind, icd, env: { VK_ADD_DRIVER_FILES: icd }, libraries };
}

/** The drivers, which the Vulkan loader opens itself, and a browser's libraries that have nothing to do with them. */
const NOT_FOR_PRELOADING = /^(libvulkan_lvp|libvk_swiftshader|libVk|libEGL|libGLES)/;

function systemLavapipe(folders: readonly string[]): SoftwareAdapter | undefined {
  return first(folders, (folder) =>
    first(list(folder), (name) => {
      if (!/^lvp_icd\..*json$/.test(name) || !isRecentLavapipe(join(folder, name))) return undefined;
      return { kind: 'lavapipe', icd: join(folder, name), env: {}, libraries: [] };
    }),
  );
}

/** Whether Dawn accepts the lavapipe of this icd file. */
export function isRecentLavapipe(icd: string): boolean {
  const version = /"api_version"\s*:\s*"(\d+)\.(\d+)\.(\d+)"/.exec(readFileSync(icd, 'utf8'));
  if (version === null) return false;
  for (const [i, least] of MIN_LAVAPIPE_VERSION.entries()) {
    const part = Number(version[i + 1]);
    if (part !== least) return part > least;
  }
  return true;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
