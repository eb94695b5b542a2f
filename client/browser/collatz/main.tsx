import { effect } from '@preact/signals';
import { LaterChip } from '../lend/later-chip.tsx';
import { mount, Shell } from '../shell/shell.tsx';
import { LaterSubmitCollatz } from '../submit/later-form.tsx';
import { readAddress, writeAddress } from './address.ts';
import './collatz.css';
import { explore, growMergedPaths, shownText } from './explorer-state.ts';
import { NumberField, PathPicture } from './explorer.tsx';
import { JobSection } from './job-section.tsx';
import { chosenJob, live, showJob } from './job-state.ts';
import { StepsTable } from './steps-table.tsx';
import { TreePicture } from './tree-picture.tsx';

/** Browsers slow down pages that change their address at every key. */
const ADDRESS_MS = 400;

function CollatzPage() {
  return (
    <Shell page="collatz" live={live}>
      <LaterChip />
      <div class="row number-row">
        <section class="path-section" aria-label="A number’s path to 1">
          <NumberField />
          <PathPicture />
        </section>
        <StepsTable />
        <TreePicture />
      </div>
      <hr class="rule" />
      <JobSection />
      <section class="submit-section" aria-labelledby="submit-title">
        <h2 id="submit-title">Run a range</h2>
        <LaterSubmitCollatz live={live} onSubmitted={(id) => void showJob(id)} />
      </section>
    </Shell>
  );
}

const shown = readAddress(location.search);
void explore(shown.n ?? '27').then(growMergedPaths);
if (shown.job !== undefined) void showJob(shown.job);

let timer: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const address = writeAddress({ n: shownText.value, job: chosenJob.value });
  clearTimeout(timer);
  timer = setTimeout(() => history.replaceState(null, '', address), ADDRESS_MS);
});

mount(<CollatzPage />);
