import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { FIGURES_MS, useSampled } from '../lend/sampled.ts';
import type { Progress } from './device-test.ts';
import { ReportView } from './report-view.tsx';
import { verdict } from './report-text.ts';
import type { TestRun } from './test-run.ts';

export function DevicePage({ run }: { readonly run: TestRun }) {
  const state = useSampled(run.state, FIGURES_MS);
  return (
    <div class="device">
      <h1>{state.kind === 'done' ? verdict(state.report.groups) : 'Is this device exact, and how fast?'}</h1>
      <p class="intro">
        Dozens of questions whose answers are known, on the GPU and the CPU of this device: both workloads,
        from small numbers to 2^96. Then each is timed for a second. Nothing leaves this device: you see the
        report, and you decide whether anyone gets it.
      </p>
      {state.kind === 'running' ? (
        <Running progress={state.progress} onCancel={() => run.cancel()} />
      ) : (
        <p>
          <Button kind="primary" onClick={() => run.start()}>
            {state.kind === 'done' ? 'Test again' : 'Test this device'}
          </Button>{' '}
          {state.kind === 'before' ? (
            <span class="small">Takes about a minute of full load; slow devices take a few.</span>
          ) : null}
        </p>
      )}
      {state.kind === 'broken' ? (
        <p role="alert">
          <strong>The test stopped.</strong> The browser says: {state.message}
        </p>
      ) : null}
      {state.kind === 'done' ? <ReportView report={state.report} /> : null}
    </div>
  );
}

function Running({
  progress,
  onCancel,
}: {
  readonly progress: Progress | undefined;
  readonly onCancel: () => void;
}) {
  const { done, total, failed, name } = progress ?? { done: 0, total: 1, failed: 0, name: 'loading' };
  return (
    <div class="device-progress">
      <progress max={total} value={done} aria-label="Tests and measurements" />
      <p class="small">
        {progress === undefined ? 'Loading' : `${grouped(done)} of ${grouped(total)}`}
        {failed > 0 ? `, ${grouped(failed)} failed` : ''} · {name}
      </p>
      <Button onClick={onCancel}>Cancel</Button>
    </div>
  );
}
