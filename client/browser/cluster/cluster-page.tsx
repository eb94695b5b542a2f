/** The page: what the cluster does, its jobs and devices, and what to do about them. */
import { useEffect, useState } from 'preact/hooks';
import { Segmented } from '../controls/segmented.tsx';
import { LaterChip } from '../lend/later-chip.tsx';
import { ownNodeId } from '../lend/lend-state.ts';
import type { Live } from '../live/live.ts';
import { Shell } from '../shell/shell.tsx';
import { LaterSubmitCollatz, LaterSubmitThread } from '../submit/later-form.tsx';
import { AddDevice } from './add-device.tsx';
import { DevicesSection } from './devices-section.tsx';
import { headline } from './headline.ts';
import { followHistory } from './history.ts';
import { LazyDetails } from './lazy-details.tsx';
import { JobsSection } from './jobs-section.tsx';
import { lateLeases } from './late-leases.ts';
import { Notices } from './notices.tsx';
import { view } from './page-view.ts';
import type { LeaseMarks } from './range-strip.ts';
import { ThroughputSection } from './throughput-section.tsx';
import './cluster.css';

export function ClusterPage({ live }: { readonly live: Live }) {
  useEffect(() => followHistory(), []);
  const { job } = view.value;
  const marks = leaseMarks(live);
  return (
    <Shell page="cluster" live={live} side={<Side live={live} />}>
      <Headline live={live} />
      <ThroughputSection live={live} />
      {job === undefined ? null : <LazyDetails key={job} jobId={job} live={live} marks={marks} />}
      <JobsSection live={live} marks={marks} />
      <DevicesSection live={live} />
    </Shell>
  );
}

function Headline({ live }: { readonly live: Live }) {
  const cluster = live.cluster.value;
  return (
    <h1 data-stale={live.connection.value === 'live' ? 'no' : 'yes'}>
      {cluster === undefined ? 'Cluster' : headline(cluster, live.nodes.value?.nodes ?? [])}
    </h1>
  );
}

function leaseMarks(live: Live): LeaseMarks {
  const cluster = live.cluster.value;
  const nodes = live.nodes.value?.nodes ?? [];
  const late = cluster === undefined ? [] : lateLeases(nodes, Date.parse(cluster.now));
  return { ownNodeId: ownNodeId.value, lateStarts: new Set(late.map(({ lease }) => lease.start)) };
}

const WORKLOADS = [
  { value: 'collatz', label: 'Collatz' },
  { value: 'thread', label: 'Threads' },
] as const;

function Side({ live }: { readonly live: Live }) {
  const [workload, choose] = useState<'collatz' | 'thread'>('collatz');
  // The list shows the new job by itself.
  const submitted = () => undefined;
  return (
    <div class="side-sections">
      <LaterChip />
      <section aria-labelledby="submit">
        <div class="section-head">
          <h2 id="submit" tabIndex={-1}>
            Submit a job
          </h2>
          <Segmented legend="Workload" options={WORKLOADS} value={workload} onChange={choose} />
        </div>
        {workload === 'collatz' ? (
          <LaterSubmitCollatz live={live} onSubmitted={submitted} />
        ) : (
          <LaterSubmitThread live={live} onSubmitted={submitted} />
        )}
      </section>
      <Notices live={live} />
      <AddDevice />
    </div>
  );
}
