import { useState } from 'preact/hooks';
import type { JobResults } from '../../../protocol/http.ts';
import { resultFigures } from './result-figures.ts';

/** Figures and tables of a result, and the API's own JSON. */
export function ResultView({ results }: { readonly results: JobResults | undefined }) {
  const [open, setOpen] = useState(false);
  if (results === undefined) return null;
  if (results.result === null) return <p class="small">Nothing is computed yet.</p>;
  const { figures, tables } = resultFigures(results.result);
  return (
    <>
      <dl class="pairs small">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
      </dl>
      {tables.map(({ title, total, columns, rows }) => (
        <details key={title} class="small">
          <summary>
            {title}, {rows.length < total ? `the last ${rows.length} of ${total}` : total}
          </summary>
          <div class="scrolls" tabIndex={0} role="region" aria-label={title}>
            <table>
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} class="number">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.join()}>
                    {row.map((cell, i) => (
                      <td key={columns[i]} class="number mono">
                        {cell}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      ))}
      <details class="small" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>JSON</summary>
        {open ? (
          <pre class="scrolls mono" tabIndex={0}>
            {JSON.stringify(results, null, 1)}
          </pre>
        ) : null}
      </details>
    </>
  );
}
