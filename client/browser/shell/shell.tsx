/** The frame of every page: header, woven edge, content, side. */
import './theme.ts';
import type { ComponentChildren } from 'preact';
import { render } from 'preact';
import { KeyPlace } from '../access/key-place.tsx';
import type { Live } from '../live/live.ts';
import { grouped, scaled } from '../format/figures.ts';
import { Button } from '../controls/button.tsx';
import { theme, toggleTheme } from './theme.ts';
import { ConnectionLine } from './connection-line.tsx';
import { WovenEdge } from './woven-edge.tsx';
import mark from './mark.svg';

const PAGES = [
  { id: 'threads', href: '/index.html', name: 'Threads' },
  { id: 'collatz', href: '/collatz.html', name: 'Collatz' },
  { id: 'cluster', href: '/cluster.html', name: 'Cluster' },
] as const;
export type PageId = (typeof PAGES)[number]['id'];

export interface ShellProps {
  /** Undefined: a page beside the three. */
  readonly page?: PageId;
  readonly live: Live;
  readonly children: ComponentChildren;
  /** The panel at the right, below the content on small screens. */
  readonly side?: ComponentChildren;
}

/** In a task of its own: the modules of a page take one already. */
export function mount(content: ComponentChildren): void {
  const root = document.getElementById('page');
  if (root === null) throw new Error('the page has no #page');
  setTimeout(() => render(content, root));
}

export function Shell({ page, live, children, side }: ShellProps) {
  return (
    <>
      <header>
        <div class="header">
          <a class="brand" href="/index.html" aria-label="Threads Cluster">
            <img src={mark} alt="" width="28" height="28" />
            <span>Threads Cluster</span>
          </a>
          <nav aria-label="Pages">
            {PAGES.map(({ id, href, name }) => (
              <a key={id} href={href} {...(id === page ? { 'aria-current': 'page' as const } : {})}>
                {name}
              </a>
            ))}
          </nav>
          <ClusterNow live={live} />
          <KeyPlace live={live} />
          <Button
            kind="quiet"
            icon="contrast"
            label={theme.value === 'dark' ? 'Light colours' : 'Dark colours'}
            onClick={toggleTheme}
          />
        </div>
        <WovenEdge live={live} />
        <ConnectionLine live={live} />
      </header>
      <div class={side === undefined ? 'page' : 'page with-side'}>
        <main>{children}</main>
        {side === undefined ? null : <aside aria-label="This device and actions">{side}</aside>}
      </div>
    </>
  );
}

/**
 * Rates of different work don't add up: the numbers of collatz are named, those of its faster mode if both are
 * computed; threads are not mixed in.
 */
function ClusterNow({ live }: { readonly live: Live }) {
  const cluster = live.cluster.value;
  if (cluster === undefined) return <span class="cluster-now" />;
  const rates = new Map<string | null, number>();
  for (const { type, variants } of cluster.throughput) {
    if (type !== 'collatz') continue;
    for (const { variant, units_per_second } of variants)
      rates.set(variant, (rates.get(variant) ?? 0) + units_per_second);
  }
  const [mode, rate] = [...rates].reduce((best, one) => (one[1] > best[1] ? one : best), [null, 0]);
  const { figure, scale } = scaled(rate);
  const devices = cluster.workers.connected;
  return (
    <span class="cluster-now" data-stale={live.connection.value === 'live' ? 'no' : 'yes'}>
      <strong>{grouped(devices)}</strong> {devices === 1 ? 'device' : 'devices'} · <strong>{figure}</strong>{' '}
      {scale} numbers {mode === 'verify' ? 'verified ' : ''}a second
    </span>
  );
}
