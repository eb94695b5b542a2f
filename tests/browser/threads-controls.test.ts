/** The Threads page in Chromium: by keyboard alone, and with anything typed into its fields. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runCoordinator } from '../coordinator/running.ts';
import { skip, threadsVisits } from './threads-visit.ts';

suite('the controls of the Threads page', { skip }, () => {
  const visit = threadsVisits();

  test('the keyboard walks the tree and the log, plays and scrubs; the address keeps what is shown', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await visit(t, coordinator, '?root=816&p=8');
    const tree = page.getByRole('slider', { name: /^Selected thread/ });
    await tree.focus();
    for (const [key, thread] of [
      ['Home', 1],
      ['PageDown', 2],
      ['ArrowDown', 3],
      ['ArrowUp', 2],
      ['PageUp', 1],
      ['End', 204],
    ] as const) {
      await page.keyboard.press(key);
      await page.getByRole('heading', { name: `Thread ${thread}`, exact: true }).waitFor();
    }
    assert.match((await tree.getAttribute('aria-valuetext')) ?? '', /^Thread 204, depth \d+: runs from /);
    assert.equal(await page.locator('.mark').count(), 2, 'marked in both pictures');
    await page.waitForURL(/root=816&p=8&thread=204$/);
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'A thread', exact: true }).waitFor();

    const log = page.getByRole('listbox', { name: /^Forks and ends/ });
    await log.focus();
    await page.keyboard.press('End');
    await log
      .getByRole('option', { selected: true })
      .getByText(/thread 1 forks /)
      .waitFor();
    await page.keyboard.press('Home');
    await log
      .getByRole('option', { selected: true })
      .getByText(/ ends$/)
      .waitFor();
    assert.ok((await log.getByRole('option').count()) < 60, 'only the rows in sight exist');

    const clock = page.getByRole('slider', { name: 'Clock' });
    await page.getByRole('button', { name: 'Reset the clock to 0' }).press('Enter');
    await page.getByText('Nothing yet: press Play.').or(page.locator('.clock-line')).first().waitFor();
    assert.equal(await clock.inputValue(), '0');
    await page.getByRole('radio', { name: '16 times the speed' }).check();
    await page.getByRole('button', { name: 'Play', exact: true }).press('Enter');
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await page.getByText('204 of 204 threads').waitFor();
    await page.getByRole('radio', { name: '8', exact: true }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('heading', { name: /^16 processors/ }).waitFor();
    await page.waitForURL(/root=816/);

    await page.reload();
    await page.getByRole('heading', { name: 'One program, 204 threads. How fast can it go?' }).waitFor();
    assert.deepEqual(errors, []);
  });

  test('with reduced motion the picture is replaced every five seconds and nothing moves between', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await visit(t, coordinator, '?root=816&p=8');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.getByRole('button', { name: 'Reset the clock to 0' }).click();
    await page.getByRole('radio', { name: 'a quarter of the speed' }).check({ force: true });
    // From here on time passes when the test says so.
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(60_000);
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    const hand = () => page.locator('.clock-line').getAttribute('style');
    const begin = await hand();
    await page.clock.runFor(4900);
    assert.equal(await hand(), begin, 'it moved before five seconds had passed');
    await page.clock.runFor(200);
    const first = await hand();
    assert.notEqual(first, begin);
    await page.clock.runFor(4700);
    assert.equal(await hand(), first);
    await page.clock.runFor(300);
    assert.notEqual(await hand(), first);
    assert.deepEqual(errors, []);
  });

  test('at 2560 px the pictures take the room that there is, and nothing overflows', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await visit(t, coordinator, '?root=816&p=8');
    const picture = page.locator('.picture');
    const wide = async () => (await picture.boundingBox())?.width ?? 0;
    await page.locator('.schedule-part canvas').first().waitFor();
    const usual = await wide();
    await page.setViewportSize({ width: 2560, height: 1300 });
    await page.waitForFunction(
      (than) => (document.querySelector('.picture')?.clientWidth ?? 0) > than,
      usual,
    );
    const canvas = page.locator('.schedule-part canvas').last();
    const box = await canvas.boundingBox();
    assert.ok((box?.width ?? 0) > 0.85 * (await wide()), `${box?.width} of ${await wide()} px`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 2560);
    assert.deepEqual(errors, []);
  });

  test('a simulation that cannot be loaded is said, with what to do; the rest of the page is there', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page } = await visit(t, coordinator);
    await page.route(/simulation-thread/, (route) => route.abort());
    await page.reload();
    await page.getByRole('alert').getByText('The simulation could not be loaded. Reload the page.').waitFor();
    await page.getByRole('button', { name: 'Start contributing' }).first().waitFor();
    await page.getByRole('region', { name: 'Another program' }).waitFor();
    await page.unroute(/simulation-thread/);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: /^One program, 203 threads/ }).waitFor();
  });

  test('every field says what to enter and the picture stays; a tree too large is counted', async (t) => {
    const coordinator = await runCoordinator(t);
    const { page, errors } = await visit(t, coordinator);
    const heading = page.getByRole('heading', { level: 1 });
    await heading.getByText('203 threads').waitFor();
    const choice = page.getByRole('region', { name: 'Another program' });
    const inputs = choice.getByRole('textbox');
    assert.equal(await inputs.count(), 8);
    for (const input of await inputs.all()) {
      const before = await input.inputValue();
      for (const wrong of ['', '-3', '<img src=x>', '9'.repeat(30)]) {
        await input.fill(wrong);
        assert.equal(await input.getAttribute('aria-invalid'), 'true');
        assert.match((await choice.getByRole('alert').first().textContent()) ?? '', /Enter (a|at) /);
      }
      await input.fill(before);
      assert.equal(await choice.getByRole('alert').count(), 0);
    }
    await heading.getByText('203 threads').waitFor();
    await choice.getByLabel('Chances to fork').fill('4');
    await choice.getByLabel('Each succeeds, of 256').fill('256');
    await choice.getByLabel('Deepest level').fill('9');
    await heading.getByText(/349.525 threads/).waitFor();
    await page.getByText(/pictures are drawn up to 65.536\. Its figures are exact\./).waitFor();
    await choice.getByRole('button', { name: 'Back to the usual shape' }).click();
    await heading.getByText('203 threads').waitFor();
    assert.deepEqual(errors, []);
  });
});
