/** The charts of a job, loaded while its result is still on its way. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ComponentType } from 'preact';
import type { JobChartsProps } from './job-charts.tsx';

const loaded = signal<{ readonly Charts: ComponentType<JobChartsProps> } | 'failed' | undefined>(undefined);

/** @param figures undefined: not known yet */
export function LaterCharts({
  job,
  figures,
}: Pick<JobChartsProps, 'job'> & { readonly figures: JobChartsProps['figures'] | undefined }) {
  useEffect(() => {
    if (loaded.peek() !== undefined) return;
    import('./job-charts.tsx').then(
      ({ JobCharts }) => (loaded.value = { Charts: JobCharts }),
      () => (loaded.value = 'failed'),
    );
  }, []);
  const part = loaded.value;
  if (part === 'failed') return <p role="alert">The charts could not be loaded: reload the page.</p>;
  return part === undefined || figures === undefined ? null : <part.Charts job={job} figures={figures} />;
}
