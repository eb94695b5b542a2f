import { openLive } from '../live/open-live.ts';
import { mount, Shell } from '../shell/shell.tsx';

const live = openLive(['cluster', 'batches']);

function ClusterPage() {
  return (
    <Shell page="cluster" live={live}>
      <h1>Cluster</h1>
    </Shell>
  );
}

mount(<ClusterPage />);
