/** 12 px of batches: each tick is one that finished anywhere in the last minute; this device's are full height. */
import { useEffect, useRef } from 'preact/hooks';
import type { WorkerKind } from '../../../protocol/messages.ts';
import type { FinishedBatch } from '../../../protocol/live.ts';
import { ownNodeId } from '../lend/lend-state.ts';
import type { Live } from '../live/live.ts';
import { theme } from './theme.ts';

const MINUTE_MS = 60_000;
const DRAW_MS = 250;
const DRAW_REDUCED_MS = 5000;
const COLOURS: Readonly<Record<WorkerKind, string>> = {
  'browser-gpu': '--c0',
  'node-gpu': '--c1',
  cpu: '--c2',
};

export function WovenEdge({ live }: { readonly live: Live }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const still = matchMedia('(prefers-reduced-motion: reduce)');
    let blank = false;
    const draw = () => {
      if (canvas.current === null || document.hidden) return;
      const batches = live.batches.peek();
      // An idle cluster costs a page nothing: four paints a second of nothing took 2 % of a core.
      if (blank && batches.length === 0) return;
      blank = batches.length === 0;
      paint(canvas.current, batches, ownNodeId.peek());
    };
    let timer: ReturnType<typeof setInterval> | undefined;
    const restart = () => {
      clearInterval(timer);
      timer = setInterval(draw, still.matches ? DRAW_REDUCED_MS : DRAW_MS);
      draw();
    };
    restart();
    still.addEventListener('change', restart);
    const unsubscribe = theme.subscribe(draw);
    return () => {
      clearInterval(timer);
      still.removeEventListener('change', restart);
      unsubscribe();
    };
  }, [live]);
  const batches = live.batches.value.length;
  return (
    <canvas
      ref={canvas}
      class="woven-edge"
      role="img"
      aria-label={`${batches} batches finished in the last minute`}
    />
  );
}

function paint(canvas: HTMLCanvasElement, batches: readonly FinishedBatch[], own: string | undefined): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const style = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  const now = Date.now();
  const tick = Math.max(2, Math.round(3 * devicePixelRatio));
  for (const { at, node_id, kind } of batches) {
    const age = now - Date.parse(at);
    if (age < 0 || age > MINUTE_MS) continue;
    const mine = node_id === own;
    const x = Math.round((1 - age / MINUTE_MS) * (width - tick));
    context.fillStyle = style.getPropertyValue(mine ? '--c3' : COLOURS[kind]);
    // Others differ in height by their name, so that neighbours can be told apart.
    const share = mine ? 1 : 0.5 + ((node_id.charCodeAt(node_id.length - 1) * 7) % 3) / 10;
    const tall = Math.round(height * share);
    context.fillRect(x, Math.round((height - tall) / 2), tick, tall);
  }
}
