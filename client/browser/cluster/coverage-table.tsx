/** The strip's figures: what is done, and who has the rest. */
import type { JobCoverage } from '../../../protocol/http.ts';
import { grouped } from '../format/figures.ts';

const MOST = 12;

export function CoverageTable({ coverage: { done, leased } }: { readonly coverage: JobCoverage }) {
  return (
    <>
      <h3>Covered</h3>
      {done.length === 0 ? (
        <p class="small">Nothing yet.</p>
      ) : (
        <ul class="ranges small mono">
          {done.slice(0, MOST).map((range) => (
            <li key={range.start}>{rangeText(range)}</li>
          ))}
        </ul>
      )}
      {done.length > MOST ? <p class="tiny">and {grouped(done.length - MOST)} more ranges</p> : null}
      {leased.length === 0 ? null : (
        <>
          <h3>Leased</h3>
          <ul class="ranges small">
            {leased.slice(0, MOST).map((lease) => (
              <li key={`${lease.node_id} ${lease.start}`}>
                <span class="mono">{rangeText(lease)}</span> {lease.node_id}
              </li>
            ))}
          </ul>
          {leased.length > MOST ? <p class="tiny">and {grouped(leased.length - MOST)} more leases</p> : null}
        </>
      )}
    </>
  );
}

/** Half-open, as everything here. */
function rangeText({ start, end }: { readonly start: string; readonly end: string }): string {
  return `[${grouped(BigInt(start))}, ${grouped(BigInt(end))})`;
}
