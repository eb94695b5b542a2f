import { openLive } from '../live/open-live.ts';
import { mount, Shell } from '../shell/shell.tsx';

const live = openLive(['cluster', 'batches']);

function CollatzPage() {
  return (
    <Shell page="collatz" live={live}>
      <h1>Collatz</h1>
    </Shell>
  );
}

mount(<CollatzPage />);
