/** "Test this device": is it exact, how fast is it, and a report that others can learn from. */
import { openLive } from '../live/open-live.ts';
import { mount, Shell } from '../shell/shell.tsx';
import { DevicePage } from './device-page.tsx';
import { createTestRun } from './test-run.ts';
import './device.css';

const live = openLive(['cluster', 'batches']);
const run = createTestRun();

mount(
  <Shell live={live}>
    <DevicePage run={run} />
  </Shell>,
);
