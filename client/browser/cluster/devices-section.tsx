/** Every device with its last hour. */
import type { NodeStatus } from '../../../protocol/http.ts';
import { Button } from '../controls/button.tsx';
import { useState } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { ownNodeId } from '../lend/lend-state.ts';
import type { Live } from '../live/live.ts';
import { DeviceLane } from './device-lane.tsx';
import { devicesInOrder, KIND_NAMES, rateUnit } from './devices.ts';
import { ago, shortRate } from './job-text.ts';
import { KindShape } from './kind-shape.tsx';

const FIRST_ROWS = 24;
const KINDS = ['browser-gpu', 'node-gpu', 'cpu'] as const;
const STATE_WORDS: Readonly<Record<NodeStatus['state'], string>> = {
  computing: 'computing',
  idle: 'idle',
  paused: 'paused',
  silent: 'silent',
  offline: 'gone',
};

export function DevicesSection({ live }: { readonly live: Live }) {
  const [all, showAll] = useState(false);
  const known = live.nodes.value;
  if (known === undefined) return null;
  const own = ownNodeId.value;
  const nodes = devicesInOrder(known.nodes, own);
  const shown = all ? nodes : nodes.filter((node, i) => i < FIRST_ROWS || needsALook(node));
  return (
    <section
      class="devices"
      aria-labelledby="devices-title"
      data-stale={live.connection.value === 'live' ? 'no' : 'yes'}
    >
      <div class="section-head">
        <h2 id="devices-title">Devices</h2>
        <span class="tiny">
          each lane is the last hour
          {known.total > nodes.length
            ? `; the ${grouped(nodes.length)} heard of last of ${grouped(known.total)}`
            : ''}
        </span>
        <ul class="kinds small">
          {KINDS.map((kind) => (
            <li key={kind}>
              <KindShape kind={kind} /> {KIND_NAMES[kind]}
            </li>
          ))}
        </ul>
      </div>
      {nodes.length === 0 ? (
        <p class="empty">
          No devices yet. Any computer or browser can help. <a href="#add-a-device">Add one</a>
        </p>
      ) : (
        <table class="device-table">
          <thead>
            <tr>
              <th>Name</th>
              <th>Device</th>
              <th>An hour ago, to now</th>
              <th>State</th>
              <th class="number">Rate</th>
              <th class="number">Batches</th>
              <th class="number">Errors</th>
              <th class="number">Seen</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((node) => (
              <DeviceRow key={node.node_id} node={node} own={node.node_id === own} live={live} />
            ))}
          </tbody>
        </table>
      )}
      {shown.length < nodes.length ? (
        <Button kind="quiet" onClick={() => showAll(true)}>
          All {grouped(nodes.length)} devices
        </Button>
      ) : null}
    </section>
  );
}

function DeviceRow({
  node,
  own,
  live,
}: {
  readonly node: NodeStatus;
  readonly own: boolean;
  readonly live: Live;
}) {
  const now = Date.parse(live.cluster.value?.now ?? node.last_heartbeat);
  const unit = rateUnit(node, live.jobs.value ?? []);
  return (
    <tr
      id={`device-${node.node_id}`}
      class="device-row"
      data-own={own ? 'yes' : 'no'}
      data-state={node.state}
      tabIndex={-1}
    >
      <td class="device-name">
        <KindShape kind={node.kind} own={own} />
        <span class="visually-hidden">{KIND_NAMES[node.kind]}, </span>
        {own ? (
          <strong title={node.node_id}>
            you <span class="visually-hidden">{node.node_id}</span>
          </strong>
        ) : (
          <strong>{node.node_id}</strong>
        )}
      </td>
      <td class="device-what small">{describe(node)}</td>
      <td class="device-hour">
        <DeviceLane node={node} own={own} />
      </td>
      <td class="device-state small">{STATE_WORDS[node.state]}</td>
      <td class="device-rate number" title={unit === undefined ? '' : `${unit} a second`}>
        {shortRate(node.rate_per_second)}
      </td>
      <td class="device-batches number">
        {grouped(node.batches_done)}
        <span class="only-narrow"> batches</span>
      </td>
      <td class="device-errors number" data-any={node.errors > 0 ? 'yes' : 'no'}>
        {grouped(node.errors)}
        <span class="only-narrow"> errors</span>
      </td>
      <td class="device-seen number tiny">{ago(now - Date.parse(node.last_heartbeat))}</td>
    </tr>
  );
}

/** Whoever follows a notice finds its row. */
function needsALook({ errors, state }: NodeStatus): boolean {
  return state === 'silent' || (errors > 0 && state !== 'offline');
}

/** What the device says of itself; how many threads a CPU has is part of what it is. */
function describe({ device, kind }: NodeStatus): string {
  const threads = `${device.threads} ${device.threads === 1 ? 'thread' : 'threads'}`;
  const via = device.backend === null ? [] : [device.backend];
  return [device.description, ...(kind === 'cpu' && device.threads > 0 ? [threads] : via)].join(', ');
}
