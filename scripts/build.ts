/**
 * Builds all that is not run from source: CPU kernels (WebAssembly) and the browser's pages.
 *
 *     node scripts/build.ts
 *
 * Each part skips what is up to date. stdout stays free for the command that had this built.
 */
import { buildKernels } from './build-kernels.ts';
import { buildPages } from './build-pages.ts';

for (const module of await buildKernels()) console.error(`built kernel ${module}`);
if (await buildPages()) console.error('built the pages');
