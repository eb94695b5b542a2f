/**
 * The pictures in docs/screenshots: every page with live data of a cluster of real processes, at two widths, in both
 * themes. Not a test: `node tests/browser/screenshots.ts` takes them anew after a change of the pages.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { RealCluster } from '../cluster/cluster.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const FOLDER = join(import.meta.dirname, '../../docs/screenshots');
/** A machine that does other things too takes minutes for a tenth of 2^33 numbers. */
const PATIENCE_MS = 400_000;
/** Long enough for a line over the last minute that is more than a corner. */
const CONTRIBUTE_MS = 30_000;
const QUALITY = 0.82;

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('no Chromium: set CHROMIUM_PATH');
const ends: (() => unknown)[] = [];
const ending = { after: (end: () => unknown) => void ends.push(end) };
try {
  await buildPages();
  mkdirSync(FOLDER, { recursive: true });
  const browser = await chromium.launch(chromiumLaunchOptions(executablePath));
  ends.push(() => browser.close());
  const cluster = await RealCluster.start(ending);
  const { api } = cluster;
  await cluster.connectedWorker('loom', { threads: 1 });
  for (const body of [
    { type: 'thread', name: 'A thousand programs', parameters: { thread_count: 1000 } },
    { type: 'collatz', name: 'The first million', parameters: { start: '1', end: '1000000' } },
    {
      type: 'collatz',
      parameters: { start: String(2n ** 68n), end: String(2n ** 68n + 10n ** 9n), mode: 'verify' },
    },
  ]) {
    await api.end((await api.submit(body)).job_id, PATIENCE_MS);
  }
  const { job_id } = await api.submit({
    type: 'collatz',
    parameters: { start: '1', end: String(2n ** 33n) },
  });
  await api.until(
    async () => (await api.status(job_id)).progress.fraction > 0.1,
    'a tenth is done',
    PATIENCE_MS,
  );
  for (const theme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
      for (const name of ['index', 'collatz', 'cluster'] as const) {
        const page = await context.newPage();
        await page.goto(`${cluster.url}/${name}.html`);
        if (name === 'index' && theme === 'light') {
          await page.getByRole('button', { name: 'Start contributing' }).first().click();
          await page.waitForTimeout(CONTRIBUTE_MS);
        } else await page.waitForTimeout(4000);
        const file = join(FOLDER, `${name}-${theme}-${width}.webp`);
        writeFileSync(file, await webp(browser, await page.screenshot()));
        console.log(file);
        await leave(page);
      }
      await context.close();
    }
  }
} finally {
  for (const end of ends.reverse()) await end();
}

async function leave(page: Page): Promise<void> {
  const stop = page.getByRole('button', { name: 'Stop' }).first();
  if (await stop.isVisible()) await stop.click();
  await page.close();
}

/** A third of the PNG's bytes; the browser is at hand, another encoder is not. */
async function webp(browser: Browser, png: Buffer): Promise<Buffer> {
  const page = await browser.newPage();
  const url = await page.evaluate(
    async ([base64, quality]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const canvas = document.createElement('canvas');
      canvas.width = image.width;
      canvas.height = image.height;
      canvas.getContext('2d')?.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', quality);
    },
    [png.toString('base64'), QUALITY] as const,
  );
  await page.close();
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}
