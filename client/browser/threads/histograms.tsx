/** Threads by depth and trees by size of a job. The numbers stand beside the bars. */
import { grouped } from '../format/figures.ts';
import { depthColour } from './layout.ts';

export function DepthBars({ counts, total }: { readonly counts: readonly bigint[]; readonly total: bigint }) {
  const most = counts.reduce((a, b) => (b > a ? b : a), 1n);
  // The longest bar leaves room for its number.
  const widest = grouped(most).length + 2;
  return (
    <section class="depth-bars" aria-labelledby="depth-bars-title">
      <h2 id="depth-bars-title">
        Threads by depth <span class="small">{grouped(total)}</span>
      </h2>
      <ol>
        {counts.map((count, depth) => (
          <li key={depth}>
            <span class="depth">
              <span class="visually-hidden">depth </span>
              {depth}
            </span>
            <span class="track">
              <span
                class="bar"
                style={{
                  width: `calc((100% - ${widest}ch) * ${ratio(count, most)})`,
                  background: `var(--d${depthColour(depth, counts.length - 1)})`,
                }}
              />
              <span class="count">{grouped(count)}</span>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function SizeBars({ counts, trees }: { readonly counts: readonly bigint[]; readonly trees: number }) {
  const most = counts.reduce((a, b) => (b > a ? b : a), 1n);
  return (
    <section class="size-bars" aria-labelledby="size-bars-title">
      <h2 id="size-bars-title">
        Trees by size <span class="small">{grouped(trees)}</span>
      </h2>
      <ol class={counts.length > 10 ? 'crowded' : ''}>
        {counts.map((count, size) => (
          <li key={size} title={`${grouped(count)} trees of ${sizeWords(size)}`}>
            <span class="count">{grouped(count)}</span>
            <span class="column" style={{ height: `${Math.max(1, 104 * ratio(count, most))}px` }} />
            <span class="size" aria-hidden="true">
              {sizeLabel(size)}
            </span>
            <span class="visually-hidden">trees of {sizeWords(size)}</span>
          </li>
        ))}
      </ol>
      <p class="tiny">threads, up to below the next</p>
    </section>
  );
}

function ratio(count: bigint, most: bigint): number {
  return Number(count) / Number(most);
}

/** The least size of the class: 1, 2, 4 … 1k. */
function sizeLabel(size: number): string {
  const least = 2 ** size;
  if (least >= 2 ** 20) return `${least / 2 ** 20}M`;
  return least >= 1024 ? `${least / 1024}k` : String(least);
}

function sizeWords(size: number): string {
  return size === 0 ? '1 thread' : `${grouped(2 ** size)} to ${grouped(2 ** (size + 1) - 1)} threads`;
}
