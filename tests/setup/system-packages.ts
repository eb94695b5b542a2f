/**
 * What the tests need from outside npm: Chromium, and a software Vulkan driver for machines without a GPU.
 * Installs what is missing where it can, and says what it could not; it never fails the run. Tests that need
 * a thing that is missing are skipped by name.
 */
import { join } from 'node:path';
import { findSoftwareAdapter, VULKAN_CACHE } from '../../client/node/software-adapter.ts';
import { detectDebian, installPackages, type Debian } from './apt.ts';
import { findChromium } from './chromium.ts';
import { installLavapipe, installSwiftShader } from './vulkan-drivers.ts';

export interface SetupItem {
  readonly name: 'chromium' | 'software Vulkan driver';
  readonly state: 'present' | 'installed' | 'missing';
  /** Where it is; if it is missing, why, and what to do: one line. */
  readonly detail: string;
  readonly ms: number;
}

export interface SetupReport {
  readonly items: readonly SetupItem[];
  /** One line for each item that was installed or is missing; empty if all was there. */
  readonly lines: readonly string[];
}

/** Under 10 ms if all is there. One after the other, since apt locks itself out. */
export async function installSystemPackages(
  projectRoot = join(import.meta.dirname, '..', '..'),
): Promise<SetupReport> {
  const debian = detectDebian();
  const items = [await chromium(debian), await vulkanDriver(debian, join(projectRoot, VULKAN_CACHE))];
  const lines = items
    .filter((item) => item.state !== 'present')
    .map(({ name, state, detail, ms }) => `${name} ${state}: ${detail} (${(ms / 1000).toFixed(1)} s)`);
  return { items, lines };
}

async function chromium(debian: Debian | undefined): Promise<SetupItem> {
  const name = 'chromium';
  const start = performance.now();
  const present = findChromium();
  if (present !== undefined)
    return { name, state: 'present', detail: present, ms: performance.now() - start };
  const problem = await installChromium(debian);
  const path = findChromium();
  const ms = performance.now() - start;
  if (path !== undefined) return { name, state: 'installed', detail: path, ms };
  const why = problem ?? 'its package brought no executable';
  return { name, state: 'missing', detail: `${why}; install Chromium, or set CHROMIUM_PATH to one`, ms };
}

async function installChromium(debian: Debian | undefined): Promise<string | undefined> {
  if (debian === undefined) return 'it is installed by itself only on Debian';
  if (!debian.root) return 'installing it takes root';
  const { ok, problem } = await installPackages(['chromium']);
  return ok ? undefined : problem;
}

/** Best first: lavapipe; the SwiftShader that Chromium ships (found, not installed); SwiftShader from npm. */
async function vulkanDriver(debian: Debian | undefined, cache: string): Promise<SetupItem> {
  const name = 'software Vulkan driver';
  const start = performance.now();
  const places = { cache };
  const before = findSoftwareAdapter(places).found;
  const done = before?.kind === 'lavapipe' || (before !== undefined && debian === undefined);
  if (done) return { name, state: 'present', detail: before.icd, ms: performance.now() - start };

  const problems: string[] = [];
  const attempt = async (driver: string, install: () => Promise<string | undefined>): Promise<void> => {
    const problem = await install();
    if (problem !== undefined) problems.push(`${driver}: ${problem}`);
  };
  if (process.platform === 'linux' && debian !== undefined)
    await attempt('lavapipe', () => installLavapipe(debian, cache));
  const any = findSoftwareAdapter(places).found;
  if (any === undefined) await attempt('SwiftShader', () => installSwiftShader(cache));

  const after = findSoftwareAdapter(places).found;
  const ms = performance.now() - start;
  const why = problems.length === 0 ? '' : `; ${problems.join('; ')}`;
  if (after !== undefined) {
    const state = after.icd === before?.icd ? 'present' : 'installed';
    return { name, state, detail: `${after.kind} at ${after.icd}${why}`, ms };
  }
  return {
    name,
    state: 'missing',
    detail: `${problems.join('; ')}; install Mesa 25's Vulkan drivers by hand`,
    ms,
  };
}
