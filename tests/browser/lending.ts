/** Pages that lend this machine, in real Chromium against a real coordinator: what the tests of lending share. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { nodeList } from '../../protocol/http.ts';
import type { NodeStatus } from '../../protocol/http.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

/** Machines that build and test at once are slow; whoever waits for longer waits for nothing. */
export const PATIENCE_MS = 90_000;
const LOOK_MS = 50;

const executablePath = findChromium();
export const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

export interface Settings {
  readonly engine: 'auto' | 'gpu' | 'cpu';
  readonly intensity: 'Trace' | 'Light' | 'Half' | 'Most' | 'All';
}

export interface Visit {
  readonly page: Page;
  /** Paths of everything that was fetched, in order. */
  readonly fetched: string[];
  /** Errors of the page and of its console, violations of the policy among them. */
  readonly errors: string[];
}

/** Closed when the test is over. */
export async function openBrowser(
  test: TestContext,
  args: readonly string[] = [],
  without: readonly string[] = [],
): Promise<Browser> {
  const options = chromiumLaunchOptions(executablePath ?? '');
  const usual = (options.args ?? []).filter((arg) => !without.includes(arg));
  const browser = await chromium.launch({ ...options, args: [...usual, ...args] });
  test.after(() => browser.close());
  return browser;
}

/** A visitor who has made these choices before, on a machine whose load is no reason to pause. */
export async function visitor(browser: Browser, settings?: Settings): Promise<BrowserContext> {
  const context = await browser.newContext();
  if (settings === undefined) return context;
  await context.addInitScript((chosen) => {
    localStorage.setItem('pause-rules', JSON.stringify({ pressure: false }));
    localStorage.setItem('lend-settings', chosen);
  }, JSON.stringify(settings));
  return context;
}

export async function visit(context: BrowserContext, url: string): Promise<Visit> {
  const page = await context.newPage();
  const fetched: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, fetched, errors };
}

/** The panel: the bar of small screens has the same buttons. */
export const panel = (page: Page) => page.getByRole('region', { name: 'Lend this device', exact: true });
export const startButton = (page: Page) => panel(page).getByRole('button', { name: 'Start contributing' });
export const stopButton = (page: Page) => panel(page).getByRole('button', { name: 'Stop' });
/** The word beside the dot: Contributing, Paused, … */
export const says = (page: Page, word: string | RegExp) =>
  panel(page).getByRole('heading', { name: word }).first().waitFor({ timeout: PATIENCE_MS });

/** The Web Workers of the page that compute for the cluster. */
export const computingThreads = (page: Page) =>
  page.workers().filter((worker) => /contribution-thread|cpu-web-thread/.test(worker.url()));

/** Far more than a thread that runs takes to answer: its pieces last 15 ms. */
const ANSWER_MS = 5000;

/**
 * How many of those run anything. One that was ended may stay in the browser's list for good, idle and without an answer: on
 * cores that are short of time, Chromium now and then does not hear that the threads of a thread have ended, and keeps both.
 */
export async function runningThreads(page: Page): Promise<number> {
  const answers = computingThreads(page).map((thread) => {
    const answered = thread.evaluate('true').catch(() => false);
    return Promise.race([answered, sleep(ANSWER_MS, false)]);
  });
  return (await Promise.all(answers)).filter((answer) => answer === true).length;
}

/** Workers that are pages, as the coordinator sees them. */
export async function tabs(coordinator: Pick<TestCoordinator, 'ask'>): Promise<NodeStatus[]> {
  const { body } = await coordinator.ask('/api/nodes');
  const { nodes } = nodeList.parse(body);
  return nodes.filter(({ node_id, state }) => node_id.startsWith('browser-') && state !== 'offline');
}

export async function until<R>(
  look: () => Promise<R | undefined | false>,
  what: string,
  patience_ms = PATIENCE_MS,
): Promise<R> {
  const end_ms = performance.now() + patience_ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < end_ms, `never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** The one page that contributes, once so many of its batches are counted. */
export function contributingTab(coordinator: Pick<TestCoordinator, 'ask'>, batches = 1): Promise<NodeStatus> {
  return until(
    async () => (await tabs(coordinator)).find(({ batches_done }) => batches_done >= batches),
    `a page has done ${batches} batches`,
  );
}
