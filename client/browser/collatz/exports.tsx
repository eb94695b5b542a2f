/** What is shown of a job as files, and as an address. */
import { useState } from 'preact/hooks';
import type { JobStatus } from '../../../protocol/http.ts';
import { Button } from '../controls/button.tsx';
import { ownNodeId } from '../lend/lend-state.ts';
import { table } from './csv.ts';
import { rangeMap } from './coverage-cells.ts';
import { download } from '../controls/download.ts';
import type { CollatzResult } from './job-result.ts';
import { coverage, earlier, jobName, result, results } from './job-state.ts';

const COPIED_MS = 2000;

export function Exports({ status }: { readonly status: JobStatus }) {
  const found = result.value;
  const [copied, setCopied] = useState(false);
  const name = `collatz-${status.job_id}`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      // No permission, or an address without HTTPS: the address bar has it.
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  const picture = async () => {
    const covered = coverage.peek();
    if (found === undefined || covered === undefined) return;
    const { jobPicture } = await import('./job-picture.ts');
    const blob = await jobPicture({
      title: jobName(status),
      address: location.href,
      result: found,
      map: rangeMap(covered, ownNodeId.peek()),
      earlier: earlier.peek(),
    });
    if (blob !== undefined) download([blob], `${name}.png`, 'image/png');
  };
  return (
    <div class="exports">
      <Button
        kind="quiet"
        disabled={found === undefined}
        onClick={() =>
          download([JSON.stringify(results.peek(), null, 2)], `${name}.json`, 'application/json')
        }
      >
        JSON
      </Button>
      <Button
        kind="quiet"
        disabled={found === undefined}
        onClick={() => found !== undefined && download([resultCsv(found)], `${name}.csv`, 'text/csv')}
      >
        CSV
      </Button>
      <Button kind="quiet" disabled={found === undefined} onClick={() => void picture()}>
        PNG
      </Button>
      <Button kind="quiet" icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
        {copied ? 'Copied' : 'Address'}
      </Button>
    </div>
  );
}

/** The histogram; of a verification, whose result has none, the peak records. */
function resultCsv(found: CollatzResult): string {
  if (found.mode === 'verify') {
    return table(
      ['n', 'peak'],
      found.peakRecords.map(({ n, value }) => [n.toString(), value.toString()]),
    );
  }
  return table(
    ['delay', 'count'],
    found.histogram.map((count, delay) => [delay, count.toString()]),
  );
}
