/**
 * What each page may load at first, gzip. `npx size-limit` after a build. Kernels and engines come after consent, in
 * workers, and are not part of it.
 */
import { readFileSync } from 'node:fs';

const PAGES = 'build/pages';
/** KB of JavaScript. */
const SCRIPTS = { 'index.html': 45, 'collatz.html': 40, 'cluster.html': 40 };
/** KB of CSS, of any page. */
const STYLES = 8;

const manifest = JSON.parse(readFileSync(`${PAGES}/.vite/manifest.json`, 'utf8'));

/** The entry and all that it imports statically. */
function chunksOf(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const next of manifest[name].imports ?? []) chunksOf(next, seen);
  return seen;
}

const limits = Object.entries(SCRIPTS).flatMap(([page, limit]) => {
  const chunks = [...chunksOf(page)].map((name) => manifest[name]);
  const styles = new Set(chunks.flatMap(({ css = [] }) => css));
  return [
    {
      name: `${page}: JavaScript`,
      path: chunks.map(({ file }) => `${PAGES}/${file}`),
      limit: `${limit} kB`,
      gzip: true,
    },
    {
      name: `${page}: CSS`,
      path: [...styles].map((file) => `${PAGES}/${file}`),
      limit: `${STYLES} kB`,
      gzip: true,
    },
  ];
});

export default limits;
