/** How the pages are built. The coordinator serves them under a policy without inline scripts and styles. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { iconPaths } from './icon-paths.ts';
import { pageHead } from './page-head.ts';

const page = (name: string) => fileURLToPath(new URL(`${name}.html`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  // What has a name of its own at the root: icons, the manifest, the preview.
  publicDir: 'public',
  plugins: [pageHead(), iconPaths()],
  logLevel: 'warn',
  worker: { format: 'es' },
  build: {
    // WebGPU is younger than everything in here.
    target: 'es2023',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // Which chunks a page loads at first: tests/browser/budgets.test.ts weighs them.
    manifest: true,
    rolldownOptions: {
      input: {
        index: page('index'),
        collatz: page('collatz'),
        cluster: page('cluster'),
        device: page('device'),
      },
    },
  },
});
