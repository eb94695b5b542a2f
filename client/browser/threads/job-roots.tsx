/** From the job to the picture: any root of it, and those whose trees are the largest. */
import { useSignal } from '@preact/signals';
import type { JobStatus } from '../../../protocol/http.ts';
import { Button } from '../controls/button.tsx';
import { Field } from '../controls/field.tsx';
import { parseNumber } from '../format/parse-number.ts';
import { grouped } from '../format/figures.ts';
import type { JobFigures, LargestTree } from './job-figures.ts';
import { showRootOf } from './job-state.ts';

const OF = {
  threads: { name: 'Most threads', unit: '' },
  work: { name: 'Most work', unit: ' ticks' },
  span: { name: 'Longest span', unit: ' ticks' },
} as const satisfies Record<LargestTree['of'], object>;

export function JobRoots({ job, figures }: { readonly job: JobStatus; readonly figures: JobFigures }) {
  const text = useSignal('0');
  const wrong = useSignal('');
  const last = BigInt(job.progress.total) - 1n;
  const show = (root: number) => {
    showRootOf(job, root);
    scrollTo({ top: 0, behavior: 'auto' });
  };
  const showTyped = () => {
    const read = parseNumber(text.value);
    if ('value' in read && read.value <= last) show(Number(read.value));
    else wrong.value = `Enter a whole number from 0 to ${grouped(last)}: the roots of this job.`;
  };
  return (
    <div class="job-roots">
      <ul>
        {figures.largest.map(({ of, root, value }) => (
          <li key={of}>
            <span class="small">{OF[of].name}</span>
            <span class="largest-value">
              {grouped(value)}
              {OF[of].unit}
            </span>
            <button class="thread-link" type="button" onClick={() => show(root)}>
              show root {grouped(root)}
            </button>
          </li>
        ))}
      </ul>
      <form
        class="job-root-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          showTyped();
        }}
      >
        <Field
          label="Any root of this job"
          name="job_root"
          inputMode="numeric"
          value={text.value}
          problem={wrong.value}
          onInput={(value) => {
            text.value = value;
            wrong.value = '';
          }}
        />
        <Button type="submit">Show</Button>
      </form>
    </div>
  );
}
