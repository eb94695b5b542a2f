import { openLive } from '../live/open-live.ts';
import { mount, Shell } from '../shell/shell.tsx';

const live = openLive(['cluster', 'batches']);

function ThreadsPage() {
  return (
    <Shell page="threads" live={live}>
      <h1>Threads</h1>
    </Shell>
  );
}

mount(<ThreadsPage />);
