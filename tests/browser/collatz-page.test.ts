/** The Collatz page in Chromium against a real coordinator with a real worker: what it shows is what the API says. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { jobCoverage, jobList, jobResults } from '../../protocol/http.ts';
import type { JobCoverage, JobResults } from '../../protocol/http.ts';
import { blockWords, rangeMap } from '../../client/browser/collatz/coverage-cells.ts';
import { readResult } from '../../client/browser/collatz/job-result.ts';
import { ratioText, shortNumber } from '../../client/browser/collatz/number-text.ts';
import { grouped } from '../../client/browser/format/figures.ts';
import { buildPages } from '../../scripts/build-pages.ts';
import { startWorker } from '../cluster/processes.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { recordsOfOeis } from '../oeis.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 60_000;
/** The file of a path of 2,000 digits is written between the page's other tasks: a busy machine takes a minute. */
const LONG_FILE_MS = 240_000;
const executablePath = findChromium();
const skip = executablePath === undefined ? 'no Chromium: set CHROMIUM_PATH' : false;

suite('the Collatz page', { skip }, () => {
  let browser: Browser;
  before(async () => {
    await buildPages();
    browser = await chromium.launch(chromiumLaunchOptions(executablePath ?? ''));
  });
  after(() => browser.close());

  async function open(coordinator: TestCoordinator, query = ''): Promise<{ page: Page; errors: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(PATIENCE_MS);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(`${coordinator.url}/collatz.html${query}`);
    return { page, errors };
  }

  test('a job: figures, map, histogram and records are the API’s; files and address keep them', async (t) => {
    const coordinator = await runCoordinator(t);
    const job = await coordinator.submit('1000000', { batch_size: 200_000 });
    startWorker(t, { url: coordinator.url, nodeId: 'collatz-page-worker' });
    const { page, errors } = await open(coordinator, `?n=27&job=${job}`);
    await page.locator('.job-state', { hasText: 'finished' }).waitFor();
    const answer = await resultsOf(coordinator, job);
    const found = readResult(answer.result);
    assert.ok(found?.mode === 'statistics');

    const words = `mean ${ratioText(found.delaySum, found.count, 1)} over ${shortNumber(found.count)} numbers, at most 524 steps, for ${grouped(837_799)}`;
    await page.locator('.histogram-words', { hasText: words }).waitFor();
    assert.equal(ratioText(found.delaySum, found.count, 1), '131.4');

    // The coverage comes by an event of its own; before it there is nothing to focus.
    await page.locator('.map-picture[role=slider]').focus();
    const covered = await coverageOf(coordinator, job);
    const map = rangeMap(covered, undefined);
    await page.keyboard.press('Home');
    await says(page, '.map-picture', blockWords(map, 0, 'statistics'));
    await page.keyboard.press('End');
    await says(page, '.map-picture', blockWords(map, 4095, 'statistics'));

    await page.locator('.histogram-picture').focus();
    await page.keyboard.press('Home');
    await says(page, '.histogram-picture', '0 steps: 1 numbers');
    await page.keyboard.press('PageUp');
    await says(page, '.histogram-picture', `20 steps: ${grouped(found.histogram[20] ?? 0n)} numbers`);

    const oeis = recordsOfOeis();
    const shown = await page
      .locator('.record-table')
      .evaluateAll((tables) =>
        tables.map((table) =>
          [...table.querySelectorAll('tbody tr')].map((row) =>
            [...row.querySelectorAll('td')].map((cell) =>
              (cell.title === '' ? cell.textContent : cell.title).replace(/\s/g, ''),
            ),
          ),
        ),
      );
    const below = (records: readonly { readonly n: bigint }[]) => records.filter(({ n }) => n < 1_000_000n);
    assert.deepEqual(
      shown[0],
      below(oeis.delays)
        .toReversed()
        .map((record) => [String(record.n), String('delay' in record ? record.delay : '')]),
    );
    assert.deepEqual(
      shown[1],
      below(oeis.peaks)
        .toReversed()
        .map((record) => [String(record.n), String('peak' in record ? record.peak : '')]),
    );

    const json: unknown = JSON.parse((await saved(page, 'JSON')).toString());
    assert.deepEqual(json, JSON.parse(JSON.stringify(answer)));
    const csv = (await saved(page, 'CSV', '.exports')).toString().split('\r\n');
    assert.equal(csv[0], 'delay,count');
    assert.deepEqual(
      csv.slice(1, -1).map((line) => line.split(',')),
      found.histogram.map((count, delay) => [String(delay), String(count)]),
    );
    const png = await saved(page, 'PNG');
    assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [2400, 1260]);

    // A record leads to its path; the address brings both back.
    await page
      .getByRole('link', { name: grouped(837_799) })
      .first()
      .click();
    await page.getByRole('heading', { name: /takes 524 steps home/ }).waitFor();
    await page.waitForURL(new RegExp(`n=837799&job=${job}$`));
    await page.reload();
    await page.getByRole('heading', { name: /takes 524 steps home/ }).waitFor();
    assert.equal(await page.inputValue('#job'), job);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('three jobs, chosen one by one: every bar of the histogram is the API’s', async (t) => {
    const coordinator = await runCoordinator(t);
    const jobs = [
      await coordinator.submit('50000'),
      await coordinator.submit('9000', { start: '3000' }),
      await coordinator.submit(String(2n ** 68n + 2000n), { start: String(2n ** 68n) }),
    ];
    startWorker(t, { url: coordinator.url, nodeId: 'collatz-page-three' });
    const { page, errors } = await open(coordinator, `?job=${jobs[0]}`);
    for (const job of jobs) {
      await page.locator(`#job option[value="${job}"]`).waitFor({ state: 'attached' });
      await page.selectOption('#job', job);
      // The page may still say it of the job before.
      await coordinator.completed(job);
      await page.locator('.job-state', { hasText: 'finished' }).waitFor();
      const { result } = await resultsOf(coordinator, job);
      const counts = result?.['delay_histogram'];
      assert.ok(Array.isArray(counts) && counts.length > 100);
      await page
        .locator('.histogram-words', { hasText: `over ${shortNumber(BigInt(String(result?.['count'])))} ` })
        .waitFor();
      const csv = (await saved(page, 'CSV', '.exports')).toString().split('\r\n');
      assert.deepEqual(
        csv.slice(1, -1).map((line) => line.split(',')[1]),
        counts.map(String),
      );
      // As it stands on the page: at the ends and every twenty steps from the first.
      const picture = page.locator('.histogram-picture');
      await picture.focus();
      await page.keyboard.press('Home');
      for (let delay = 0; delay < Math.min(counts.length, 200); delay += 20) {
        const expected = `${delay} steps: ${grouped(BigInt(String(counts[delay])))} numbers`;
        await says(page, '.histogram-picture', expected);
        await page.keyboard.press('PageUp');
      }
      await page.keyboard.press('End');
      const last = counts.length - 1;
      const expected = `${grouped(last)} steps: ${grouped(BigInt(String(counts[last])))} numbers`;
      await says(page, '.histogram-picture', expected);
    }
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('the field of n: what is wrong is said there, and what was shown stays', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await open(coordinator);
    await page.getByRole('heading', { name: /^27 climbs to/ }).waitFor();
    const field = page.getByLabel('Number to explore');
    for (const [text, message] of [
      ['', 'Enter a whole number, like 27, 1e9 or 2^68+1.'],
      ['<img src=x onerror=alert(1)>', 'is not a whole number'],
      ['0', 'Enter a number of 1 or more'],
      ['3 - 4', 'Enter a number of 0 or more.'],
      ['10^2000', 'Enter a number of at most 2000 digits.'],
    ] as const) {
      await field.fill(text);
      await page.getByRole('alert').filter({ hasText: message }).waitFor();
      assert.equal(await field.getAttribute('aria-invalid'), 'true');
      assert.match((await page.textContent('h1')) ?? '', /^27 climbs to/);
    }
    for (const [text, heading] of [
      ['1,000,000', /^1.000.000 only|^1.000.000 climbs/],
      ['64', /^64 only falls: 6 steps home\.$/],
      ['1', /^1 is home already\.$/],
      ['2^68+1', /^295.147.905.179.352.825.857 climbs to/],
    ] as const) {
      await field.fill(text);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      assert.equal(await page.getByRole('alert').count(), 0);
    }
    await page.waitForURL(/\?n=2\^68%2B1/);
    await field.fill('27');
    await page.getByRole('button', { name: /^Next record: 54$/ }).click();
    await page.getByRole('heading', { level: 1, name: /takes 112 steps home/ }).waitFor();
    await page.getByText(/it meets another path|lies on other paths/).waitFor();
    const rows = (await saved(page, 'CSV', '.steps-section')).toString().trim().split('\r\n');
    assert.deepEqual([rows.length, rows[1], rows.at(-1)], [114, '0,54,even', '112,1,odd']);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('no job: one click makes one; a verification shows what it gives', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await open(coordinator, '?n=27&job=no-such-job');
    await page.getByText('There is no such job here').waitFor();
    await page.getByRole('button', { name: 'Compute 1 to 10⁷' }).click();
    await page.locator('.job-state', { hasText: '0.0' }).waitFor();
    const { jobs } = jobList.parse((await coordinator.ask('/api/jobs')).body);
    assert.deepEqual(
      jobs.map(({ type, parameters }) => [type, parameters['start'], parameters['end']]),
      [['collatz', '1', '10000000']],
    );
    for (const { job_id } of jobs) await coordinator.post(`/api/cancel/${job_id}`);
    const verify = await coordinator.submit('5000000', { mode: 'verify' });
    startWorker(t, { url: coordinator.url, nodeId: 'collatz-page-verifier' });
    await page.locator(`#job option[value="${verify}"]`).waitFor({ state: 'attached' });
    await page.selectOption('#job', verify);
    await page.locator('.job-state', { hasText: 'finished' }).waitFor();
    const found = readResult((await resultsOf(coordinator, verify)).result);
    assert.ok(found?.mode === 'verify');
    await page.locator('[data-figure="verified"]', { hasText: grouped(found.verified) }).waitFor();
    assert.equal(await page.textContent('[data-figure="candidates"]'), grouped(found.candidates));
    assert.equal(await page.textContent('[data-figure="failures"]'), '0');
    // The refused request for the unknown job is an error of the console, nothing else is.
    assert.ok(errors.every((error) => error.includes('404')));
    await page.close();
  });

  test('2,000 digits: the path, its table, its file, and how long the page was held up', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await open(coordinator);
    await page.getByText(/it meets another path|lies on other paths/).waitFor();
    const fetched: string[] = [];
    page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
    await page.evaluate(() => {
      const durations: number[] = [];
      Object.assign(window, { durations });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) durations.push(Math.round(entry.duration));
      }).observe({ type: 'longtask' });
    });
    await page.getByLabel('Number to explore').fill('9'.repeat(2000));
    await page.getByRole('heading', { level: 1, name: /takes 62.032 steps home/ }).waitFor();
    await page.getByText('Its neighbours: n − 1 needs 62').waitFor();
    assert.equal(await page.locator('.steps table').getAttribute('aria-rowcount'), '62034');
    assert.ok((await page.locator('.steps tbody tr').count()) < 60);
    await page.locator('.path-picture').focus();
    // The first key of all only puts the cursor there; the second one is for the picture that has it.
    await page.keyboard.press('End');
    await page.locator('.path-picture:not([aria-valuetext="arrow keys move along"])').waitFor();
    await page.keyboard.press('End');
    await says(page, '.path-picture', `after ${grouped(62_032)} steps: 1, odd`);
    await page.locator('.steps tr', { hasText: /^62.032/ }).waitFor();
    const csv = (await saved(page, 'CSV', '.steps-section')).toString().split('\r\n');
    assert.deepEqual([csv.length, csv[1], csv.at(-2)], [62_035, `0,${'9'.repeat(2000)},odd`, '62032,1,odd']);
    const durations = await page.evaluate(() => Reflect.get(window, 'durations') as number[]);
    // In a thread that can't be loaded the page would have walked itself.
    assert.ok(fetched.some((path) => path.includes('path-thread')));
    t.diagnostic(`tasks over 50 ms: ${durations.length === 0 ? 'none' : durations.join(', ')} ms`);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('2,000 digits where the thread cannot be loaded: the page walks itself', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page } = await open(coordinator);
    await page.route(/path-thread/, (route) => route.abort());
    await page.getByLabel('Number to explore').fill('9'.repeat(2000));
    await page.getByRole('heading', { level: 1, name: /takes 62.032 steps home/ }).waitFor();
    await page.getByText('Its neighbours: n − 1 needs 62').waitFor();
    await page.close();
  });
});

async function resultsOf(coordinator: TestCoordinator, job: string): Promise<JobResults> {
  return jobResults.parse((await coordinator.ask(`/api/results/${job}`)).body);
}

async function coverageOf(coordinator: TestCoordinator, job: string): Promise<JobCoverage> {
  return jobCoverage.parse((await coordinator.ask(`/api/jobs/${job}/coverage`)).body);
}

/** What a picture reads out where its cursor is: data come by events, and a key is answered by the next render. */
function says(page: Page, picture: string, words: string): Promise<void> {
  return page.locator(`${picture}[aria-valuetext="${words}"]`).waitFor();
}

/** What a button gives to save. */
async function saved(page: Page, button: string, within = '.exports'): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout: LONG_FILE_MS }),
    page.locator(within).getByRole('button', { name: button }).click(),
  ]);
  return readFile(await download.path());
}
