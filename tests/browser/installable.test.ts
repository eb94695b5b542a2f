/** What browsers and other sites know of the pages: manifest, icons, colours, previews. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { z } from 'zod';
import { buildPages, PAGE_FOLDER } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const manifest = z.object({
  icons: z.array(z.object({ src: z.string(), sizes: z.string(), purpose: z.string().optional() })),
});

/** From the header of a PNG. */
function sizeOf(path: string): { readonly bytes: number; readonly size: string } {
  const file = readFileSync(join(PAGE_FOLDER, path));
  assert.equal(file.toString('latin1', 1, 4), 'PNG', path);
  return { bytes: file.length, size: `${file.readUInt32BE(16)}x${file.readUInt32BE(20)}` };
}

test('icons and preview have the sizes that the pages say', async () => {
  await buildPages();
  const { icons } = manifest.parse(
    JSON.parse(readFileSync(join(PAGE_FOLDER, 'manifest.webmanifest'), 'utf8')),
  );
  for (const { src, sizes } of icons) assert.equal(sizeOf(src).size, sizes, src);
  assert.ok(icons.some(({ purpose }) => purpose === 'maskable'));
  const preview = sizeOf('preview.png');
  assert.equal(preview.size, '1200x630');
  assert.ok(preview.bytes <= 60_000, `${preview.bytes} bytes`);
});

test('every page has its preview, its colours and the manifest', async () => {
  await buildPages();
  const pages = readdirSync(PAGE_FOLDER).filter((name) => name.endsWith('.html'));
  assert.ok(pages.length >= 3);
  for (const name of pages) {
    const html = readFileSync(join(PAGE_FOLDER, name), 'utf8');
    for (const expected of [
      /<link rel="manifest" href="\/manifest.webmanifest">/,
      /<link rel="icon" /,
      /<meta name="theme-color" media="\(prefers-color-scheme: light\)"/,
      /<meta name="theme-color" media="\(prefers-color-scheme: dark\)"/,
      /<meta property="og:title" content="[^"]+">/,
      /<meta property="og:description" content="[^"]{40,}">/,
      /<meta property="og:image" content="\/preview.png">/,
    ])
      assert.match(html, expected, name);
    assert.doesNotMatch(
      html,
      /<style|<script(?![^>]*src=)|https?:\/\//,
      `${name}: nothing inline or from elsewhere`,
    );
  }
});

const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

test(
  'Chromium reads the manifest without complaint, and finds the pages installable',
  { skip },
  async (t) => {
    await buildPages();
    const coordinator = await runCoordinator(t);
    const browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
    t.after(() => browser.close());
    const page = await browser.newPage({ colorScheme: 'dark' });
    await page.goto(`${coordinator.url}/cluster.html`);
    const session = await page.context().newCDPSession(page);
    const read = await session.send('Page.getAppManifest');
    assert.deepEqual(read.errors, []);
    assert.equal(new URL(read.url).pathname, '/manifest.webmanifest');
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    assert.deepEqual(
      installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'),
      [],
    );
    const colours = await page
      .locator('meta[name=theme-color]')
      .evaluateAll((all) => all.map((meta) => meta.getAttribute('content')));
    assert.deepEqual(colours, ['#0e141c', '#0e141c']);
  },
);
