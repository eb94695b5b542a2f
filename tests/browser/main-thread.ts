/**
 * Which tasks hold a page's main thread up, in processor time: on a machine that does other things too, the length of a
 * task says more of these than of the page. Not a test: `node tests/browser/main-thread.ts` prints them.
 */
import type { Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { z } from 'zod';
import { buildPages } from '../../scripts/build-pages.ts';
import { RealCluster } from '../cluster/cluster.ts';
import { chromiumLaunchOptions, findChromium } from '../setup/chromium.ts';

const PATIENCE_MS = 60_000;
const TOLD_FROM_MS = 20;
const ROUNDS = 3;

const traceEvent = z.object({
  name: z.string(),
  pid: z.number(),
  tid: z.number(),
  /** Processor time in microseconds, of events that have a length. */
  tdur: z.number().optional(),
  args: z.object({ name: z.string().optional() }).optional(),
});
type TraceEvent = z.infer<typeof traceEvent>;

interface Visit {
  readonly name: string;
  prepare(page: Page, url: string): Promise<void>;
  measured(page: Page, url: string): Promise<void>;
}

const VISITS: readonly Visit[] = [
  {
    name: 'the Threads page, from its address to all of it',
    prepare: () => Promise.resolve(),
    async measured(page, url) {
      await page.goto(`${url}/index.html`);
      await page.getByText('Threads by depth; the colours of this page').waitFor();
      await page.locator('.submit-shape, .job').last().waitFor();
      await page.waitForLoadState('load');
    },
  },
  {
    name: 'the path of a number of 2,000 digits, its neighbours and its CSV',
    async prepare(page, url) {
      await page.goto(`${url}/collatz.html`);
      await page.getByText(/it meets another path|lies on other paths/).waitFor();
    },
    async measured(page) {
      await page.getByLabel('Number to explore').fill('9'.repeat(2000));
      await page.getByText('Its neighbours: n − 1 needs 62').waitFor({ timeout: PATIENCE_MS });
      const download = page.waitForEvent('download', { timeout: PATIENCE_MS });
      await page.locator('.steps-section').getByRole('button', { name: 'CSV' }).click();
      await download;
    },
  },
];

/** Longest first, in milliseconds of processor time. */
async function mainThreadTasks(page: Page, what: () => Promise<void>): Promise<number[]> {
  const events: TraceEvent[] = [];
  const session = await page.context().newCDPSession(page);
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...value.flatMap((event) => traceEvent.safeParse(event).data ?? []));
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline'] },
  });
  await what();
  const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
  await session.send('Tracing.end');
  await complete;
  const thread = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const main = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(thread),
  );
  return events
    .filter((event) => event.name === 'ThreadControllerImpl::RunTask' && main.has(thread(event)))
    .map(({ tdur = 0 }) => tdur / 1000)
    .toSorted((a, b) => b - a);
}

const executablePath = findChromium();
if (executablePath === undefined) throw new Error('no Chromium: set CHROMIUM_PATH');
const ends: (() => unknown)[] = [];
try {
  await buildPages();
  const { url } = await RealCluster.start({ after: (end) => void ends.push(end) });
  const browser = await chromium.launch(chromiumLaunchOptions(executablePath));
  ends.push(() => browser.close());
  for (const { name, prepare, measured } of VISITS) {
    for (let round = 0; round < ROUNDS; round++) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await prepare(page, url);
      const tasks = await mainThreadTasks(page, () => measured(page, url));
      const told = tasks.filter((task_ms) => task_ms >= TOLD_FROM_MS).map((task_ms) => task_ms.toFixed(0));
      console.log(`${name}: ${told.length === 0 ? `none of ${TOLD_FROM_MS} ms` : `${told.join(', ')} ms`}`);
      await page.close();
    }
  }
} finally {
  for (const end of ends.reverse()) await end();
}
