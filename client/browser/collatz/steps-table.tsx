/** Every step as a table. Only the rows in sight exist: a path may have fifty thousand. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { download } from '../controls/download.ts';
import { path, pointedStep } from './explorer-state.ts';
import { csvOf } from './long-paths.ts';
import { columnNumber } from './number-text.ts';
import { Raised } from './raised.tsx';
import type { Trajectory } from './trajectory.ts';
import { valuesFrom } from './trajectory.ts';

const ROW_HEIGHT = 22;
const SPARE_ROWS = 4;
const BAR_WIDTH = 56;
/** Longer numbers have no tooltip with all their digits. */
const TOOLTIP_BELOW = 10n ** 100n;

export function StepsTable() {
  const walked = path.value;
  const [exporting, setExporting] = useState(false);
  const save = async (whole: Trajectory) => {
    setExporting(true);
    const parts = await csvOf(whole);
    setExporting(false);
    download(parts, `collatz-steps-${fileNumber(whole.start)}.csv`, 'text/csv');
  };
  return (
    <section class="steps-section" aria-labelledby="steps-title">
      <div class="section-head">
        <h2 id="steps-title">Every step</h2>
        <Button
          kind="quiet"
          disabled={walked === undefined || exporting}
          onClick={() => void (walked === undefined ? undefined : save(walked))}
        >
          {exporting ? 'Writing…' : 'CSV'}
        </Button>
      </div>
      {walked === undefined ? null : <Rows walked={walked} />}
    </section>
  );
}

/** A name for files: the number, or its first digits and their count. */
function fileNumber(n: bigint): string {
  const digits = n.toString();
  return digits.length <= 24 ? digits : `${digits.slice(0, 12)}-${digits.length}-digits`;
}

function Rows({ walked }: { readonly walked: Trajectory }) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(340);
  const pointed = pointedStep.value;
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = 0;
    setTop(0);
  }, [walked]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (box.current === null || pointed === undefined) return;
    box.current.scrollTop = Math.max(0, (pointed + 0.5) * ROW_HEIGHT - box.current.clientHeight / 2);
  }, [pointed]);

  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE_ROWS);
  const count = Math.ceil(height / ROW_HEIGHT) + 2 * SPARE_ROWS;
  const values = valuesFrom(walked, first, count);
  const below = Math.max(0, walked.steps + 1 - first - values.length);
  const highest = Math.max(walked.heights[walked.peakStep] ?? 1, 0.1);
  return (
    <div
      ref={box}
      class="steps"
      role="region"
      aria-label="Steps, scrolling"
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={walked.steps + 2}>
        <thead class="visually-hidden">
          <tr aria-rowindex={1}>
            <th scope="col">Step</th>
            <th scope="col">Value</th>
            <th scope="col">Size, on a log scale</th>
          </tr>
        </thead>
        <tbody>
          <Spacer rows={first} />
          {values.map((value, i) => {
            const step = first + i;
            const odd = walked.odd[step] === 1;
            return (
              <tr
                key={step}
                aria-rowindex={step + 2}
                data-odd={odd ? 'yes' : 'no'}
                {...(step === pointed ? { 'data-pointed': 'yes' } : {})}
              >
                <td class="number step">{grouped(step)}</td>
                <td class="number value" title={value < TOOLTIP_BELOW ? grouped(value) : ''}>
                  <Raised text={columnNumber(value)} />
                  <span class="visually-hidden">{odd ? ', odd' : ', even'}</span>
                </td>
                <td class="bar" aria-hidden="true">
                  <span style={{ width: `${3 + ((walked.heights[step] ?? 0) / highest) * BAR_WIDTH}px` }} />
                </td>
              </tr>
            );
          })}
          <Spacer rows={below} />
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ rows }: { readonly rows: number }) {
  return rows === 0 ? null : (
    <tr aria-hidden="true" class="spacer">
      <td colSpan={3} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}
