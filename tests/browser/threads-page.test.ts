/** The Threads page in Chromium against a real coordinator: its numbers equal the reference and the API. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { jobList, jobResults, submitReply } from '../../protocol/http.ts';
import { threadParameters } from '../../shaders/thread-sim/parameters.ts';
import { referenceAggregate } from '../../shaders/thread-sim/reference.ts';
import { growTree, schedule } from '../../shaders/thread-sim/schedule.ts';
import { jobFigures, speedUps } from '../../client/browser/threads/job-figures.ts';
import { runCoordinator } from '../coordinator/running.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import type { JoinedWorker } from '../coordinator/worker-socket.ts';
import { answerOf, join } from '../coordinator/worker-socket.ts';
import { skip, threadsVisits } from './threads-visit.ts';

suite('the Threads page', { skip }, () => {
  const visit = threadsVisits();

  test('three roots: figures, threads by depth, schedule and processors equal the reference', async (t) => {
    const coordinator = await runCoordinator(t);
    const roots = [
      { query: '?root=816&p=8', root: 816, processors: 8, body: {} },
      {
        query: '?seed=42&root=16652&p=64&depth=14&chances=3&threshold=120',
        root: 16_652,
        processors: 64,
        body: { seed: 42, max_depth: 14, max_children: 3, spawn_threshold: 120 },
      },
      {
        query:
          '?seed=18446744073709551615&root=4294967295&p=∞&chances=1&threshold=256&depth=32&work_min=7&work_max=7',
        root: 4_294_967_295,
        processors: Infinity,
        body: {
          ...{ seed: '18446744073709551615', max_children: 1, spawn_threshold: 256 },
          ...{ max_depth: 32, work_min: 7, work_max: 7 },
        },
      },
    ];
    const { page, errors } = await visit(t, coordinator);
    for (const { query, root, processors, body } of roots) {
      await page.goto(`${coordinator.url}/index.html${query}`);
      const parameters = threadParameters.parse(body);
      const exact = referenceAggregate(parameters, { start: BigInt(root), end: BigInt(root) + 1n });
      const tree = growTree(parameters, root) ?? [];
      const run = schedule(tree, processors);
      const name = headline(tree.length);
      await page.getByRole('heading', { level: 1, name }).waitFor();
      await page.getByText('Threads by depth; the colours of this page').waitFor();
      const figures = await numbers(page.locator('.program-figures dd.value'));
      const work = Number(exact.work);
      assert.deepEqual(figures.slice(0, 2), [work, Number(exact.span)]);
      closeTo(figures[2], work / Number(exact.span));
      closeTo(figures[3], work / run.makespan);
      assert.equal(exact.threads, BigInt(tree.length));
      assert.deepEqual(
        await numbers(page.locator('.depth-columns .count')),
        exact.threadsByDepth.map(Number),
      );
      assert.deepEqual(await numbers(page.locator('.title-end strong')), [run.makespan]);
      await page.getByText('The pictures as text').click();
      const lanes = new Map<number, number>();
      for (const { processor, start, end } of run.threads)
        lanes.set(processor, (lanes.get(processor) ?? 0) + end - start);
      const rows = page.locator('.picture-text td:nth-child(3)');
      // They are drawn when they are asked for, not with the page.
      await rows.first().waitFor();
      assert.deepEqual(
        await numbers(rows),
        [...lanes.entries()].toSorted(([a], [b]) => a - b).map(([, busy]) => busy),
      );
    }
    assert.deepEqual(errors, []);
  });

  test('three jobs: speed-up and histograms equal the API’s, and the reference’s; live, and chosen', async (t) => {
    const coordinator = await runCoordinator(t);
    const worker = await join(t, coordinator.url);
    const { page, errors } = await visit(t, coordinator, '?seed=9&depth=3');
    const bodies = [
      // This one by the page's own button.
      { thread_count: 1000, max_depth: 3, seed: 9 },
      { thread_count: 80, max_depth: 14, max_children: 3, spawn_threshold: 120, seed: 42, batch_size: 80 },
      {
        thread_count: 50,
        max_children: 4,
        spawn_threshold: 256,
        max_depth: 2,
        max_threads: 20,
        batch_size: 50,
      },
    ];
    for (const [index, body] of bodies.entries()) {
      const job =
        index === 0
          ? await runOne(page, coordinator)
          : await submit(coordinator, `<b>job ${index}</b>`, body);
      await computeAll(worker);
      // The visitor's own job stays in sight until another is chosen.
      if (index > 0) await page.getByLabel('Job', { exact: true }).selectOption(job);
      if (index > 0) await page.locator('.job-head bdi', { hasText: `<b>job ${index}</b>` }).waitFor();
      await page
        .locator('.job-head p')
        .getByText(/finished/)
        .waitFor();
      const { body: answer } = await coordinator.ask(`/api/results/${job}`);
      const results = jobResults.parse(answer);
      const figures = jobFigures(results);
      assert.ok(figures !== undefined);
      const exact = referenceAggregate(threadParameters.parse(body), {
        start: 0n,
        end: BigInt(body.thread_count),
      });
      assert.deepEqual(
        [figures.threads, figures.work, figures.span, figures.threadsByDepth, figures.sizeHistogram],
        [exact.threads, exact.work, exact.span, exact.threadsByDepth, exact.sizeHistogram],
      );
      const depths = page.locator('.depth-bars .count');
      await page.waitForFunction(
        (count) => document.querySelectorAll('.depth-bars .count').length === count,
        exact.threadsByDepth.length,
      );
      assert.deepEqual(await numbers(depths), exact.threadsByDepth.map(Number));
      assert.deepEqual(await numbers(page.locator('.size-bars .count')), exact.sizeHistogram.map(Number));
      if (exact.oversize > 0n) await page.getByText(`${exact.oversize} oversize`).waitFor();
      const rows = await numbers(page.locator('.speed-up td'), (text) => text.replace('×', ''));
      for (const [row, { processors, atLeast, atMost }] of speedUps(figures).entries()) {
        const [shownProcessors, shownLeast, shownMost] = rows.slice(3 * row, 3 * row + 3);
        assert.equal(shownProcessors, processors);
        closeTo(shownLeast, atLeast);
        closeTo(shownMost, atMost);
      }
      await sameLargest(page, exact.maxThreads);
    }
    assert.equal(await page.locator('main b, main i b').count(), 0, 'markup in a name shows as text');

    // From the job to its largest tree: the page grows it itself, and finds what the cluster found.
    await page.getByLabel('Job', { exact: true }).selectOption({ index: 1 });
    await page.getByText('Any root of this job').waitFor();
    await page.locator('.job-roots button', { hasText: 'show root' }).first().click();
    const [most] = await numbers(page.locator('.largest-value').first());
    await page.getByRole('heading', { level: 1, name: headline(most ?? 0) }).waitFor();
    await page.getByRole('heading', { name: '80 such programs' }).waitFor();
    await page.getByLabel('Any root of this job').fill('80');
    await page.locator('.job-root-form').getByRole('button', { name: 'Show' }).click();
    await page.getByText('Enter a whole number from 0 to 79: the roots of this job.').waitFor();
    assert.deepEqual(errors, []);

    const { jobs } = jobList.parse((await coordinator.ask('/api/jobs?type=thread')).body);
    const last = jobs.find(({ name }) => name === '<b>job 2</b>')?.job_id ?? '';
    await page.goto(`${coordinator.url}/index.html?job=${last}&root=7&p=4`);
    await page.waitForURL(/\?root=7&depth=2&chances=4&threshold=256&max_threads=20&p=4$/);
    await page.getByRole('heading', { name: '50 such programs' }).waitFor();
    await page.goto(`${coordinator.url}/index.html?job=0000000&root=7`);
    await page.getByText('The job that the address names is not known here').waitFor();
  });
});

/** The numbers that these elements show, without their separators. */
async function numbers(locator: Locator, prepare = (text: string) => text): Promise<number[]> {
  const texts = await locator.allTextContents();
  return texts.map((text) => Number(prepare(text).replace(/[\s\u202f×]/g, '')));
}

/** As far as three digits say. */
function closeTo(shown: number | undefined, exact: number): void {
  assert.ok(
    shown !== undefined && Math.abs(shown - exact) <= exact * 0.006,
    `${shown} is shown for ${exact}`,
  );
}

/** Any space may stand between thousands. */
function headline(threads: number): RegExp {
  return new RegExp(`^One program, ${spaced(threads).replaceAll('\u202f', '.')} threads?\\.`);
}

function spaced(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

async function submit(coordinator: TestCoordinator, name: string, parameters: object): Promise<string> {
  const { body } = await coordinator.post('/api/submit', { type: 'thread', name, parameters });
  return submitReply.parse(body).job_id;
}

/** By the button of a cluster without thread jobs. */
async function runOne(page: Page, coordinator: TestCoordinator): Promise<string> {
  await page.getByText('The cluster has run no thread job yet.').waitFor();
  await page.getByRole('button', { name: `Run ${spaced(1000)} such programs` }).click();
  await page.getByRole('heading', { name: `${spaced(1000)} such programs` }).waitFor();
  const { jobs } = jobList.parse((await coordinator.ask('/api/jobs?type=thread')).body);
  return jobs[0]?.job_id ?? '';
}

/** All that there is to compute. */
async function computeAll(worker: JoinedWorker): Promise<void> {
  for (;;) {
    const lease = await worker.lease().catch(() => undefined);
    if (lease === undefined) return;
    const answer = await worker.request('submit', answerOf(lease));
    assert.ok(answer.ok);
  }
}

async function sameLargest(page: Page, largest: { root: number; value: bigint } | null): Promise<void> {
  if (largest === null) return;
  const first = page.locator('.job-roots li').first();
  assert.deepEqual(await numbers(first.locator('.largest-value')), [Number(largest.value)]);
  await first.getByRole('button', { name: `show root ${spaced(largest.root)}`, exact: true }).waitFor();
}
