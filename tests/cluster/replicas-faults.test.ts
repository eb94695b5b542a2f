/**
 * Several coordinators while everything around them fails: three on PostgreSQL behind nginx, with 60 workers. They,
 * the database, nginx and workers are killed, stopped, cut off and restarted at drawn moments of a job, one at a time or
 * several at once. Every number is counted once, nothing that was acknowledged is lost, and everybody comes back.
 *
 * The job of the faults is the simulated workers': they do right results at a steady pace, so that it outlasts the faults
 * on any machine. Beside it two real workers compute a job of their own from each of those moments on. TEST_SEED draws
 * the same faults again, REPLICA_FAULTS says how many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../cli/load/tally.ts';
import { RangeSet } from '../../coordinator/jobs/ranges.ts';
import type { JobResults } from '../../protocol/http.ts';
import type { Range } from '../../protocol/range.ts';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { provideNginx } from '../deploy/running-nginx.ts';
import { providePostgres } from '../setup/postgres.ts';
import { drawFaults } from './faults/drawn-faults.ts';
import { Faults } from './faults/faults.ts';
import { ReplicaCluster, SIMULATED_WORKERS } from './faults/replica-cluster.ts';
import { takeOverAfter } from './faults/take-overs.ts';
import { undisturbed } from './faults/undisturbed.ts';
import { seededRandom, testFull, testSeed } from './random-moments.ts';

const FAULTS = Number(process.env['REPLICA_FAULTS'] ?? (testFull ? 100 : 10));
const SECONDS_PER_FAULT = 3;
const RESULTS_PER_SECOND = 150;
const BATCH = 3000;
const NUMBERS = Math.round(FAULTS * SECONDS_PER_FAULT * RESULTS_PER_SECOND * BATCH);
const MOST_AT_ONCE = 3;
const END_TIMEOUT_MS = 120_000 + FAULTS * 20_000;

const JOB = { start: 1, end: NUMBERS + 1, batch_size: BATCH };
const REAL_JOB = { start: 1, end: 150_000_001, batch_size: 4_000_000 };

/** What nobody who lives owns. */
const OWNERLESS = `SELECT what, job_id, owner, state, left(of, 300) AS of FROM (
    SELECT 'segment' AS what, job_id, owner, range_start || ' to ' || range_end || ', covered ' || covered AS of FROM segments
    UNION ALL SELECT 'result', job_id, owner, range_start || ' to ' || range_end FROM journal
  ) AS owned JOIN jobs ON id = job_id WHERE owner NOT IN (SELECT epoch FROM replicas) LIMIT 5`;

const missing = (await providePostgres()) ?? (await provideNginx());

test(
  `${FAULTS} faults under three coordinators and 60 workers: every number counted once (seed ${testSeed})`,
  { skip: missing ?? false },
  async (t) => {
    await buildKernels();
    const began = performance.now();
    const say = (line: string) =>
      t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s: ${line}`);
    const expected = await undisturbed('collatz', JOB);
    const expectedReal = await undisturbed('collatz', REAL_JOB);
    const random = seededRandom('replicas');
    const acknowledged = new RangeSet();
    const cluster = await ReplicaCluster.start(t, {
      seed: testSeed,
      perSecond: RESULTS_PER_SECOND,
      batch: BATCH,
      acknowledged: (range) => acknowledged.add(range),
    });
    say('three coordinators are ready');

    const { job_id: jobId } = await cluster.ask('the job is submitted', (api) =>
      api.submit(
        { type: 'collatz', parameters: JOB, placement: { require_gpu: true } },
        { 'idempotency-key': `faults-${testSeed}` },
      ),
    );
    let done = 0n;
    let over = false;
    const look = async () => {
      const status = await cluster.ask('the job is seen', (api) => api.status(jobId));
      const now = BigInt(status.progress.done);
      assert.ok(now >= done, `done fell from ${done} to ${now}`);
      done = now;
      over ||= ['completed', 'failed', 'cancelled'].includes(status.status);
      return status.status;
    };
    const untilDone = (share: number) =>
      cluster.until(
        async () => {
          if (!over) await look();
          return over || Number(done) >= share * NUMBERS;
        },
        `${share} of the job is done`,
        END_TIMEOUT_MS,
        () => `${done} of ${NUMBERS}\n${cluster.failures.join('\n')}`,
      );

    const computed: Promise<void>[] = [];
    const realJob = async (key: string): Promise<void> => {
      const { job_id: id } = await cluster.ask('a job for real workers is submitted', (api) =>
        api.submit(
          { type: 'collatz', parameters: REAL_JOB, placement: { tags: ['computes'] } },
          { 'idempotency-key': key },
        ),
      );
      await cluster.until(
        async () => (await cluster.ask('it is seen', (api) => api.status(id))).status === 'completed',
        `${id}, for real workers, is completed`,
        END_TIMEOUT_MS,
      );
      const found = await cluster.ask('its result', (api) => api.results(id));
      assert.deepEqual(found.result, expectedReal, 'the real workers’ job');
    };

    const heldBy = (found: JobResults): RangeSet =>
      new RangeSet(found.covered.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) })));
    const nothingIsLost = async (): Promise<void> => {
      const told: readonly Range[] = acknowledged.toArray();
      const found = await cluster.ask('what is covered', (api) => api.results(jobId));
      assert.ok(!found.covered_truncated);
      const held = heldBy(found);
      for (const range of told)
        assert.ok(held.contains(range), `acknowledged and lost: ${range.start} to ${range.end}`);
    };
    /** None while the database is down. */
    const rows = (sql: string) => cluster.postgres.ask(cluster.databaseUrl, sql).catch(() => []);
    const count = async (table: string): Promise<number> => {
      const [row] = await rows(`SELECT count(*)::integer AS count FROM ${table}`);
      return typeof row?.['count'] === 'number' ? row['count'] : -1;
    };
    const settled = async (what: string, table: string, wanted: number) => {
      const from = performance.now();
      let some = '';
      const isSo = async () => {
        if ((await count(table)) === wanted) return true;
        some = JSON.stringify(await rows(`SELECT * FROM ${table} LIMIT 5`));
        return false;
      };
      await cluster.until(isSo, what, 60_000, () => some);
      return Math.round(performance.now() - from);
    };
    const everythingIsOwned = async (): Promise<void> => {
      const from = performance.now();
      let found = '[]';
      await cluster.until(
        async () => (found = JSON.stringify(await rows(OWNERLESS))) === '[]',
        'everything has an owner that lives',
        60_000,
        () => found,
      );
      const took_ms = Math.round(performance.now() - from);
      if (took_ms > 1000) say(`something had no living owner for ${took_ms} ms`);
    };

    const faults = new Faults(cluster, say);
    const running = new Set<Promise<void>>();
    for (const group of drawFaults(random, FAULTS)) {
      await untilDone(group.moment);
      while (running.size >= MOST_AT_ONCE) await Promise.race(running);
      assert.ok(!over, 'the job was over with faults to come');
      const computing = realJob(`real-${testSeed}-${computed.length}`);
      // It is waited for at the end.
      computing.catch(() => undefined);
      computed.push(computing);
      for (const fault of group.faults) {
        const healed = (async () => {
          await faults.run(fault);
          await nothingIsLost();
          await everythingIsOwned();
        })();
        const one = healed.finally(() => running.delete(one));
        running.add(one);
        one.catch(() => undefined);
      }
    }
    await Promise.all(running);
    say(`all faults are healed, with ${done} done`);
    await untilDone(1);
    while (!over) await look();
    say('the job is over');
    assert.equal(await look(), 'completed');
    assert.equal(done, BigInt(NUMBERS));
    await nothingIsLost();

    for (const one of cluster.coordinators) {
      const { api, name } = one;
      const explain = () =>
        `${name} has ended ${one.ends.length} times by itself:\n${one.output.slice(-4000)}`;
      await api.until(() => api.ready(), `${name} is ready at the end`, 60_000, explain);
      const found = await api.results(jobId);
      assert.deepEqual(found.covered, [{ start: '1', end: String(NUMBERS + 1) }], name);
      assert.equal(found.result?.['count'], String(NUMBERS), name);
      assert.deepEqual(found.result, expected, name);
    }
    await Promise.all(computed);
    say(`the real workers completed ${computed.length} jobs`);

    // What a killed worker held was computed by another one; that result stays apart for as long as the first one's token
    // is good, five minutes, unless the coordinator that remembers the lease ends.
    await Promise.all(
      cluster.coordinators.map(async (one) => {
        await one.end('SIGTERM');
        one.mayStart();
      }),
    );
    const folded_ms = await settled('no segment is open', 'segments', 0);
    await settled('the journal is empty', 'journal', 0);
    await settled('the dead are gone', 'replicas', cluster.coordinators.length);
    say(`all coordinators were restarted; all was folded ${folded_ms} ms later`);

    const tally = new Tally();
    let crowds = '';
    const areAllConnected = async () => {
      const asked = await Promise.all(cluster.crowds.map((crowd) => crowd.ask()));
      crowds = asked
        .map(({ connected, tally: of }) => `${connected} ${JSON.stringify([...of.ends])}`)
        .join('\n');
      return asked.reduce((sum, { connected }) => sum + connected, 0) === SIMULATED_WORKERS;
    };
    await cluster.until(
      areAllConnected,
      'all simulated workers are connected at the end',
      60_000,
      () => `${crowds}\n${cluster.nginx.output.slice(-2000)}`,
    );
    for (const crowd of cluster.crowds) tally.merge((await crowd.ask()).tally.state());
    for (const { name, process: worker } of cluster.realWorkers) {
      assert.ok(worker.running, `${name} ended:\n${worker.output}`);
      await cluster.coordinators[0]?.api.worker(name);
    }
    assert.deepEqual(cluster.failures, []);
    say(`workers: ${JSON.stringify({ counts: tally.counts, errors: Object.fromEntries(tally.errors) })}`);

    const ends = cluster.coordinators.flatMap((one) => one.ends);
    for (const { name, code, signal } of ends) say(`${name} ended by itself: ${code ?? signal ?? '?'}`);
    for (const { output, name } of cluster.coordinators)
      assert.equal(/.*something open.*/.exec(output)?.[0], undefined, `${name} closes everything`);
    // One that starts while the database goes away ends, and is started again: it has said nothing else before.
    const couldNotStart = /^[^\n]*(?:the database|PostgreSQL at [^ ]+) does not answer/;
    for (const { name, code, output } of ends)
      assert.ok(
        code === 75 || (code === 1 && couldNotStart.test(output)),
        `${name} ended by ${code ?? '?'}:\n${output}`,
      );

    const killed: number[] = [];
    for (const silence of faults.silences) {
      const { kind, coordinator, lasts_ms } = silence;
      const after = takeOverAfter(silence, cluster.coordinators);
      if (after !== undefined && kind === 'coordinator killed') killed.push(after);
      say(
        `${coordinator.name}, ${kind} for ${Math.round(lasts_ms)} ms: taken over after ${after === undefined ? '-' : `${after} ms`}`,
      );
    }
    if (killed.length > 0) {
      const sorted = killed.toSorted((a, b) => a - b);
      say(
        `take-over of a killed coordinator: median ${sorted[Math.floor(sorted.length / 2)] ?? 0} ms, longest ${sorted.at(-1) ?? 0} ms`,
      );
    }
  },
);
