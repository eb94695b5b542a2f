/** The last minute of this device: each second a bar as wide as the share of it that was computed. */
import type { Slot } from './minute.ts';
import { MINUTE_S, busyShare } from './minute.ts';

const LANE_HEIGHT = 14;
const LINE_HEIGHT = 34;

export function Lane({ slots }: { readonly slots: readonly (Slot | undefined)[] }) {
  return (
    <svg
      class="lend-lane"
      role="img"
      aria-label={laneText(slots)}
      viewBox={`0 0 ${MINUTE_S} ${LANE_HEIGHT}`}
      preserveAspectRatio="none"
      height={LANE_HEIGHT}
    >
      <Bars slots={slots} top={0} />
    </svg>
  );
}

/** The rate as a line over the lane. */
export function MinuteChart({ slots }: { readonly slots: readonly (Slot | undefined)[] }) {
  const most = Math.max(1, ...slots.map((slot) => slot?.rate_per_second ?? 0));
  const y = (rate: number) => (1 - rate / most) * (LINE_HEIGHT - 3) + 2;
  const runs = runsOf(slots);
  return (
    <svg
      class="lend-lane"
      role="img"
      aria-label={laneText(slots)}
      viewBox={`0 0 ${MINUTE_S} ${LINE_HEIGHT + LANE_HEIGHT}`}
      preserveAspectRatio="none"
      height={LINE_HEIGHT + LANE_HEIGHT}
    >
      {runs.map(({ from, rates }) => {
        const points = rates.flatMap((rate, at) => [
          `${from + at} ${y(rate).toFixed(2)}`,
          `${from + at + 1} ${y(rate).toFixed(2)}`,
        ]);
        return (
          <g key={from}>
            <path
              class="area"
              d={`M${from} ${LINE_HEIGHT}L${points.join('L')}L${from + rates.length} ${LINE_HEIGHT}Z`}
            />
            <path class="line" vector-effect="non-scaling-stroke" d={`M${points.join('L')}`} />
          </g>
        );
      })}
      <Bars slots={slots} top={LINE_HEIGHT} />
    </svg>
  );
}

function Bars({ slots, top }: { readonly slots: readonly (Slot | undefined)[]; readonly top: number }) {
  return (
    <>
      <rect class="ground" x="0" y={top} width={MINUTE_S} height={LANE_HEIGHT} />
      {slots.map((slot, at) =>
        slot === undefined || slot.busy < 0.005 ? (
          <rect key={at} class="still" x={at + 0.2} y={top + LANE_HEIGHT / 2 - 0.5} width={0.6} height={1} />
        ) : (
          <rect
            key={at}
            class="busy"
            x={at}
            y={top}
            width={Math.min(1, Math.max(0.1, slot.busy))}
            height={LANE_HEIGHT}
          />
        ),
      )}
    </>
  );
}

function runsOf(slots: readonly (Slot | undefined)[]): { from: number; rates: number[] }[] {
  const runs: { from: number; rates: number[] }[] = [];
  let open: { from: number; rates: number[] } | undefined;
  slots.forEach((slot, at) => {
    if (slot === undefined) {
      open = undefined;
      return;
    }
    if (open === undefined) {
      open = { from: at, rates: [] };
      runs.push(open);
    }
    open.rates.push(slot.rate_per_second);
  });
  return runs;
}

function laneText(slots: readonly (Slot | undefined)[]): string {
  const busy = busyShare(slots);
  if (busy === undefined) return 'The last minute: nothing was computed';
  const waited = slots.filter((slot) => slot !== undefined && slot.paused.length > 0).length;
  const pauses = waited === 0 ? '' : `, paused for ${waited} s of it`;
  return `The last minute: busy ${Math.round(busy * 100)} % of the time${pauses}`;
}
