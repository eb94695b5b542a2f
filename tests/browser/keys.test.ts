/** Keys on the pages, in headless Chromium against coordinators that listen beyond loopback. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import type { AccessPolicy } from '../../protocol/access.ts';
import { jobResults, jobStatus } from '../../protocol/http.ts';
import { startCoordinator } from '../../coordinator/start.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { bearer, runOpenCoordinator } from '../access/keys.ts';
import type { OpenCoordinator } from '../access/keys.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';
import { examine, THEMES, viewport } from './axe.ts';
import { panel, says, startButton, tabs, until } from './lending.ts';

const PATIENCE_MS = 60_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;
const NO_KEY = `tc_${'0'.repeat(12)}_${'x'.repeat(43)}`;

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const header = (page: Page) => page.getByRole('banner');
const dialog = (page: Page) => page.getByRole('dialog', { name: 'Key' });
const field = (page: Page) => dialog(page).getByLabel(/^(Key|Another key)$/);
const liveFigures = (page: Page) => page.locator('.cluster-now[data-stale=no]', { hasText: /device/ });

async function enter(page: Page, key: string): Promise<void> {
  await field(page).fill(key);
  await field(page).press('Enter');
}

/** It is given after the next picture of the page. */
const hasFocus = (element: Locator) =>
  until(() => element.evaluate((it) => it === document.activeElement), `${String(element)} has the focus`);

/** Opens the dialog from the header, and uses the key. */
async function signIn(page: Page, key: string, as: string): Promise<void> {
  await header(page).getByRole('button', { name: 'Key', exact: true }).click();
  await enter(page, key);
  await header(page).getByRole('button', { name: as }).waitFor();
  await dialog(page).waitFor({ state: 'detached' });
}

suite('keys on the pages', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  const run = (t: TestContext, policy: Partial<AccessPolicy> = {}): Promise<OpenCoordinator> =>
    runOpenCoordinator(t, { policy });

  async function context(t: TestContext): Promise<BrowserContext> {
    const opened = await browser.newContext({ viewport: viewport(1440) });
    opened.setDefaultTimeout(PATIENCE_MS);
    await opened.addInitScript(() => {
      localStorage.setItem('pause-rules', JSON.stringify({ pressure: false }));
      localStorage.setItem('lend-settings', JSON.stringify({ engine: 'cpu', intensity: 'Half' }));
    });
    t.after(() => opened.close());
    return opened;
  }

  test('figures by key alone: said once, without asking again and again; a key brings them, live', async (t) => {
    const coordinator = await run(t, { read: 'key' });
    const { key } = await coordinator.key('viewer');
    const page = await (await context(t)).newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${coordinator.url}/cluster.html`);
    await page.getByText('This cluster shows its figures only with a key.').waitFor();
    const refused = asked.length;
    assert.equal(await page.locator('.cluster-now').textContent(), '');
    // What the page loads after its first picture may still come.
    await button(page, 'Submit job').waitFor();
    await header(page).getByRole('button', { name: 'Key', exact: true }).waitFor();
    // So long an EventSource, and the page's own first retries, would not wait.
    await until(async () => {
      const before = asked.length;
      await page.waitForTimeout(4000);
      return asked.length === before;
    }, 'nothing more is asked for');
    const events = asked.slice(refused).filter((url) => url.includes('/api/events'));
    assert.deepEqual(events, [], 'the stream is not asked for again before there is a key');

    await button(page, 'Use a key').first().click();
    assert.equal(await field(page).getAttribute('type'), 'password');
    assert.equal(await field(page).getAttribute('autocomplete'), 'off');
    await hasFocus(field(page));
    await enter(page, 'tc_123');
    const problem = dialog(page).getByRole('alert');
    await problem.getByText('That is no key').waitFor();
    await enter(page, NO_KEY);
    await problem.getByText('This key is not known here').waitFor();
    await hasFocus(field(page));
    await enter(page, ` ${key} `);
    await header(page).getByRole('button', { name: 'Signed in as ada (viewer)' }).waitFor();
    await liveFigures(page).waitFor();
    await page.getByText('only with a key').waitFor({ state: 'detached' });
    // It is not lost with what opened the dialog.
    await hasFocus(header(page).getByRole('button', { name: /Signed in/ }));

    // It follows: a job that somebody submits now, with its page of older ones and its details.
    const job = await coordinator.submit('1000', {}, bearer(coordinator.adminKey));
    await page.locator('.job-row').waitFor();
    await page.locator('.throughput-section[aria-label]').waitFor();
    await page.locator('.job-link').click();
    await page.locator('.job-details .pairs').first().waitFor();
    assert.equal(await button(page, /^(Pause|Cancel) /).count(), 0, 'a viewer steers nothing');

    // Another page of the same tab has it, another tab has not.
    await page.goto(`${coordinator.url}/index.html?job=${job}`);
    await liveFigures(page).waitFor();
    const other = await page.context().newPage();
    await other.goto(`${coordinator.url}/cluster.html`);
    await other.getByText('This cluster shows its figures only with a key.').waitFor();
    const [link] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'Cluster', exact: true }).click({ modifiers: ['Control'] }),
    ]);
    await link.getByText('This cluster shows its figures only with a key.').waitFor();

    assert.ok(asked.some((url) => url.includes('/api/events')));
    for (const url of asked) assert.ok(!url.includes(key) && !url.includes(NO_KEY), url);
    const kept = await page.evaluate(() =>
      JSON.stringify([Object.entries(localStorage), document.cookie, document.title]),
    );
    assert.ok(!kept.includes(key));
    assert.equal(await page.evaluate(() => sessionStorage.getItem('key')), key);
  });

  test('a revoked key: the page says so at once, and what needs a key is gone', async (t) => {
    const coordinator = await run(t, { read: 'key' });
    const made = await coordinator.key('viewer');
    const page = await (await context(t)).newPage();
    await page.goto(`${coordinator.url}/cluster.html`);
    await signIn(page, made.key, 'Signed in as ada (viewer)');
    await liveFigures(page).waitFor();
    await coordinator.revoke(made.key_id);
    await page.getByText('Your key is not good any more: this key is revoked').waitFor();
    await page.locator('.cluster-now[data-stale=yes]').waitFor();
    await header(page).getByRole('button', { name: 'Key', exact: true }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('key')), null);
    // Another one goes on.
    const next = await coordinator.key('viewer', 'bob');
    await page.locator('.connection-line').getByRole('button', { name: 'Use a key' }).click();
    await enter(page, next.key);
    await liveFigures(page).waitFor();
    assert.equal(await page.getByText('not good any more').count(), 0);
  });

  test('with a key, too, the stream comes back when the coordinator does; without one it may need a key then', async (t) => {
    const coordinator = await run(t);
    const { key } = await coordinator.key('viewer');
    const opened = await context(t);
    const [page, stranger] = [await opened.newPage(), await opened.newPage()];
    for (const one of [page, stranger]) await one.goto(`${coordinator.url}/cluster.html`);
    await signIn(page, key, 'Signed in as ada (viewer)');
    for (const one of [page, stranger]) await liveFigures(one).waitFor();
    await coordinator.close();
    for (const one of [page, stranger]) await one.getByText(/^Connection lost: figures are from/).waitFor();
    const again = await startCoordinator({
      host: '0.0.0.0',
      port: Number(new URL(coordinator.url).port),
      metricsPort: 0,
      dataDir: coordinator.dataDir,
      policy: { read: 'key' },
      logLevel: 'silent',
      exitOnCrash: false,
    });
    t.after(() => again.close());
    await liveFigures(page).waitFor();
    await stranger.getByText('This cluster shows its figures only with a key.').waitFor();
    assert.equal(await page.getByText('Connection lost').count(), 0);
  });

  test('where reading is open, a revoked key leaves the figures live', async (t) => {
    const coordinator = await run(t);
    const made = await coordinator.key('submitter');
    const page = await (await context(t)).newPage();
    await page.goto(`${coordinator.url}/cluster.html`);
    await liveFigures(page).waitFor();
    await signIn(page, made.key, 'Signed in as ada (submitter)');
    await coordinator.revoke(made.key_id);
    await page.getByText('Your key is not good any more: this key is revoked').waitFor();
    await liveFigures(page).waitFor();
    await button(page, 'Go on without').click();
    await page.getByText('not good any more').waitFor({ state: 'detached' });
    await liveFigures(page).waitFor();
  });

  test('submitting: said before; with a key one’s own jobs can be steered, another’s not', async (t) => {
    const coordinator = await run(t);
    const ada = await coordinator.key('submitter');
    const bob = await coordinator.key('submitter', 'bob');
    const far = `${10n ** 15n}`;
    await coordinator.submit(far, {}, bearer(bob.key));
    const page = await (await context(t)).newPage();
    await page.goto(`${coordinator.url}/cluster.html`);
    await page.getByText('Submitting a job needs a key here.').waitFor();
    assert.equal(await button(page, 'Submit job').isDisabled(), true);
    const bobs = page.locator('.job-row', { hasText: 'by bob' });
    await bobs.waitFor();
    assert.equal(await bobs.getByRole('button', { name: /^(Pause|Cancel) / }).count(), 0);

    await page.getByLabel('Name', { exact: true }).fill('kept');
    await page.locator('.submit').getByRole('button', { name: 'Use a key' }).click();
    await enter(page, ada.key);
    await page.getByText('Submitting a job needs a key here.').waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'kept');
    await button(page, 'Submit job').click();
    const own = page.locator('.job-row', { hasText: 'by ada' });
    await own.getByRole('button', { name: 'Pause kept' }).click();
    await own.getByText('paused', { exact: true }).waitFor();
    assert.equal(await bobs.getByRole('button', { name: /^(Pause|Cancel) / }).count(), 0);

    // An admin steers all.
    await header(page).getByRole('button', { name: 'Signed in as ada (submitter)' }).click();
    await dialog(page).getByText('pause or cancel your own jobs').waitFor();
    await enter(page, coordinator.adminKey);
    await bobs.getByRole('button', { name: /^Pause / }).waitFor();
    await own.getByRole('button', { name: 'Resume kept' }).click();
    await own.getByText('paused', { exact: true }).waitFor({ state: 'detached' });

    // Removed, nothing is steered; Escape changes nothing and gives the focus back.
    await header(page)
      .getByRole('button', { name: /^Signed in as / })
      .click();
    await button(page, 'Remove').click();
    await own.getByRole('button', { name: /^Pause / }).waitFor({ state: 'detached' });
    const opener = header(page).getByRole('button', { name: 'Key', exact: true });
    await opener.press('Enter');
    await field(page).fill(ada.key);
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'detached' });
    await hasFocus(opener);
    assert.equal(await page.evaluate(() => sessionStorage.getItem('key')), null);
  });

  test('offers of the other pages say it too, and a result is read with the key', async (t) => {
    const coordinator = await run(t, { read: 'key' });
    const { key } = await coordinator.key('viewer');
    const done = await coordinator.submit(`${10n ** 6n}`, {}, bearer(coordinator.adminKey));
    await coordinator.post(`/api/cancel/${done}`, undefined, bearer(coordinator.adminKey));
    const page = await (await context(t)).newPage();
    await page.goto(`${coordinator.url}/collatz.html`);
    await page.getByText('What the cluster has computed appears here with a key.').waitFor();
    await signIn(page, key, 'Signed in as ada (viewer)');
    await page.getByText('Submitting a job needs a key of another role than viewer.').waitFor();
    await page.locator('#job').waitFor();
    await page.goto(`${coordinator.url}/index.html`);
    await page.getByText('Running them needs a key of another role than viewer.').waitFor();
    assert.equal(await button(page, /^Run 1/).count(), 0);
  });

  test('contributing by key alone: with one it is the cluster’s own; revoked, it ends and says why', async (t) => {
    const coordinator = await run(t, { volunteer: 'key' });
    const viewer = await coordinator.key('viewer');
    const worker = await coordinator.key('worker', 'loom');
    const page = await (await context(t)).newPage();
    await page.goto(coordinator.url);
    await panel(page).getByText('Contributing needs a key here').waitFor();
    await startButton(page).waitFor({ state: 'detached' });
    await panel(page).getByRole('button', { name: 'Use a key' }).click();
    await enter(page, viewer.key);
    await panel(page).getByText('Contributing needs another key here').waitFor();
    await panel(page).getByRole('button', { name: 'Use another key' }).click();
    await enter(page, worker.key);
    await startButton(page).click();
    const own = await until(async () => (await tabs(coordinator))[0], 'the page is connected');
    assert.equal(own.own, true);

    // Another page of the tab goes on with it, as the same worker.
    await page.goto(`${coordinator.url}/collatz.html`);
    await page.getByRole('region', { name: 'This device contributes' }).waitFor();
    await page.goto(coordinator.url);
    await says(page, /Waiting for work|Contributing/);
    const again = await until(
      async () => (await tabs(coordinator)).find(({ node_id }) => node_id === own.node_id),
      'the same worker is back',
    );
    assert.equal(again.own, true);

    await coordinator.revoke(worker.key_id);
    await panel(page).getByText('Your key is not good any more').waitFor();
    await until(async () => (await tabs(coordinator)).length === 0, 'it is gone');
    assert.equal(await startButton(page).count(), 0);
    assert.equal(await button(page, 'Go on without a key').count(), 0, 'that would be refused');
  });

  test('contributing without a key, then with one, then without: the same tab, as what it is', async (t) => {
    const coordinator = await run(t);
    const worker = await coordinator.key('worker', 'loom');
    const submitter = await coordinator.key('submitter');
    const page = await (await context(t)).newPage();
    await page.goto(coordinator.url);
    await signIn(page, submitter.key, 'Signed in as ada (submitter)');
    await startButton(page).click();
    const connected = (own: boolean) =>
      until(async () => (await tabs(coordinator)).find((tab) => tab.own === own), `own: ${own}`);
    await connected(false);
    await header(page).getByRole('button', { name: 'Signed in as ada (submitter)' }).click();
    await enter(page, worker.key);
    await connected(true);
    await header(page).getByRole('button', { name: 'Signed in as loom (worker)' }).click();
    await button(page, 'Remove').click();
    await connected(false);
    await until(async () => (await tabs(coordinator)).length === 1, 'the tab is one worker');
  });

  test('a revoked key ends contributing where anybody may, too: to go on as anybody is asked first', async (t) => {
    const coordinator = await run(t);
    const worker = await coordinator.key('worker', 'loom');
    const page = await (await context(t)).newPage();
    await page.goto(coordinator.url);
    await signIn(page, worker.key, 'Signed in as loom (worker)');
    await startButton(page).click();
    const { node_id } = await until(
      async () => (await tabs(coordinator)).find(({ own }) => own),
      'it is connected as the cluster’s own',
    );
    await coordinator.revoke(worker.key_id);
    await panel(page).getByText('Your key is not good any more').waitFor();
    await until(async () => (await tabs(coordinator)).length === 0, 'it is gone');
    await button(page, 'Go on without a key').click();
    const stranger = await until(async () => (await tabs(coordinator))[0], 'it is back');
    assert.equal(stranger.own, false);
    assert.notEqual(stranger.node_id, node_id, 'that name is kept for the key');
  });

  test('a key that ended while the page was away ends contributing, too', async (t) => {
    const coordinator = await run(t);
    const worker = await coordinator.key('worker', 'loom');
    const page = await (await context(t)).newPage();
    await page.goto(coordinator.url);
    await signIn(page, worker.key, 'Signed in as loom (worker)');
    await startButton(page).click();
    await until(async () => (await tabs(coordinator)).find(({ own }) => own), 'it is connected');
    await page.goto('about:blank');
    await coordinator.revoke(worker.key_id);
    await page.goto(coordinator.url);
    await panel(page).getByText('Your key is not good any more').waitFor();
    assert.deepEqual(
      (await tabs(coordinator)).filter(({ own }) => !own),
      [],
      'it did not go on as a stranger',
    );
    await startButton(page).waitFor({ state: 'detached' });
    await button(page, 'Go on without a key').waitFor();
  });

  test('on a coordinator of this machine alone there is no button, and nothing of it is loaded', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await (await context(t)).newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${coordinator.url}/cluster.html`);
    await button(page, 'Submit job').waitFor();
    await liveFigures(page).waitFor();
    await until(async () => asked.includes('/api/caller'), 'the page asks who it is');
    const id = await coordinator.submit(`${10n ** 15n}`);
    await page.getByRole('button', { name: /^Pause / }).waitFor();
    assert.equal(jobStatus.parse((await coordinator.ask(`/api/status/${id}`)).body).user_id, null);
    assert.equal(
      await header(page)
        .getByRole('button', { name: /Key|Signed in/ })
        .count(),
      0,
    );
    assert.deepEqual(
      asked.filter((path) => /key-(button|stream)/.test(path)),
      [],
    );
  });

  test('the result as a file, with a key that a link can’t carry', async (t) => {
    const coordinator = await run(t, { read: 'key' });
    const { key } = await coordinator.key('viewer');
    const admin = bearer(coordinator.adminKey);
    const page = await (await context(t)).newPage();
    await page.goto(coordinator.url);
    const worker = await coordinator.key('worker', 'loom');
    const id = await coordinator.submit('100000', {}, admin);
    await signIn(page, worker.key, 'Signed in as loom (worker)');
    await startButton(page).click();
    await until(async () => {
      const { body } = await coordinator.ask(`/api/status/${id}`, { headers: admin });
      return jobStatus.parse(body).status === 'completed';
    }, 'the job is done');
    const reader = await (await context(t)).newPage();
    await reader.goto(`${coordinator.url}/cluster.html`);
    await signIn(reader, key, 'Signed in as ada (viewer)');
    const [file] = await Promise.all([
      reader.waitForEvent('download'),
      reader
        .getByRole('link', { name: /^Result of / })
        .first()
        .click(),
    ]);
    assert.equal(file.suggestedFilename(), `${id}.json`);
    const { result } = jobResults.parse(JSON.parse(await readFile(await file.path(), 'utf8')));
    assert.equal(result?.['count'], '99999');
  });

  test('axe finds nothing in the dialog, in both themes, wide and at 390 px', async (t) => {
    const coordinator = await run(t, { read: 'key', volunteer: 'key' });
    const { key } = await coordinator.key('viewer');
    const found: string[] = [];
    for (const theme of THEMES) {
      for (const width of [390, 1440]) {
        const visit = await browser.newContext({
          viewport: viewport(width),
          colorScheme: theme,
          reducedMotion: 'reduce',
        });
        const page = await visit.newPage();
        const name = (state: string) => `key-${state}-${theme}-${width}`;
        await page.goto(`${coordinator.url}/${width === 390 ? 'index' : 'cluster'}.html`);
        await page.getByText('This cluster shows its figures only with a key.').waitFor();
        found.push(...(await examine(name('needed'), page)));
        await header(page).getByRole('button', { name: 'Key', exact: true }).click();
        await enter(page, NO_KEY);
        await dialog(page).getByRole('alert').waitFor();
        found.push(...(await examine(name('refused'), page)));
        await enter(page, key);
        await dialog(page).waitFor({ state: 'detached' });
        await header(page)
          .getByRole('button', { name: /^Signed in/ })
          .click();
        await button(page, 'Remove').waitFor();
        found.push(...(await examine(name('signed-in'), page)));
        const { height = 0, y = 0 } = (await header(page).locator('.header').boundingBox()) ?? {};
        assert.ok(height + y < 80, `the header stays one row at ${width} px: ${height}`);
        await visit.close();
      }
    }
    assert.deepEqual(found, []);
  });
});
