/** The colours of the pages: enough contrast in both themes, and depths that can be ordered without seeing colour. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';

const css = readFileSync(join(import.meta.dirname, '../../client/browser/shell/tokens.css'), 'utf8');
const THEMES = { light: ':root', dark: "[data-theme='dark']" } as const;
const PAPERS = ['bg', 'surface'];
const MARKS = 3;
const TEXT = 4.5;

type Rgb = readonly [number, number, number];

function tokensOf(selector: string): ReadonlyMap<string, Rgb> {
  const block = css.slice(css.indexOf(`${selector} {`)).split('}', 1)[0] ?? '';
  return new Map(
    [...block.matchAll(/--([\w-]+): #([0-9a-f]{6});/g)].map(([, name = '', hex = '']): [string, Rgb] => [
      name,
      [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb,
    ]),
  );
}

/** Relative luminance and contrast ratio: WCAG 2.2, 1.4.3. */
function luminance([r, g, b]: Rgb): number {
  const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].toSorted((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

for (const [theme, selector] of Object.entries(THEMES)) {
  suite(`colours, ${theme}`, () => {
    const tokens = tokensOf(selector);
    const get = (name: string): Rgb => {
      const found = tokens.get(name);
      assert.ok(found, `there is no --${name}`);
      return found;
    };
    const atLeast = (names: readonly string[], papers: readonly string[], ratio: number) => {
      const low = names.flatMap((name) =>
        papers
          .map((paper) => ({ name, paper, found: contrast(get(name), get(paper)) }))
          .filter(({ found }) => found < ratio)
          .map((one) => `--${one.name} on --${one.paper}: ${one.found.toFixed(2)}`),
      );
      assert.deepEqual(low, []);
    };

    test('text has a contrast of 4.5', () => {
      atLeast(['ink', 'ink2', 'ink3', 'accent', 'ok', 'warn', 'info'], PAPERS, TEXT);
      atLeast(['accent-ink'], ['accent'], TEXT);
      atLeast(['bg'], ['ink'], TEXT);
    });

    test('marks and edges of controls have a contrast of 3', () => {
      atLeast(['line2', 'c0', 'c1', 'c2', 'c3'], PAPERS, MARKS);
    });

    test('depths run one way in lightness, so that their order shows without colour', () => {
      const lights = Array.from({ length: 11 }, (_, depth) => luminance(get(`d${depth}`)));
      const sign = Math.sign((lights[10] ?? 0) - (lights[0] ?? 0));
      for (const [depth, light] of lights.entries()) {
        if (depth > 0)
          assert.ok(Math.sign(light - (lights[depth - 1] ?? 0)) === sign, `d${depth - 1} to d${depth}`);
      }
    });
  });
}
