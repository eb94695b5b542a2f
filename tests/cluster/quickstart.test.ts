/** The main job as a newcomer runs it: the records of OEIS to 10^8, found by a cluster that leaves nothing behind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareWithOeis } from '../../cli/records.ts';
import { Threads } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

const DATA: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, '../data/collatz-records.json'), 'utf8'),
);

test('the quick start finds every record below 10^8, cleans up, and says how to go on', async (t) => {
  const temporary = temporaryFolder(t);
  // What is set for other clusters does not matter to it.
  const env = {
    TMPDIR: temporary,
    COORDINATOR_PORT: '1',
    DATA_DIR: '/nonexistent',
    NODE_TYPE: 'worker',
    GPU_ENABLED: 'false',
  };
  const process = new Threads(t, ['quickstart'], env);
  assert.deepEqual(await process.exited, { code: 0, signal: null }, process.output);
  const { output } = process;
  assert.match(output, /^GPU: none is used: GPU_ENABLED=false$/m);
  assert.match(output, /60 delay records below 100 000 000, every one as in OEIS A006877/);
  assert.match(output, /41 path records, every one as in OEIS A006884/);
  assert.match(output, /63 728 127 +949/);
  assert.match(output, /80 049 391 +2 185 143 829 170 100/);
  assert.match(output, /npm run -s threads -- up/);
  assert.match(output, /http:\/\/127\.0\.0\.1:3000\//);
  assert.deepEqual(readdirSync(temporary), []);
});

test('Ctrl-C stops the quick start and leaves nothing behind', async (t) => {
  const temporary = temporaryFolder(t);
  const process = new Threads(t, ['quickstart'], {
    TMPDIR: temporary,
    GPU_ENABLED: 'false',
    WORKER_THREADS: '1',
  });
  await process.line(/^Job /m);
  assert.deepEqual(await process.end('SIGINT'), { code: 130, signal: null }, process.output);
  assert.match(process.output, /Nothing is left behind/);
  assert.deepEqual(readdirSync(temporary), []);
});

test('records that are not those of OEIS are told, one by one', () => {
  assert.ok(typeof DATA === 'object' && DATA !== null && 'delay_records' in DATA && 'peak_records' in DATA);
  const { delay_records, peak_records } = DATA;
  assert.ok(Array.isArray(delay_records) && Array.isArray(peak_records));
  const below = (list: unknown[], end: bigint) =>
    list.filter(
      (entry) => typeof entry === 'object' && entry !== null && 'n' in entry && BigInt(String(entry.n)) < end,
    );
  const good = { delay_records: below(delay_records, 1000n), peak_records: below(peak_records, 1000n) };
  assert.deepEqual(compareWithOeis(good, 1000n).differences, []);
  const differs = (result: unknown) => compareWithOeis(result, 1000n).differences;
  assert.equal(differs({ ...good, delay_records: good.delay_records.slice(1) }).length, 1);
  assert.equal(differs({ ...good, peak_records: [...good.peak_records, { n: '999', peak: '1' }] }).length, 1);
  assert.equal(differs({ ...good, delay_records: good.delay_records.toReversed() }).length, 1);
  assert.throws(() => differs({}));
});
