/**
 * Builds the browser's pages to build/pages/. What is up to date is left alone: beside the pages lies a file
 * with the hash of all that they are made from.
 *
 *     node scripts/build-pages.ts
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Whole folders: a file that turns out not to matter costs one build. */
const SOURCES = ['client', 'protocol', 'shaders', 'scripts/build-pages.ts', 'package-lock.json'];

const STAMP = '.sources-hash';

/** Where the built pages lie. */
export const PAGE_FOLDER = join(ROOT, 'build', 'pages');

/** @returns whether anything had to be built */
export async function buildPages(): Promise<boolean> {
  const stamp = join(PAGE_FOLDER, STAMP);
  const sources = sourcesHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return false;
  const { build } = await import('vite');
  const { default: config } = await import('../client/browser/vite.config.ts');
  // Beside, then in place of the old ones: a coordinator may be serving those, and builds may run at once.
  const fresh = `${PAGE_FOLDER}.${process.pid}`;
  const old = `${fresh}.old`;
  try {
    await build({
      ...config,
      configFile: false,
      build: { ...config.build, outDir: fresh, emptyOutDir: true },
    });
    writeFileSync(join(fresh, STAMP), sources);
    mkdirSync(PAGE_FOLDER, { recursive: true });
    renameSync(PAGE_FOLDER, old);
    renameSync(fresh, PAGE_FOLDER);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
  return true;
}

function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    for (const file of filesBelow(source)) hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex');
}

function filesBelow(path: string): string[] {
  const full = join(ROOT, path);
  if (path.endsWith('.ts') || path.endsWith('.json')) return [path];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts') && !entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .toSorted();
}

if (process.argv[1] === fileURLToPath(import.meta.url) && (await buildPages()))
  console.error('built the pages');
