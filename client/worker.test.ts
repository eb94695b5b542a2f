/** The real loop and the real CPU engine against a scripted coordinator, under virtual time. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { KernelFault } from '../protocol/workload.ts';
import { rangeLength } from '../protocol/range.ts';
import type { Fault } from '../tests/scripted-coordinator.ts';
import { Chance } from '../tests/simulation/chance.ts';
import { answer, counted, requests, ROOTS, SPEED, startWorld } from '../tests/worker-world.ts';
import type { Engine } from './engines/engine.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const FULL = process.env['TEST_FULL'] === '1';

suite(`the worker loop (TEST_SEED=${seed})`, () => {
  test('a whole job: exact, no gaps, at most two leases, batches of the measured rate asked for', async () => {
    const world = startWorld();
    const { server, worker, clock } = world;
    await world.until(() => server.leases.length > 0, 'a lease');
    const begun_ms = clock.elapsed();
    await world.until(() => server.complete, 'the job is done');
    const took_ms = clock.elapsed() - begun_ms;
    assert.equal(counted(server).text, answer);
    assert.equal(server.mostLeases, 2);
    const ideal_ms = ROOTS / (2 * SPEED);
    assert.ok(took_ms < ideal_ms * 1.02, `${took_ms} ms instead of ${ideal_ms}`);
    await world.until(() => worker.status().batches_accepted === 6, 'the last acknowledgement');
    assert.equal(worker.status().units_accepted, BigInt(ROOTS));
    const rates = requests(world, 'lease').map(
      ({ body }) => (body as { rate_per_second: number }).rate_per_second,
    );
    assert.ok(Math.abs((rates.at(-1) ?? 0) - 2000 * SPEED) < 40, `rate ${rates.at(-1)}`);
    await Promise.all([worker.stop(), world.until(() => world.ended !== undefined, 'the end')]);
    assert.equal(world.ended?.kind, 'stopped');
  });

  test('lost requests, lost acknowledgements, refusals, cuts and silence: every number is counted once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.double({ min: 0.02, max: 0.3, noNaN: true }),
        async (chanceSeed, rate) => {
          const chance = new Chance(String(chanceSeed));
          const world = startWorld({ random: chance.unit, leaseLength: BigInt(chance.whole(500, 12_000)) });
          const { server } = world;
          const faults: readonly Fault[] = [
            'lost',
            'ack lost',
            'cut',
            { refuse: 'store_unavailable' },
            { refuse: 'not_ready' },
            { answer: 'garbage' },
            { answer: { ok: true, value: { nonsense: 1 } } },
          ];
          server.fault = (name) => {
            // A lease whose answer is lost stays out: only the real coordinator takes it back by time.
            if (name === 'lease') return chance.chance(rate) ? 'lost' : undefined;
            return chance.chance(rate) ? chance.pick(faults) : undefined;
          };
          const disturb = () => {
            if (chance.chance(0.5)) server.cut();
            server.refusal = chance.chance(0.3)
              ? chance.pick(['unreachable', 'not_ready', 'node_id_in_use'])
              : undefined;
            world.clock.setTimer(chance.exponential(8000), disturb);
          };
          world.clock.setTimer(5000, disturb);
          await world.until(() => server.complete, `the job is done (seed ${chanceSeed}, rate ${rate})`);
          assert.equal(counted(server).text, answer);
          // Two that are computed, and results that wait for their acknowledgement.
          assert.ok(server.mostLeases <= 6, `${server.mostLeases} leases at once`);
        },
      ),
      { seed, numRuns: FULL ? 300 : 8 },
    );
  });

  test('a coordinator that is away for long costs nothing: what is held is computed and handed in', async () => {
    const world = startWorld();
    const { server } = world;
    await world.until(() => world.worker.status().leases_held === 1, 'a lease');
    server.refusal = 'unreachable';
    server.cut();
    await world.pass(120_000);
    assert.equal(world.worker.status().state, 'connecting');
    const tries = server.hellos.slice(1).map(({ at_ms }) => at_ms);
    const waits = tries.slice(1).map((at_ms, index) => at_ms - (tries[index] ?? 0));
    assert.ok(waits.length > 4 && waits.length < 20, `${waits.length} tries in two minutes`);
    assert.ok((waits.at(-1) ?? 0) > 20_000, 'the waits grow');
    server.refusal = undefined;
    await world.until(() => server.accepted.size > 0, 'the result arrives');
    assert.deepEqual(server.hellos.at(-1)?.hello.leases, ['lease-1']);
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });

  test('a worker of another version that comes back hands in what it has, and is told to go', async () => {
    const world = startWorld();
    const { server } = world;
    await world.until(() => server.leases.length === 2, 'two leases');
    await world.pass(500);
    server.refusal = 'unreachable';
    server.cut();
    await world.until(() => world.worker.status().leases_held === 0, 'what is held is computed');
    server.refusal = 'protocol_mismatch';
    await world.until(() => world.ended !== undefined, 'the end');
    assert.equal(world.ended?.kind, 'protocol_mismatch');
    assert.deepEqual(server.leases, [], 'nothing is out any more');
    assert.ok(counted(server).units > 0n, 'and what was computed is counted');
  });

  test('another protocol version ends the worker with the reason; a name in use does not', async () => {
    const world = startWorld();
    world.server.refusal = 'node_id_in_use';
    await world.pass(60_000);
    assert.equal(world.ended, undefined);
    assert.ok(world.server.hellos.length > 3);
    world.server.refusal = 'protocol_mismatch';
    await world.until(() => world.ended !== undefined, 'the end');
    assert.deepEqual(world.ended, { kind: 'protocol_mismatch', message: 'refused: protocol_mismatch' });
    const tries = world.server.hellos.length;
    await world.pass(120_000);
    assert.equal(world.server.hellos.length, tries);
  });

  test('a refused result is thrown away with the reason logged, or sent again where that may help', async () => {
    const world = startWorld();
    const { server } = world;
    let submits = 0;
    server.fault = (name) => {
      if (name !== 'submit') return undefined;
      submits++;
      if (submits === 1) return { refuse: 'lease_expired' };
      return submits < 5 ? { refuse: 'store_unavailable' } : undefined;
    };
    await world.until(() => server.accepted.size === 5, 'the other batches are counted');
    assert.equal(world.worker.status().batches_refused, 1);
    assert.ok(world.logged.some((line) => line.includes('thrown away') && line.includes('lease_expired')));
    const tokens = requests(world, 'submit').map(({ body }) => (body as { token: string }).token);
    assert.deepEqual(tokens.slice(0, 2), ['lease-1', 'lease-2']);
    assert.equal(tokens.filter((token) => token === 'lease-2').length, 4);
  });

  test('short batches: the next lease comes with the acknowledgement, and one that comes too late goes back', async () => {
    const world = startWorld({ leaseLength: 100n });
    const { server } = world;
    await world.until(() => server.accepted.size >= 200, 'two hundred batches');
    const asked = requests(world, 'lease').length;
    assert.ok(asked <= 5, `${asked} leases asked for one by one`);
    let late: string | undefined;
    server.fault = (name, body) => {
      if (name !== 'submit' || late !== undefined || (body as { next?: object }).next === undefined)
        return undefined;
      late = (body as { token: string }).token;
      return { delay_ms: 40_000 };
    };
    await world.until(() => server.released.length > 0, 'a lease comes after it was given up');
    assert.ok(
      world.logged.some(
        (line) => line.includes(`"lease_id":"${late}"`) && line.includes('no answer to submit'),
      ),
    );
    assert.equal(server.released[0]?.reason, 'stopping');
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });

  test('a revoked lease is dropped at once, and the worker goes on with the next', async () => {
    const world = startWorld();
    const { server } = world;
    await world.until(() => server.leases.length > 0, 'a lease');
    await world.pass(500);
    server.notice('revoke', { lease_ids: ['lease-1'] });
    await world.until(() => server.leases.length > 1, 'the next lease');
    assert.ok(world.clock.elapsed() < 2000);
    await world.until(() => server.accepted.size === 5, 'all others');
    assert.ok(!server.accepted.has('lease-1'));
  });

  test('a heartbeat’s answer revokes, too; heartbeats come in time and say what is done', async () => {
    const world = startWorld();
    const { server } = world;
    server.heartbeat_ms = 1000;
    let revoke: string[] = [];
    server.fault = (name) =>
      name === 'heartbeat' ? { answer: { ok: true, value: { revoked: revoke } } } : undefined;
    await world.until(() => requests(world, 'heartbeat').length === 4, 'heartbeats');
    const beats = requests(world, 'heartbeat').slice(1);
    assert.deepEqual(
      beats.slice(1).map(({ at_ms }, index) => at_ms - (beats[index]?.at_ms ?? 0)),
      [1000, 1000],
    );
    const last = beats.at(-1)?.body as { state: string; busy_fraction: number; leases: { done: string }[] };
    assert.equal(last.state, 'computing');
    assert.ok(last.busy_fraction > 0.9);
    assert.ok(Number(last.leases[0]?.done) > 1000);
    revoke = ['lease-1'];
    await world.until(() => server.leases.length > 1, 'another lease');
  });

  test('a coordinator that stops answering is left and dialled again', async () => {
    const world = startWorld();
    const { server } = world;
    server.heartbeat_ms = 1000;
    await world.until(() => server.leases.length > 0, 'a lease');
    server.fault = () => 'lost';
    await world.until(() => server.hellos.length === 2, 'a second connection');
    server.fault = () => undefined;
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });

  test('told that the coordinator stops, it asks for nothing more and comes back after that time', async () => {
    const world = startWorld();
    const { server, clock } = world;
    await world.until(() => server.leases.length > 0, 'a lease');
    server.notice('drain', { reconnect_after_ms: 20_000 });
    await world.pass(100);
    const leases = requests(world, 'lease').length;
    await world.until(() => server.accepted.size === 1, 'the batch is handed in');
    const cut_ms = clock.now();
    server.cut();
    await world.until(() => server.hellos.length === 2, 'it is back');
    assert.equal(requests(world, 'lease').length, leases);
    const away_ms = (server.hellos[1]?.at_ms ?? 0) - cut_ms;
    assert.ok(away_ms >= 20_000 && away_ms <= 30_000, `${away_ms} ms`);
    await world.until(() => server.complete, 'the job is done');
  });

  test('stopped, it hands back what is done and gives back the rest, within 2 s', async () => {
    const world = startWorld();
    const { server, clock, worker } = world;
    await world.until(() => server.leases.length === 2, 'two leases');
    const [current, next] = server.leases;
    const stopped_ms = clock.now();
    void worker.stop();
    await world.until(() => world.ended !== undefined, 'the end');
    assert.ok(clock.now() - stopped_ms < 2000, `${clock.now() - stopped_ms} ms`);
    const part = server.accepted.get(current ?? '');
    assert.ok(
      part !== undefined && rangeLength(part.range) > 0n && rangeLength(part.range) < server.leaseLength,
    );
    assert.deepEqual(server.released, [{ lease_id: next, reason: 'stopping' }]);
    assert.equal(server.leases.length, 0);
    assert.ok(!server.connected);
    // Another worker can take up exactly what is left.
    const { units } = counted(server);
    assert.ok(units > 0n && units < BigInt(ROOTS));
  });

  test('stopped while the coordinator is away, or during the self-test, it ends within 2 s as well', async () => {
    const away = startWorld();
    await away.until(() => away.server.leases.length > 0, 'a lease');
    away.server.refusal = 'unreachable';
    away.server.cut();
    await away.pass(3000);
    const stopped_ms = away.clock.now();
    void away.worker.stop();
    await away.until(() => away.ended !== undefined, 'the end');
    assert.ok(away.clock.now() - stopped_ms < 2000);

    const early = startWorld();
    void early.worker.stop();
    await early.until(() => early.ended !== undefined, 'the end');
    assert.equal(early.ended?.kind, 'stopped');
    assert.equal(early.server.hellos.length, 0);
  });

  test('a kernel that fails costs its lease, with the reason, and the worker waits longer each time', async () => {
    const world = startWorld();
    const { server } = world;
    await world.until(() => server.accepted.size > 0, 'the kernel is proven');
    world.failWith = new KernelFault('broken');
    await world.until(() => server.released.length === 5, 'leases come back');
    assert.deepEqual([...new Set(server.released.map(({ reason }) => reason))], ['failed']);
    const asked = requests(world, 'lease').map(({ at_ms }) => at_ms);
    const gaps = asked.slice(1).map((at_ms, index) => at_ms - (asked[index] ?? 0));
    assert.ok((gaps.at(-1) ?? 0) > 5000, `waits ${gaps.join(', ')}`);
    world.failWith = undefined;
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });

  test('a device that computes wrongly gets no work and says why', async () => {
    const lying = (engine: Engine): Engine => ({
      kind: engine.kind,
      device: engine.device,
      given_up: engine.given_up,
      busy_ms: () => engine.busy_ms(),
      recovering: engine.recovering,
      hold: () => engine.hold(),
      go: () => engine.go(),
      halt: () => engine.halt(),
      close: () => engine.close(),
      start: (batch) => {
        const run = engine.start(batch);
        const empty = batch.workload.empty(batch.parameters);
        return { ...run, batch, ended: run.ended, prefix: () => ({ ...run.prefix(), aggregate: empty }) };
      },
    });
    const world = startWorld({ engine: lying });
    await world.until(() => world.ended !== undefined, 'the end');
    assert.equal(world.ended?.kind, 'unfit');
    assert.match(world.ended?.message ?? '', /gets no work: self-test, .*wrongly/);
    assert.equal(world.server.accepted.size, 0);
    assert.equal(requests(world, 'submit').length, 0);
    assert.deepEqual(world.server.released, [{ lease_id: 'lease-1', reason: 'stopping' }]);
  });

  test('a kernel is proven once, before its first batch; a device that is lost on the way has told nothing', async () => {
    const begun: string[] = [];
    let losses = 1;
    const watched = (engine: Engine): Engine => ({
      kind: engine.kind,
      device: engine.device,
      given_up: engine.given_up,
      busy_ms: () => engine.busy_ms(),
      recovering: engine.recovering,
      hold: () => engine.hold(),
      go: () => engine.go(),
      halt: () => engine.halt(),
      close: () => engine.close(),
      start: (batch) => {
        begun.push(batch.id);
        const run = engine.start(batch);
        if (!batch.id.startsWith('probe') || losses-- <= 0) return run;
        run.abandon();
        return { ...run, batch, ended: Promise.resolve({ how: 'device_lost', message: 'gone' }) };
      },
    });
    const world = startWorld({ engine: watched });
    await world.until(() => world.server.complete, 'the job is done');
    assert.equal(counted(world.server).text, answer);
    assert.deepEqual(
      begun.slice(0, 3).map((id) => id.startsWith('probe')),
      [true, true, false],
    );
    assert.equal(begun.filter((id) => id.startsWith('probe')).length, 2);
    assert.deepEqual(world.server.released, [{ lease_id: 'lease-1', reason: 'device_lost' }]);
  });

  test('a device that is given up on: its leases go back, and the worker ends with the reason', async () => {
    let giveUp: (reason: string) => void = () => undefined;
    const given_up = new Promise<string>((resolve) => {
      giveUp = resolve;
    });
    const world = startWorld({
      engine: (engine) => ({
        kind: engine.kind,
        device: engine.device,
        given_up,
        busy_ms: () => engine.busy_ms(),
        recovering: engine.recovering,
        hold: () => engine.hold(),
        go: () => engine.go(),
        halt: () => engine.halt(),
        close: () => engine.close(),
        start: (batch) => engine.start(batch),
      }),
    });
    await world.until(() => world.worker.status().leases_held > 0, 'a lease');
    giveUp('the GPU is gone');
    await world.until(() => world.ended !== undefined, 'the end');
    assert.deepEqual(world.ended, { kind: 'device_lost', message: 'the GPU is gone' });
    assert.deepEqual(world.server.released, [{ lease_id: 'lease-1', reason: 'device_lost' }]);
  });

  test('without work it asks again when told, and now and then by itself', async () => {
    const world = startWorld({ leaseLength: BigInt(ROOTS) });
    const { server } = world;
    await world.until(() => server.complete, 'the job is done');
    const before = requests(world, 'lease').length;
    await world.pass(20_000);
    const alone = requests(world, 'lease').length - before;
    assert.ok(alone >= 6 && alone <= 14, `asked ${alone} times in 20 s, told to wait for 2 s`);
    assert.equal(world.worker.status().state, 'idle');
    const told_ms = world.clock.now();
    server.notice('work', {});
    await world.until(() => (requests(world, 'lease').at(-1)?.at_ms ?? 0) >= told_ms, 'it asks');
    assert.ok(world.clock.now() - told_ms < 50);
  });

  test('a lease for a workload that it has no code for goes back with the reason', async () => {
    const world = startWorld();
    const { server } = world;
    server.fault = (name) => {
      if (name !== 'lease' || requests(world, 'lease').length > 1) return undefined;
      const lease = {
        lease_id: 'x',
        token: 'x',
        job_id: 'j',
        type: 'unknown',
        workload_version: 1,
        parameters: {},
        start: '0',
        end: '1',
        tile_length: '1',
        kernels: { gpu: 'a'.repeat(64), cpu: 'a'.repeat(64) },
        expires_at: new Date(0).toISOString(),
      };
      return { answer: { ok: true, value: { lease, retry_after_ms: 0 } } };
    };
    await world.until(() => requests(world, 'release').length > 0, 'a release');
    const body = requests(world, 'release')[0]?.body as { reason: string; message: string };
    assert.equal(body.reason, 'failed');
    assert.match(body.message, /no code for unknown version 1/);
    await world.until(() => server.complete, 'the job is done');
  });
});
