/** Visits to the Threads page for its tests: one Chromium for a suite, a context of its own for each visit. */
import { after, before } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { buildPages } from '../../scripts/build-pages.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 20_000;
const executablePath = findChromium();
export const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

export interface Visit {
  readonly page: Page;
  /** Errors of the page and of its console. */
  readonly errors: string[];
}

export type VisitThreads = (t: TestContext, coordinator: TestCoordinator, query?: string) => Promise<Visit>;

/** Call it within a suite: its browser starts before the suite's tests and ends after them. */
export function threadsVisits(): VisitThreads {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());
  return async (t, coordinator, query = '') => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(`${coordinator.url}/index.html${query}`);
    return { page, errors };
  };
}
