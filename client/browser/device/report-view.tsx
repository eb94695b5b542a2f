import { useMemo } from 'preact/hooks';
import type { CaseGroup, DeviceReport } from '../../../protocol/device-report.ts';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { Icon } from '../shell/icon.tsx';
import { comparisonName, cpuNote, fileName, gpuName, rateText, workloadName } from './report-text.ts';

export function ReportView({ report }: { readonly report: DeviceReport }) {
  const note = cpuNote(report);
  return (
    <>
      {note === undefined ? null : <p>{note}</p>}
      <div class="device-tables">
        <Answers groups={report.groups} />
        <Rates report={report} />
      </div>
      <Failures groups={report.groups} />
      <Facts report={report} />
      <Send report={report} />
    </>
  );
}

function Answers({ groups }: { readonly groups: readonly CaseGroup[] }) {
  return (
    <section>
      <h2>Answers</h2>
      <table>
        <thead>
          <tr>
            <th>Compared</th>
            <th>Result</th>
            <th class="number">passed</th>
            <th class="number">failed</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={`${group.workload} ${group.comparison} ${group.engine}`}>
              <td>
                {workloadName(group.workload)}, {comparisonName(group)}
              </td>
              <td>
                <span class="device-result" data-good={group.failed === 0 ? 'yes' : 'no'}>
                  <Icon name={group.failed === 0 ? 'check' : 'wrong'} size={14} />{' '}
                  {group.failed === 0 ? 'all right' : 'wrong'}
                </span>
              </td>
              <td class="number">{grouped(group.passed)}</td>
              <td class="number">{grouped(group.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Rates({ report }: { readonly report: DeviceReport }) {
  const names = [...new Set(report.rates.map(({ workload, name }) => `${workload} ${name}`))];
  const rateOf = (key: string, engine: 'gpu' | 'cpu') =>
    report.rates.find((rate) => `${rate.workload} ${rate.name}` === key && rate.engine === engine);
  return (
    <section>
      <h2>Speed, a second</h2>
      <table>
        <thead>
          <tr>
            <th>Computed</th>
            <th class="number">GPU</th>
            <th class="number">CPU, one thread</th>
          </tr>
        </thead>
        <tbody>
          {names.map((key) => {
            const gpu = rateOf(key, 'gpu');
            const cpu = rateOf(key, 'cpu');
            const any = gpu ?? cpu;
            return (
              <tr key={key}>
                <td>
                  {workloadName(any?.workload ?? '')}, {any?.name} <span class="tiny">{any?.unit}</span>
                </td>
                <td class="number">{gpu === undefined ? 'no GPU' : rateText(gpu)}</td>
                <td class="number">{cpu === undefined ? '' : rateText(cpu)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Failures({ groups }: { readonly groups: readonly CaseGroup[] }) {
  const failed = groups.filter((group) => group.failed > 0);
  if (failed.length === 0) return null;
  return (
    <section>
      <h2>What went wrong</h2>
      <p class="small">
        A device that answers wrongly gets no work: it is found by the same questions when it joins. Often a
        newer graphics driver or browser helps.
      </p>
      {failed.map((group) => (
        <details key={`${group.workload} ${group.comparison}`}>
          <summary>
            {workloadName(group.workload)}, {comparisonName(group)}: {grouped(group.failed)} failed
          </summary>
          <dl class="device-failures">
            {group.failures.map(({ name, message }, at) => (
              <div key={at}>
                <dt>{name}</dt>
                <dd class="mono">{message}</dd>
              </div>
            ))}
          </dl>
        </details>
      ))}
    </section>
  );
}

function Facts({ report }: { readonly report: DeviceReport }) {
  const { browser, cpu, gpu } = report;
  return (
    <section>
      <h2>The device</h2>
      <dl class="device-facts">
        <dt>GPU</dt>
        <dd>{gpuName(report)}</dd>
        <dt>CPU</dt>
        <dd>
          {cpu.threads} {cpu.threads === 1 ? 'thread' : 'threads'}
          {cpu.web_assembly ? '' : ', JavaScript: this browser runs no WebAssembly'}
        </dd>
        <dt>Browser</dt>
        <dd>
          {browser.user_agent}
          {browser.brands.length === 0 ? '' : ` · ${browser.brands.join(', ')}`}
          {browser.platform === '' ? '' : ` · ${browser.platform}${browser.mobile ? ', mobile' : ''}`}
        </dd>
      </dl>
      {gpu === null ? null : (
        <details>
          <summary>Limits and features of the GPU</summary>
          <table>
            <thead>
              <tr>
                <th>Limit</th>
                <th class="number">Value</th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(gpu.limits).map(([name, value]) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td class="number">{grouped(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="small">Features: {gpu.features.length === 0 ? 'none' : gpu.features.join(', ')}</p>
        </details>
      )}
    </section>
  );
}

function Send({ report }: { readonly report: DeviceReport }) {
  const text = useMemo(() => `${JSON.stringify(report, null, 2)}\n`, [report]);
  return (
    <section>
      <h2>The report</h2>
      <p>
        The project is tested on software GPUs; a report from a real one, right or wrong, is worth a lot. Save
        it and attach it to a new issue of the project, with the title “Device report: {gpuName(report)}”.
      </p>
      <p>
        <Button icon="download" onClick={() => save(fileName(report), text)}>
          Save the report (JSON)
        </Button>
      </p>
      <details>
        <summary>All that it holds</summary>
        <pre class="mono device-json" tabIndex={0}>
          {text}
        </pre>
      </details>
    </section>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
