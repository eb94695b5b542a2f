import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { ROUTES } from '../../protocol/routes.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const executable = findChromium();
const skip = executable === undefined ? 'no Chromium on this machine' : false;

test('the page at /docs shows every route and sends what it is asked to', { skip }, async (t) => {
  const coordinator = await runCoordinator(t);
  const browser = await chromium.launch(chromiumLaunchOptions(executable ?? ''));
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(coordinator.url) && !request.url().startsWith('data:')) {
      elsewhere.push(request.url());
    }
  });
  await page.goto(`${coordinator.url}/docs#post_submit`);
  await page.waitForSelector('#post_submit[open]');
  assert.equal(await page.locator('details').count(), ROUTES.length);

  for (const example of ['collatz', 'thread']) {
    await page.click(`#post_submit button:text("Example: ${example}")`);
    await page.click('#post_submit button[type=submit]');
    await page.waitForSelector('#post_submit h2:has-text("202")');
  }
  const reply: unknown = JSON.parse((await page.locator('#post_submit pre').last().textContent()) ?? '');
  assert.ok(typeof reply === 'object' && reply !== null && 'job_id' in reply);

  await page.click('#get_jobs_by_job_id_events summary');
  await page.fill('#get_jobs_by_job_id_events input[name=job_id]', String(reply.job_id));
  await page.click('#get_jobs_by_job_id_events button[type=submit]');
  await page.waitForSelector('#get_jobs_by_job_id_events h2:has-text("progress")');

  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `${width} px wide on a screen of 390`);
  assert.deepEqual(complaints, []);
  assert.deepEqual(elsewhere, []);
});
