import { openLive } from '../live/open-live.ts';
import { mount } from '../shell/shell.tsx';
import { ClusterPage } from './cluster-page.tsx';

mount(<ClusterPage live={openLive(['cluster', 'jobs', 'nodes', 'batches'])} />);
