/** The present shape as a job; the form is loaded when it is asked for. */
import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import type { Live } from '../live/live.ts';
import { showSubmitted } from './job-state.ts';
import { choice } from './page-state.ts';
import type { Shape } from './shape.ts';
import { draftOf } from './shape.ts';

type Form = ComponentType<{
  readonly initial?: Partial<Shape>;
  readonly onSubmitted: (jobId: string) => void;
  readonly live?: Live;
}>;

export function SubmitShape({ live }: { readonly live: Live }) {
  const form = useSignal<{ readonly Form: Form } | undefined>(undefined);
  const problem = useSignal('');
  const load = async () => {
    if (form.peek() !== undefined) return;
    try {
      const { SubmitThread } = await import('../submit/submit-form.tsx');
      form.value = { Form: SubmitThread };
      problem.value = '';
    } catch {
      problem.value = 'The form could not be loaded. Close and open it to try again.';
    }
  };
  const { shape } = choice.value;
  const Loaded = form.value?.Form;
  return (
    <details
      class="submit-shape"
      onToggle={(event) => {
        if (event.currentTarget.open) void load();
      }}
    >
      <summary>Submit this shape as a job</summary>
      {problem.value === '' ? null : <p role="alert">{problem.value}</p>}
      {Loaded === undefined ? null : (
        <Loaded
          key={JSON.stringify(draftOf({ shape, root: 0 }))}
          initial={shape}
          live={live}
          onSubmitted={(jobId) => void showSubmitted(jobId)}
        />
      )}
    </details>
  );
}
