import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobStatus } from '../protocol/http.ts';
import { ProgressBar, progressLine } from './progress-bar.ts';
import { duration, grouped, percent, rate, scaled } from './quantities.ts';
import { percentile, reportMarkdown, reportText, significant } from './report.ts';
import { figure, resultText } from './result-text.ts';
import { pairs, printable, table } from './table.ts';

function statusWith(progress: Partial<JobStatus['progress']>, rest: Partial<JobStatus> = {}): JobStatus {
  return {
    job_id: 'job',
    type: 'collatz',
    name: null,
    status: 'running',
    user_id: null,
    priority: 'normal',
    gpu_preferred: false,
    placement: {},
    expected_seconds: null,
    max_attempts: 20,
    parameters: {},
    unit: 'numbers',
    progress: { total: '100', done: '0', fraction: 0, rate_per_second: null, eta_seconds: null, ...progress },
    queue_position: null,
    waiting_for: null,
    created_at: '2026-01-01T00:00:00Z',
    started_at: null,
    updated_at: '2026-01-01T00:00:00Z',
    finished_at: null,
    error: null,
    ...rest,
  };
}

test('numbers and rates', () => {
  assert.equal(grouped(1234567n), '1 234 567');
  assert.equal(grouped('99999999999999999999'), '99 999 999 999 999 999 999');
  assert.equal(scaled(0), '0');
  assert.equal(scaled(950), '950');
  assert.equal(scaled(999.6), '1.00 k');
  assert.equal(scaled(12_345_678), '12.3 M');
  assert.equal(scaled(4.56e12), '4.56 T');
  assert.equal(scaled(3e30), '3.00e+30');
  assert.equal(rate(null), '–');
  assert.equal(significant(12_345_678), '12 300 000');
  assert.equal(significant(0.012345), '0.0123');
});

test('times', () => {
  const spellings: [number, string][] = [
    [0, '0 s'],
    [59.4, '59 s'],
    [59.6, '1 min 00 s'],
    [125, '2 min 05 s'],
    [12_000, '3 h 20 min'],
    [367_200, '4 d 6 h'],
    [3.2e10, '1.01 k years'],
  ];
  for (const [seconds, text] of spellings) assert.equal(duration(seconds), text);
});

test('nothing is finished before it is, nor untouched once it has begun', () => {
  assert.equal(percent(0), '0 %');
  assert.equal(percent(1e-9), '< 0.1 %');
  assert.equal(percent(0.999999), '99.9 %');
  assert.equal(percent(1), '100 %');
});

test('the progress line fits every width and keeps what matters most', () => {
  const running = statusWith({ fraction: 0.4234, rate_per_second: 1.23e7, eta_seconds: 125 });
  assert.match(progressLine(running, 80), /^\[=+> *\] {2}42\.3 % {2}12\.3 M\/s {2}2 min 05 s left$/);
  for (let columns = 1; columns <= 200; columns++) {
    const line = progressLine(running, columns);
    assert.ok(line.length < Math.max(columns, 9), `${columns}: ${line}`);
    assert.match(line, /42\.3 %/);
  }
  assert.match(progressLine(statusWith({ fraction: 0.5 }), 80), /starting/);
  assert.match(
    progressLine(statusWith({}, { status: 'pending', waiting_for: 'a worker' }), 80),
    /waiting for a worker/,
  );
});

test('a bar is drawn on a terminal only; elsewhere there are lines if they are wanted', () => {
  const status = statusWith({ fraction: 0.5 });
  const written = (isTTY: boolean, every?: number) => {
    let text = '';
    const bar = new ProgressBar({ isTTY, columns: 60, write: (piece) => (text += piece) }, every);
    bar.update(status);
    bar.update(status);
    bar.clear();
    return text;
  };
  assert.equal(written(false), '');
  assert.equal(written(false, 60_000).split('\n').length, 2);
  assert.match(written(true), /^\r\[.*\u001b\[K\r\u001b\[K$/);
});

test('tables align by code points, and text of strangers cannot steer the terminal', () => {
  const rows = [
    { name: 'é', n: 5 },
    { name: 'longer', n: 12345 },
  ];
  const columns = [
    { title: 'NAME', text: (row: (typeof rows)[number]) => row.name },
    { title: 'N', align: 'right' as const, text: (row: (typeof rows)[number]) => String(row.n) },
  ];
  assert.equal(table(rows, columns), 'NAME        N\né           5\nlonger  12345');
  assert.equal(
    pairs([
      ['a', '1'],
      ['long', '2'],
    ]),
    'a     1\nlong  2',
  );
  assert.equal(printable('a\u001b[2Jb\u202ec'), 'a\ufffd[2Jb\ufffdc');
});

test('any result has a text', () => {
  const text = resultText({
    job_id: 'job',
    status: 'running',
    partial: true,
    covered: [{ start: '1', end: '1000000' }],
    covered_truncated: false,
    result: {
      count: '999999',
      max_delay: { n: '837799', delay: 524 },
      nothing: null,
      failures: [],
      histogram: Array.from({ length: 100 }, (_, i) => String(i)),
      records: Array.from({ length: 20 }, (_, i) => ({ n: String(10 ** (i % 7)), delay: i })),
    },
  });
  assert.match(text, /^Partial result over \[1, 1 000 000\):/);
  assert.match(text, /count +999 999/);
  assert.match(text, /max delay +n 837 799, delay 524/);
  assert.match(text, /nothing +none/);
  assert.match(text, /histogram +0, 1, 2, .*100 entries/);
  assert.match(text, /records \(20, the last 12; all of them with --json\)/);
  assert.equal(figure('text'), 'text');
});

test('reports as text and Markdown', () => {
  const report = { title: 'T', figures: [{ what: 'rate', value: 12_345, unit: '/s', note: 'of it' }] };
  assert.match(reportText(report), /^T\n.*\nrate +12 300 \/s +of it$/s);
  assert.match(reportMarkdown(report), /^### T\n\n.*\| rate \| 12 300 \/s \| of it \|$/s);
  assert.equal(percentile([1, 2, 3, 4], 0.5), 3);
  assert.equal(percentile([1, 2, 3, 4], 0.99), 4);
});
