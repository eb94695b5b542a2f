/** A job as one picture, with its title and address: what is shared says where it comes from. */
import { SMALL, STRONG } from './canvas-text.ts';
import type { RangeMap } from './coverage-cells.ts';
import type { CollatzResult, StatisticsResult } from './job-result.ts';
import { shortNumber } from './number-text.ts';
import { distribution, paintHistogram } from './paint-histogram.ts';
import { paintMap } from './paint-map.ts';
import { coloursOf } from './picture.tsx';

const SCALE = 2;
const WIDTH = 1200;
const HEIGHT = 630;
const MAP = 420;
const TITLE = '640 31px "Atkinson Hyperlegible Next", system-ui, sans-serif';

export interface JobPicture {
  readonly title: string;
  readonly address: string;
  readonly result: CollatzResult;
  readonly map: RangeMap;
  readonly earlier: { readonly result: StatisticsResult; readonly name: string } | undefined;
}

/** @returns a PNG of 2400 × 1260 pixels in the page's theme */
export async function jobPicture(shown: JobPicture): Promise<Blob | undefined> {
  const main = part(WIDTH, HEIGHT);
  const colours = coloursOf(document.documentElement);
  main.fillStyle = colours('bg');
  main.fillRect(0, 0, WIDTH, HEIGHT);
  main.fillStyle = colours('ink');
  main.textBaseline = 'alphabetic';
  main.font = TITLE;
  main.fillText(fitted(main, shown.title, WIDTH - 96), 48, 76);
  main.font = SMALL;
  main.fillStyle = colours('ink2');
  main.fillText(fitted(main, shown.address, WIDTH - 96), 48, HEIGHT - 36);
  const paints = [
    { x: 48, y: 116, width: MAP, height: MAP, paint: paintMap(shown.map) },
    ...(shown.result.mode === 'statistics'
      ? [
          {
            x: 48 + MAP + 40,
            y: 116,
            width: WIDTH - MAP - 136,
            height: MAP,
            paint: paintHistogram(distribution(shown.result, shown.earlier)),
          },
        ]
      : []),
  ];
  for (const { x, y, width, height, paint } of paints) {
    const inner = part(width, height);
    paint(inner, { width, height }, colours);
    main.drawImage(inner.canvas, x, y, width, height);
  }
  if (shown.result.mode === 'verify') {
    main.font = STRONG;
    main.fillStyle = colours('ink');
    const { verified, count, candidates } = shown.result;
    main.fillText(`${shortNumber(verified)} of ${shortNumber(count)} numbers come down`, 508, 150);
    main.fillText(`${shortNumber(candidates)} of them needed a walk`, 508, 176);
  }
  const blob = await new Promise<Blob | null>((resolve) => main.canvas.toBlob(resolve, 'image/png'));
  return blob ?? undefined;
}

function part(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser gives no more canvases');
  context.scale(SCALE, SCALE);
  return context;
}

/** Cut at the end where it is too long. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}
