/** The records of the finished part: each number leads to its path. */
import { chosenJob, result } from './job-state.ts';
import { explore, shownText } from './explorer-state.ts';
import { writeAddress } from './address.ts';
import type { RecordRow } from './job-result.ts';
import { grouped } from '../format/figures.ts';
import { Raised } from './raised.tsx';
import { columnNumber, shortNumber } from './number-text.ts';

const SHOWN = 7;
const LONG_FROM = 10n ** 12n;

export function Records() {
  const found = result.value;
  return (
    <section class="records-section" aria-labelledby="records-title">
      <div class="section-head">
        <h2 id="records-title">Records in the finished part</h2>
      </div>
      {found === undefined ? (
        <p class="small">They appear with the first finished batch.</p>
      ) : (
        <div class="records" data-long={isLong(found.peakRecords) ? 'yes' : 'no'}>
          {found.mode === 'statistics' ? (
            <RecordTable name="Numbers with the most steps" figure="most steps" rows={found.delayRecords} />
          ) : null}
          <RecordTable
            name={
              found.mode === 'statistics'
                ? 'Numbers with the highest peak'
                : 'Highest peaks before falling below the start'
            }
            figure={found.mode === 'statistics' ? 'highest peak' : 'highest before it falls below n'}
            rows={found.peakRecords}
          />
        </div>
      )}
    </section>
  );
}

/** Two tables don't fit beside each other then. */
function isLong(rows: readonly RecordRow[]): boolean {
  return (rows.at(-1)?.n ?? 0n) >= LONG_FROM;
}

function RecordTable({
  name,
  figure,
  rows,
}: {
  readonly name: string;
  readonly figure: string;
  readonly rows: readonly RecordRow[];
}) {
  const newest = rows.toReversed();
  const more = newest.slice(SHOWN);
  return (
    <div class="record-table">
      <table aria-label={name}>
        <thead>
          <tr>
            <th scope="col" class="number">
              n
            </th>
            <th scope="col" class="number">
              {figure}
            </th>
          </tr>
        </thead>
        <tbody>
          {newest.slice(0, SHOWN).map((row) => (
            <Row key={row.n} row={row} />
          ))}
        </tbody>
      </table>
      {more.length === 0 ? null : (
        <details>
          <summary class="small">{more.length} earlier</summary>
          <table aria-label={`${name}, earlier ones`}>
            <tbody>
              {more.map((row) => (
                <Row key={row.n} row={row} />
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

function Row({ row }: { readonly row: RecordRow }) {
  const n = row.n.toString();
  return (
    <tr {...(shownText.value === n ? { 'data-shown': 'yes' } : {})}>
      <td class="number">
        <a
          href={writeAddress({ n, job: chosenJob.value })}
          title={`Show the path of ${n}`}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            void explore(n);
            const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
            window.scrollTo({ top: 0, behavior: still ? 'auto' : 'smooth' });
          }}
        >
          {grouped(row.n)}
        </a>
      </td>
      <td class="number" title={row.value.toString()}>
        <Raised text={row.n < LONG_FROM ? columnNumber(row.value) : shortNumber(row.value)} />
      </td>
    </tr>
  );
}
