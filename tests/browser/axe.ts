/** axe and the width of a page, as it stands: what the tests of accessibility share. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

export const PAGES = ['index', 'collatz', 'cluster', 'device'] as const;
export const THEMES = ['light', 'dark'] as const;
export const WIDTHS = [390, 768, 1440, 2560] as const;
export const FULL = process.env['TEST_FULL'] === '1';
/** A folder to leave screenshots in, for whoever wants to look. */
const SCREENSHOTS = process.env['TEST_SCREENSHOTS'];

export type PageName = (typeof PAGES)[number];

/** How a page is looked at. */
export interface Look {
  readonly theme: (typeof THEMES)[number];
  readonly width: (typeof WIDTHS)[number];
}

export const LOOKS: readonly Look[] = THEMES.flatMap((theme) => WIDTHS.map((width) => ({ theme, width })));

export const viewport = (width: number) => ({ width, height: width < 500 ? 844 : 900 });

/** @returns what axe finds, and whether the page is wider than its window; empty: nothing */
export async function examine(name: string, page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(
    ({ id, help, nodes }) =>
      `${name}: ${id} (${help}): ${nodes.map(({ target }) => target.join(' ')).join('; ')}`,
  );
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (wide > 0) found.push(`${name}: ${wide} px wider than the window`);
  if (SCREENSHOTS !== undefined) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }
  return found;
}
