/** A worker's last hour: how busy it was, where it was idle, and where it was not there. */
import type { NodeStatus } from '../../../protocol/http.ts';
import { laneRuns, laneText } from './devices.ts';
import { kindColour } from './kind-shape.tsx';

/** As protocol/http.ts has it; its module would bring the schemas. */
const SLOT_SECONDS = 30;
const HEIGHT = 14;
const PITCH = 3;
const IDLE_OPACITY = 0.22;

export function DeviceLane({ node, own }: { readonly node: NodeStatus; readonly own: boolean }) {
  const width = node.activity.length * PITCH;
  return (
    <svg
      class="device-lane"
      role="img"
      aria-label={laneText(node.activity, SLOT_SECONDS)}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {laneRuns(node.activity).map(({ from, to, level }) =>
        level === 'gone' ? (
          <path key={from} class="gone" d={`M${from * PITCH} ${HEIGHT / 2}H${to * PITCH}`} />
        ) : (
          <path
            key={from}
            fill={kindColour(node.kind, own)}
            opacity={level === 0 ? IDLE_OPACITY : 0.3 + (level / 9) * 0.7}
            d={Array.from(
              { length: to - from },
              (_, i) => `M${(from + i) * PITCH} 0h${PITCH - 1}v${HEIGHT}h${1 - PITCH}z`,
            ).join('')}
          />
        ),
      )}
    </svg>
  );
}
