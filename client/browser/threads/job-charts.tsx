/** What a thread job found. Loaded once there is a job: a cluster may have run none. */
import type { JobStatus } from '../../../protocol/http.ts';
import { DepthBars, SizeBars } from './histograms.tsx';
import type { JobFigures } from './job-figures.ts';
import { JobRoots } from './job-roots.tsx';
import { SpeedUpChart } from './speedup-chart.tsx';

export interface JobChartsProps {
  readonly job: JobStatus;
  readonly figures: JobFigures;
}

export function JobCharts({ job, figures }: JobChartsProps) {
  return (
    <>
      <div class="job-charts">
        <SpeedUpChart figures={figures} />
        <DepthBars counts={figures.threadsByDepth} total={figures.threads} />
        <SizeBars counts={figures.sizeHistogram} trees={figures.roots - figures.oversize} />
      </div>
      <JobRoots job={job} figures={figures} />
    </>
  );
}
