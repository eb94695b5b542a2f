/** Where a job is done, leased and open. */
import type { JobCoverage, JobStatus } from '../../../protocol/http.ts';
import { donePercent } from './job-text.ts';
import type { LeaseMarks, StripCell } from './range-strip.ts';
import { holesOf, stripCells } from './range-strip.ts';

const PITCH = 4;
const BAR = 3;
const HEIGHT = 16;

export interface RangeStripProps {
  readonly job: JobStatus;
  /** Undefined: not known yet. */
  readonly coverage: JobCoverage | undefined;
  readonly marks: LeaseMarks;
  /** How many cells. */
  readonly cells: number;
}

export function RangeStrip({ job, coverage, marks, cells }: RangeStripProps) {
  const whole = job.status === 'completed';
  const row = whole || coverage === undefined ? [] : stripCells(coverage, cells, marks);
  const width = (row.length > 0 ? row.length : cells) * PITCH - 1;
  const path = (wanted: (cell: StripCell) => boolean, draw: (cell: StripCell, x: number) => string) =>
    row.map((cell, i) => (wanted(cell) ? draw(cell, i * PITCH) : '')).join('');
  const outline = (_: StripCell, x: number) => `M${x + 0.5} 0.5h${BAR - 1}v${HEIGHT - 1}h${1 - BAR}z`;
  return (
    <svg
      class="range-strip"
      role="img"
      aria-label={stripText(job, coverage)}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      preserveAspectRatio="none"
      data-state={job.status}
    >
      <rect class="ground" width={width} height={HEIGHT} />
      {whole ? <rect class="done" width={width} height={HEIGHT} /> : null}
      <path
        class="done"
        d={path(
          ({ done }) => done > 0,
          ({ done }, x) => {
            const tall = Math.max(1, done * HEIGHT);
            return `M${x} ${HEIGHT - tall}h${BAR}v${tall}h${-BAR}z`;
          },
        )}
      />
      <path class="leased" d={path(({ lease, done }) => lease === 'others' && done < 1, outline)} />
      <path class="late" d={path(({ lease, done }) => lease === 'late' && done < 1, outline)} />
      <path class="own" d={path(({ lease, done }) => lease === 'own' && done < 1, outline)} />
    </svg>
  );
}

function stripText({ progress, status }: JobStatus, coverage: JobCoverage | undefined): string {
  const done = `${donePercent(progress.fraction)} done`;
  if (coverage === undefined || status === 'completed') return done;
  const holes = holesOf(coverage);
  return [
    done,
    ...(coverage.leased.length === 0 ? [] : [`${coverage.leased.length} leased`]),
    ...(holes === 0 ? [] : [`${holes} ${holes === 1 ? 'gap' : 'gaps'}`]),
  ].join(', ');
}
