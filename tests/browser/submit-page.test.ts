/** Submitting from a page, in headless Chromium: messages at the fields, one job for two clicks, nothing lost. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { jobList } from '../../protocol/http.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

suite('submitting from a page', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function visit(t: TestContext, coordinator: TestCoordinator): Promise<Page> {
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`${coordinator.url}/cluster.html`);
    await page.getByRole('button', { name: 'Submit job' }).waitFor();
    return page;
  }
  const jobs = async (coordinator: TestCoordinator) =>
    jobList.parse((await coordinator.ask('/api/jobs')).body).jobs;
  const problem = (page: Page, label: string) =>
    page.locator('.field', { has: page.getByLabel(label, { exact: true }) }).getByRole('alert');

  test('two clicks, and a try after a lost answer, make one job; the next one is another', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await visit(t, coordinator);
    await page.getByLabel('From', { exact: true }).fill('2^68');
    await page.getByLabel('To', { exact: true }).fill('2^68 + 1 000');
    await page.getByRole('radio', { name: /^Verify/ }).check();
    await page.getByRole('radio', { name: 'High' }).check();
    await page.getByLabel('Name', { exact: true }).fill('<b>far</b>');
    await page
      .getByText(
        `threads submit collatz --start 2^68 --end 295147905179352826856 --mode verify --priority high --name '<b>far</b>' --url ${coordinator.url}`,
      )
      .waitFor();

    // The coordinator takes it, but its answer is lost.
    await page.route('**/api/submit', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole('button', { name: 'Submit job' }).click();
    await page.getByText('The coordinator can’t be reached.').waitFor();
    assert.equal(await page.getByLabel('From', { exact: true }).inputValue(), '2^68');
    await page.unroute('**/api/submit');

    await page.getByRole('button', { name: 'Submit job' }).dblclick();
    const link = page.getByRole('link', { name: 'the job' });
    await link.waitFor();
    const [job, ...more] = await jobs(coordinator);
    assert.deepEqual(more, []);
    assert.equal(await link.getAttribute('href'), `/cluster.html?job=${job?.job_id}`);
    assert.equal(job?.name, '<b>far</b>');
    assert.equal(job?.priority, 'high');
    assert.deepEqual(job?.parameters, {
      start: String(2n ** 68n),
      end: String(2n ** 68n + 1000n),
      mode: 'verify',
    });
    await page.waitForTimeout(800);
    await page.getByRole('button', { name: 'Submit another' }).click();
    await page.getByRole('button', { name: 'Submit job' }).click();
    await link.waitFor();
    assert.equal((await jobs(coordinator)).length, 2);
  });

  test('every field of both forms says what to enter, by keyboard, and nothing is sent', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await visit(t, coordinator);
    const wrong: readonly [string, string, RegExp][] = [
      ['From', 'ten', /is not a whole number: enter one like/],
      ['From', '0', /from 1 to 2\^96/],
      ['To', '1', /Enter a whole number from 2|Must be above/],
      ['Name', 'x'.repeat(201), /Shorten the name/],
    ];
    for (const [label, text, wanted] of wrong) {
      const field = page.getByLabel(label, { exact: true });
      const good = await field.inputValue();
      await field.fill(text);
      await page.keyboard.press('Enter');
      assert.match((await problem(page, label).textContent()) ?? '', wanted);
      assert.equal(await field.getAttribute('aria-invalid'), 'true');
      assert.ok(await field.evaluate((input) => input === document.activeElement));
      await field.fill(good);
      await problem(page, label).waitFor({ state: 'detached' });
    }
    await page.getByRole('radio', { name: 'Threads' }).check();
    const threads: readonly [string, string][] = [
      ['Programs', '0'],
      ['Seed', '2^64'],
      ['Deepest', '33'],
      ['Chances to fork', '5'],
      ['Each, of 256', '257'],
      ['Least work', '2000'],
      ['Most work', '0'],
      ['Tree limit', 'many'],
    ];
    for (const [label, text] of threads) {
      const field = page.getByLabel(label, { exact: true });
      const good = await field.inputValue();
      await field.fill(text);
      await page.keyboard.press('Enter');
      const at = label === 'Least work' ? 'Most work' : label;
      assert.match((await problem(page, at).textContent()) ?? '', /[Ee]nter/, label);
      await field.fill(good);
    }
    assert.deepEqual(await jobs(coordinator), []);
    await page.getByRole('button', { name: 'Submit job' }).click();
    await page.getByRole('link', { name: 'the job' }).waitFor();
    assert.equal((await jobs(coordinator))[0]?.type, 'thread');
  });

  test('what the API alone finds wrong stands at its field', async (t) => {
    const coordinator = await runCoordinator(t);
    const page = await visit(t, coordinator);
    await page.route('**/api/submit', (route) =>
      route.fulfill({
        status: 400,
        json: {
          error: {
            code: 'invalid_request',
            message: 'wrong',
            details: { fields: [{ path: 'parameters.end', message: 'the range is too long' }] },
          },
        },
      }),
    );
    await page.getByRole('button', { name: 'Submit job' }).click();
    await problem(page, 'To').getByText('The range is too long.').waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'end');
    await page.getByLabel('To', { exact: true }).fill('5');
    await problem(page, 'To').waitFor({ state: 'detached' });
  });
});
