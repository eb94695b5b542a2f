/**
 * axe over the states that a visitor, the browser or the coordinator brings about, each brought about for real.
 * `npm test` looks at each state once or at every page, themes and widths taking turns; `npm run test:full` at every
 * page in each of its states, in every theme at every width.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { buildPages, PAGE_FOLDER } from '../../scripts/build-pages.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { answerOf, join as joinWorker } from '../coordinator/worker-socket.ts';
import { examine, FULL, LOOKS, PAGES, viewport } from './axe.ts';
import type { PageName } from './axe.ts';
import {
  contributingTab,
  openBrowser,
  panel,
  PATIENCE_MS,
  says,
  skip,
  startButton,
  stopButton,
} from './lending.ts';

const ENDLESS = String(10n ** 15n);
/** Pages with the panel, or with the chip that stands for it. */
const LENDING = ['index', 'collatz', 'cluster'] as const satisfies readonly PageName[];

interface Scene {
  readonly coordinator: TestCoordinator;
  readonly context: BrowserContext;
  /** Opens a page. */
  open(name: PageName, query?: string): Promise<Page>;
}

interface State {
  readonly name: string;
  readonly pages: readonly PageName[];
  /** It is the same on all of them, and dear to bring about: a sample takes one. */
  readonly alike?: boolean;
  /** A page in this state. */
  reach(scene: Scene, page: PageName): Promise<Page>;
  /** For Chromium. */
  readonly args?: readonly string[];
  readonly without?: readonly string[];
  /** By which the coordinator is called; by default its address. */
  readonly host?: string;
  /** Made by an older version. */
  readonly oldPages?: boolean;
  prepare?(scene: Scene, t: TestContext): Promise<void>;
}

const STATES: readonly State[] = [
  {
    name: 'contributing',
    pages: LENDING,
    prepare: endlessJob,
    reach: (scene, name) => contribute(scene, name, /Contributing|a second/),
  },
  {
    name: 'paused by the visitor',
    pages: ['index'],
    prepare: endlessJob,
    async reach(scene, name) {
      const page = await contribute(scene, name, 'Contributing');
      await panel(page).getByRole('button', { name: 'Pause', exact: true }).click();
      await says(page, 'Paused by you');
      return page;
    },
  },
  {
    name: 'paused while hidden',
    pages: LENDING,
    alike: true,
    prepare: endlessJob,
    async reach(scene, name) {
      const page = await contribute(scene, name, /Contributing|a second/);
      await page.evaluate(() => {
        Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
      await lent(page, name, /^Paused/);
      return page;
    },
  },
  {
    name: 'stopped',
    pages: LENDING,
    alike: true,
    prepare: endlessJob,
    async reach(scene, name) {
      const page = await contribute(scene, name, /Contributing|a second/);
      await (name === 'index' ? stopButton(page) : page.getByRole('button', { name: 'Stop' })).click();
      if (name === 'index') await startButton(page).waitFor();
      else await page.locator('.lend-chip').waitFor({ state: 'detached' });
      return page;
    },
  },
  {
    name: 'no work',
    pages: LENDING,
    alike: true,
    reach: (scene, name) => contribute(scene, name, 'Waiting for work'),
  },
  {
    name: 'invalid field',
    pages: LENDING,
    async reach({ open }, name) {
      const page = await open(name);
      if (name === 'index') await page.getByLabel('Chances to fork').fill('-3');
      if (name === 'collatz') await page.getByLabel('Number to explore').fill('<img src=x>');
      if (name === 'cluster') {
        await page.getByLabel('From', { exact: true }).fill('ten');
        await page.getByLabel('Name', { exact: true }).fill('x'.repeat(201));
      }
      await page.getByRole('alert').first().waitFor();
      return page;
    },
  },
  {
    name: 'cancelled job',
    pages: LENDING,
    async prepare({ coordinator }, t) {
      await coordinator.post('/api/submit', {
        type: 'thread',
        parameters: { thread_count: 1000, batch_size: 100 },
      });
      await coordinator.submit(ENDLESS, { batch_size: 10_000 });
      const worker = await joinWorker(t, coordinator.url);
      for (let batch = 0; batch < 6; batch++) await worker.request('submit', answerOf(await worker.lease()));
      for (const job of await jobIds(coordinator)) await coordinator.post(`/api/cancel/${job}`);
    },
    async reach({ open, coordinator }, name) {
      const [collatz] = await jobIds(coordinator);
      const page = await open(name, name === 'index' ? '' : `?job=${collatz}`);
      await page
        .locator('main')
        .getByText(/cancelled/)
        .filter({ visible: true })
        .first()
        .waitFor();
      return page;
    },
  },
  {
    name: 'older than the coordinator',
    pages: PAGES,
    oldPages: true,
    prepare: endlessJob,
    async reach({ open }, name) {
      const page = await open(name);
      await page.getByText('This page is older than the coordinator: reload.').waitFor();
      if (name === 'index') {
        await startButton(page).click();
        await says(page, 'This page is older than the coordinator');
      }
      return page;
    },
  },
  {
    name: 'insecure address',
    pages: PAGES,
    args: ['--host-resolver-rules=MAP cluster.test 127.0.0.1'],
    host: 'cluster.test',
    async reach({ open }, name) {
      const page = await open(name);
      assert.equal(await page.evaluate(() => isSecureContext), false);
      if (name === 'index') await says(page, 'This address is not secure');
      return page;
    },
  },
  {
    name: 'no WebGPU',
    pages: PAGES,
    async prepare({ context }) {
      await context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    },
    async reach({ open }, name) {
      const page = await open(name);
      if (name === 'index') await says(page, 'Your CPU can help');
      return page;
    },
  },
  {
    name: 'no adapter',
    pages: ['index'],
    // Chromium has WebGPU, and without the flag that the other tests set no adapter for it here.
    without: ['--enable-unsafe-webgpu'],
    async reach({ open }, name) {
      const page = await open(name);
      await panel(page).getByRole('radio', { name: 'Automatic' }).check({ force: true });
      await startButton(page).click();
      await says(page, 'The GPU is switched off');
      return page;
    },
  },
];

suite('axe finds nothing in any state', { skip }, () => {
  before(() => buildPages());

  for (const [turn, state] of STATES.entries()) {
    test(`${state.name}: ${state.pages.join(', ')}`, async (t) => {
      const coordinator = await runCoordinator(t, state.oldPages === true ? { pagesDir: olderPages(t) } : {});
      const browser = await openBrowser(t, state.args, state.without);
      const context = await browser.newContext({ reducedMotion: 'reduce' });
      await context.addInitScript(() => {
        // Load and moving windows are no reason to pause here.
        localStorage.setItem('pause-rules', JSON.stringify({ pressure: false, typing: false }));
        localStorage.setItem('lend-settings', JSON.stringify({ engine: 'cpu', intensity: 'Half' }));
      });
      const url = new URL(coordinator.url);
      url.hostname = state.host ?? url.hostname;
      const open = async (name: PageName, query = ''): Promise<Page> => {
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE_MS);
        await page.goto(new URL(`${name}.html${query}`, url).href);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page
          .locator('.cluster-now')
          .getByText(/device/)
          .waitFor({ state: 'attached' });
        return page;
      };
      const scene = { coordinator, context, open };
      await state.prepare?.(scene, t);
      const found: string[] = [];
      let views = 0;
      const pages =
        FULL || state.alike !== true
          ? state.pages
          : state.pages.filter((_, i) => i === turn % state.pages.length);
      for (const [index, name] of pages.entries()) {
        const page = await state.reach(scene, name);
        for (const look of FULL ? LOOKS : LOOKS.filter((_, i) => i === (turn * 3 + index) % LOOKS.length)) {
          await page.setViewportSize(viewport(look.width));
          await page.emulateMedia({ colorScheme: look.theme, reducedMotion: 'reduce' });
          const view = `${name}-${state.name.replaceAll(' ', '-')}-${look.theme}-${look.width}`;
          found.push(...(await examine(view, page)));
          views += 1;
        }
        await page.close();
      }
      t.diagnostic(`${views} views`);
      assert.deepEqual(found, []);
    });
  }
});

async function endlessJob({ coordinator }: Scene): Promise<void> {
  await coordinator.submit(ENDLESS);
}

/** A page of a tab that contributes: by the panel, or by the chip of the other pages after the visitor went there. */
async function contribute(
  { open, coordinator }: Scene,
  name: PageName,
  word: string | RegExp,
): Promise<Page> {
  const page = await open('index');
  await startButton(page).click();
  await says(page, /Contributing|Waiting for work/);
  if (word !== 'Waiting for work') await contributingTab(coordinator);
  if (name !== 'index') {
    await page.goto(new URL(`${name}.html`, page.url()).href);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
  }
  await lent(page, name, word);
  return page;
}

/** The panel or the chip says this. */
async function lent(page: Page, name: PageName, word: string | RegExp): Promise<void> {
  if (name === 'index') await says(page, word);
  else await page.locator('.lend-chip .lend-status').getByText(word).waitFor();
}

/** Newest first. */
async function jobIds(coordinator: TestCoordinator): Promise<readonly string[]> {
  const { body } = await coordinator.ask('/api/jobs');
  return [...JSON.stringify(body).matchAll(/"job_id":"([^"]+)"/g)].map(([, id]) => id ?? '');
}

/** The pages as a version with an earlier protocol built them. */
function olderPages(t: TestContext): string {
  const folder = join(temporaryFolder(t), 'pages');
  cpSync(PAGE_FOLDER, folder, { recursive: true });
  const assets = join(folder, 'assets');
  let older = 0;
  for (const name of readdirSync(assets).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(assets, name), 'utf8');
    const changed = text.replace(
      new RegExp(`version:${PROTOCOL_VERSION}(?=,date:)`),
      `version:${PROTOCOL_VERSION + 1000}`,
    );
    if (changed !== text) older += 1;
    writeFileSync(join(assets, name), changed);
  }
  assert.ok(older > 0, 'no file has the version of the protocol');
  return folder;
}
