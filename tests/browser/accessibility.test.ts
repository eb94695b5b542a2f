/**
 * axe over the pages: with live data, without any, and with the coordinator gone; in both themes, at several widths.
 * `npm test` takes a sample that meets every page, theme, width and state; `npm run test:full` takes all of them.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import { RealCluster } from '../cluster/cluster.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';
import { examine, FULL, LOOKS, PAGES, THEMES, viewport, WIDTHS } from './axe.ts';
import type { Look, PageName } from './axe.ts';

const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;
const PATIENCE_MS = 60_000;

const STATES = ['live', 'empty', 'lost'] as const;

interface View extends Look {
  readonly page: PageName;
  readonly state: (typeof STATES)[number];
}

const ALL: readonly View[] = STATES.flatMap((state) =>
  PAGES.flatMap((page) => LOOKS.map((look) => ({ page, state, ...look }))),
);
/** Each page in each state, themes and widths taking turns: every theme and width meets every page. */
const SAMPLE = ALL.filter(({ page, theme, width, state }) => {
  const turn = PAGES.indexOf(page) + STATES.indexOf(state);
  return width === WIDTHS[turn % 4] && theme === THEMES[(turn + STATES.indexOf(state)) % 2];
});

const nameOf = ({ page, state, theme, width }: View) => `${page}-${state}-${theme}-${width}`;

suite('axe finds nothing', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  for (const state of STATES) {
    test(`${state}: on any page, theme and width`, async (t) => {
      const cluster = await RealCluster.start(t);
      const { api } = cluster;
      if (state !== 'empty') {
        await cluster.connectedWorker('loom', { threads: 1 });
        for (const body of [
          {
            type: 'collatz',
            name: '<b>Everything</b> to 200,000',
            parameters: { start: '1', end: '200000' },
          },
          { type: 'thread', parameters: { thread_count: 1000 } },
        ]) {
          await api.end((await api.submit(body)).job_id, PATIENCE_MS);
        }
        await api.submit({ type: 'collatz', parameters: { start: '1', end: `${10n ** 20n}` } });
      }
      const found: string[] = [];
      const views = (FULL ? ALL : SAMPLE).filter((view) => view.state === state);
      assert.ok(views.length >= PAGES.length);
      const pages = new Map<View, Page>();
      for (const view of views) {
        const context = await browser.newContext({
          viewport: viewport(view.width),
          colorScheme: view.theme,
          reducedMotion: 'reduce',
        });
        const page = await context.newPage();
        await page.goto(`${cluster.url}/${view.page}.html`);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        // The first answer of the stream is on the page.
        await page
          .locator('.cluster-now')
          .getByText(/device/)
          .waitFor({ state: 'attached' });
        pages.set(view, page);
        if (state !== 'lost') found.push(...(await examine(nameOf(view), page)));
        if (state !== 'lost') await page.close();
      }
      if (state === 'lost') {
        await cluster.coordinator.end('SIGKILL');
        for (const [view, page] of pages) {
          await page
            .getByText(/connection .*lost/i)
            .first()
            .waitFor({ timeout: PATIENCE_MS });
          found.push(...(await examine(nameOf(view), page)));
          await page.close();
        }
      }
      t.diagnostic(`${views.length} views`);
      assert.deepEqual(found, []);
    });
  }
});
