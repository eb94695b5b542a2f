import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '../store/sqlite.ts';
import { ThroughputMeter, throughputHistory } from './throughput.ts';

const MINUTE_MS = 60_000;
const NOW_MS = 1_000_000 * MINUTE_MS;

test('variants are told apart, now and in history, and the line over them is their sum', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'threads-throughput-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openSqliteStore(folder);
  const meter = new ThroughputMeter();
  const cpu = (type: string, variant: string) => ({ type, variant, kind: 'cpu' }) as const;
  meter.add(cpu('collatz', 'verify'), 60_000, NOW_MS);
  meter.add(cpu('collatz', 'statistics'), 600, NOW_MS);
  meter.add(cpu('thread', ''), 120, NOW_MS);
  await store.commit(meter.drain(NOW_MS));
  assert.deepEqual(meter.drain(NOW_MS), []);

  const now = meter.current(NOW_MS + 1000);
  assert.deepEqual(
    now.map(({ type, kind, variants }) => [type, kind, variants.map(({ variant }) => variant)]),
    [
      ['collatz', 'cpu', ['verify', 'statistics']],
      ['thread', 'cpu', [null]],
    ],
  );
  for (const { units_per_second, variants } of now) {
    const sum = variants.reduce((rate, line) => rate + line.units_per_second, 0);
    assert.equal(units_per_second, sum);
    assert.ok(sum > 0);
  }

  const { series } = await throughputHistory(store, 120, NOW_MS + MINUTE_MS);
  assert.deepEqual(
    series.toSorted((a, b) => (a.type < b.type ? -1 : 1)),
    [
      {
        type: 'collatz',
        kind: 'cpu',
        units_per_second: [1010, 0],
        variants: [
          { variant: 'statistics', units_per_second: [10, 0] },
          { variant: 'verify', units_per_second: [1000, 0] },
        ],
      },
      {
        type: 'thread',
        kind: 'cpu',
        units_per_second: [2, 0],
        variants: [{ variant: null, units_per_second: [2, 0] }],
      },
    ],
  );
  await store.close();
});
