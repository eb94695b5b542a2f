/** The Threads page: one root as a tree and as a schedule, and what the cluster knows of many. */
import type { ComponentChildren } from 'preact';
import { Segmented } from '../controls/segmented.tsx';
import { LendBar } from '../lend/bar.tsx';
import { lend } from '../lend/page-lend.ts';
import { LendPanel } from '../lend/panel.tsx';
import { openLive } from '../live/open-live.ts';
import { mount, Shell } from '../shell/shell.tsx';
import { PROCESSOR_COUNTS, processorsText } from './address.ts';
import { ChoiceForm } from './choice-form.tsx';
import { CountedTree } from './counted-tree.tsx';
import { useMedia } from './element-size.ts';
import { headline } from './headline.ts';
import { JobSection } from './job-section.tsx';
import { showAskedJob } from './job-state.ts';
import { LogList } from './log-list.tsx';
import { busy, counted, failure, processors, simulated } from './page-state.ts';
import { Picture } from './picture.tsx';
import { PictureText } from './picture-text.tsx';
import { Player } from './player.tsx';
import { useStages } from './stages.ts';
import { SubmitShape } from './submit-shape.tsx';
import { ThreadPanel } from './thread-panel.tsx';
import './threads.css';

const live = openLive(['cluster', 'batches', 'jobs']);

const PROCESSOR_OPTIONS = PROCESSOR_COUNTS.map((count) => ({
  value: String(count),
  label: processorsText(count),
  ...(count === Infinity ? { title: 'unlimited' } : {}),
}));

function ThreadsPage() {
  // In one column, the panel stands where it is read: below the picture. On phones its action is always in reach.
  const narrow = useMedia('(max-width: 1023px)');
  const phone = useMedia('(max-width: 720px)');
  const stage = useStages(2);
  const panel = stage < 1 ? null : <LendPanel lend={lend} live={live} />;
  return (
    <Shell page="threads" live={live} {...(narrow ? {} : { side: panel })}>
      <Threads stage={stage} {...(narrow ? { panel } : {})} />
      {phone ? <LendBar lend={lend} /> : null}
    </Shell>
  );
}

function Threads({ stage, panel }: { readonly stage: number; readonly panel?: ComponentChildren }) {
  const shown = counted.value === undefined ? simulated.value : undefined;
  return (
    <div class="threads">
      <div class="title-row">
        <h1>{headline(counted.value, shown)}</h1>
        <div class="processors">
          <span class="small" aria-hidden="true">
            Processors
          </span>
          <Segmented
            legend="Processors"
            options={PROCESSOR_OPTIONS}
            value={String(processors.value)}
            onChange={(value) => (processors.value = Number(value))}
          />
        </div>
      </div>
      <p class="small narrow-only">
        Each line is a thread; deeper forks change colour. The chain in ink is the span: no machine can beat
        it.
      </p>
      {failure.value === '' ? null : <p role="alert">{failure.value}</p>}
      <p class="small" role="status">
        {busy.value ? 'Growing a large tree…' : ''}
      </p>
      {counted.value === undefined ? null : <CountedTree counted={counted.value} />}
      {shown === undefined ? null : (
        <>
          <Picture shown={shown} />
          <Player shown={shown} />
          <PictureText shown={shown} />
        </>
      )}
      {panel === undefined ? null : <aside class="lend-place">{panel}</aside>}
      {stage < 1 ? null : (
        <div class="explore">
          <ChoiceForm />
          {shown === undefined ? null : (
            <>
              <ThreadPanel shown={shown} />
              <LogList shown={shown} />
            </>
          )}
        </div>
      )}
      {stage < 2 ? null : (
        <>
          <JobSection live={live} />
          <SubmitShape live={live} />
        </>
      )}
    </div>
  );
}

void showAskedJob();
mount(<ThreadsPage />);
