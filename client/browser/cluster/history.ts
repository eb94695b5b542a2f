/** Throughput over time: asked for as often as it can change by a pixel. */
import { effect, signal } from '@preact/signals';
import type { Throughput } from '../../../protocol/http.ts';
import { api } from '../api/api.ts';
import type { Window } from './address.ts';
import { view } from './page-view.ts';

const REFRESH_MS: Readonly<Record<Window, number>> = { '1h': 15_000, '24h': 60_000, '7d': 300_000 };
const HOUR_S = 3600;
const STANDARD: Window = '24h';

export interface History {
  readonly window: Window;
  readonly throughput: Throughput;
}

/** Undefined: not known yet. Kept when it can't be fetched again. */
export const shownHistory = signal<History | undefined>(undefined);

let timer: ReturnType<typeof setTimeout> | undefined;
let asked = 0;

async function refresh(window: Window | undefined): Promise<void> {
  clearTimeout(timer);
  const turn = ++asked;
  let shown = window ?? shownHistory.peek()?.window ?? STANDARD;
  if (!document.hidden) {
    try {
      let throughput = await api.throughput(shown);
      // A cluster that began within the hour would be a line at the right edge of a day.
      if (window === undefined && shown === STANDARD && beganWithinAnHour(throughput)) {
        shown = '1h';
        throughput = await api.throughput(shown);
      }
      if (turn === asked) shownHistory.value = { window: shown, throughput };
    } catch {
      // What is shown stays, greyed as all that is old.
    }
  }
  if (turn === asked) timer = setTimeout(() => void refresh(view.peek().window), REFRESH_MS[shown]);
}

function beganWithinAnHour({ series, bucket_seconds }: Throughput): boolean {
  const first = series.map(({ units_per_second }) => units_per_second.findIndex((rate) => rate > 0));
  const buckets = series[0]?.units_per_second.length ?? 0;
  return first.every((bucket) => bucket < 0 || (buckets - bucket) * bucket_seconds <= HOUR_S);
}

export function followHistory(): void {
  effect(() => void refresh(view.value.window));
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void refresh(view.peek().window);
  });
}
