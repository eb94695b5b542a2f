/**
 * Builds all that is not run from source: CPU kernels (WebAssembly) and the browser's pages.
 *
 *     node scripts/build.ts
 *
 * Each part skips what is up to date.
 */
import { buildKernels } from './build-kernels.ts';
import { buildPages } from './build-pages.ts';

for (const module of await buildKernels()) console.log(`built kernel ${module}`);
if (await buildPages()) console.log('built pages');
