/** Pause, intensity and what a worker says of its batches: the real loop and engine under virtual time. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { rangeLength } from '../protocol/range.ts';
import { heartbeat } from '../protocol/messages.ts';
import { answer, counted, requests, ROOTS, startWorld } from '../tests/worker-world.ts';
import type { World } from '../tests/worker-world.ts';

const lastBeat = (world: World) => heartbeat.parse(requests(world, 'heartbeat').at(-1)?.body);

suite('a worker that is paused', () => {
  test('a short pause keeps the lease, computes nothing and loses nothing', async () => {
    const world = startWorld();
    const { server, worker } = world;
    server.heartbeat_ms = 1000;
    await world.until(() => server.leases.length > 0, 'a lease');
    await world.pass(1000);
    worker.pause();
    await world.pass(500);
    const done = worker.status().batches[0]?.done ?? 0;
    const asked = requests(world, 'lease').length;
    assert.ok(done > 0 && done < 1);
    assert.equal(worker.status().state, 'paused');
    await world.pass(50_000);
    assert.equal(worker.status().batches[0]?.done, done);
    assert.equal(requests(world, 'lease').length, asked);
    assert.equal(lastBeat(world).state, 'paused');
    assert.equal(lastBeat(world).busy_fraction, 0);
    assert.deepEqual(
      lastBeat(world).leases.map(({ lease_id }) => lease_id),
      ['lease-1'],
    );
    assert.deepEqual(server.released, []);
    worker.resume();
    await world.pass(10);
    assert.equal(lastBeat(world).state, 'computing');
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
    assert.equal(server.accepted.get('lease-1')?.range.end, server.leaseLength);
  });

  test('a long pause hands back: what is done as a result, the rest as a release; it takes none until it goes on', async () => {
    const world = startWorld();
    const { server, worker } = world;
    await world.until(() => worker.status().leases_held === 2, 'two leases');
    worker.pause();
    await world.pass(59_000);
    assert.equal(server.leases.length, 2);
    await world.until(() => server.leases.length === 0, 'nothing is leased any more');
    await world.pass(1000);
    const part = server.accepted.get('lease-1');
    assert.ok(part !== undefined && rangeLength(part.range) < server.leaseLength);
    assert.deepEqual(server.released, [{ lease_id: 'lease-2', reason: 'paused' }]);
    assert.deepEqual(
      worker.status().batches.map(({ state }) => state),
      ['handed back', 'handed back'],
    );
    server.notice('work', {});
    await world.pass(60_000);
    assert.equal(server.leases.length, 0);
    assert.ok(server.connected);
    worker.resume();
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });

  test('a lease that comes while it is paused goes back at once', async () => {
    const world = startWorld();
    const { server, worker } = world;
    server.fault = (name) => (name === 'lease' ? { delay_ms: 2000 } : undefined);
    await world.until(() => requests(world, 'lease').length > 0, 'it asks');
    worker.pause();
    await world.until(() => server.released.length > 0, 'the lease goes back');
    assert.deepEqual(server.released, [{ lease_id: 'lease-1', reason: 'paused' }]);
  });

  test('it can be paused before it has connected, and stopped while it is paused', async () => {
    const world = startWorld();
    world.worker.pause();
    await world.pass(5000);
    assert.equal(world.server.hellos.length, 1, 'the coordinator sees a paused worker');
    assert.equal(requests(world, 'lease').length, 0);
    world.worker.resume();
    await world.until(() => world.server.leases.length > 0, 'a lease');
    await world.pass(500);
    world.worker.pause();
    await world.pass(500);
    const stopped_ms = world.clock.now();
    void world.worker.stop();
    await world.until(() => world.ended !== undefined, 'the end');
    assert.ok(world.clock.now() - stopped_ms < 200);
    assert.ok(world.server.accepted.has('lease-1'));
    assert.equal(world.server.leases.length, 0);
  });

  test('a coordinator that restarts during the pause gets the held lease named, and the result after it', async () => {
    const world = startWorld();
    const { server, worker } = world;
    await world.until(() => worker.status().leases_held > 0, 'a lease');
    worker.pause();
    server.cut();
    await world.until(() => server.hellos.length === 2, 'it is back');
    assert.deepEqual(server.hellos[1]?.hello.leases, ['lease-1']);
    worker.resume();
    await world.until(() => server.complete, 'the job is done');
    assert.equal(counted(server).text, answer);
  });
});

suite('a worker with an intensity', () => {
  test('at a fifth it takes five times as long, says so by its rate, and heartbeats tell the share', async () => {
    const world = startWorld();
    const { server, duty } = world;
    server.heartbeat_ms = 5000;
    duty.share = 0.2;
    await world.until(() => server.leases.length > 0, 'a lease');
    const begun_ms = world.clock.elapsed();
    await world.until(() => server.accepted.size === 3, 'three batches');
    const took_ms = world.clock.elapsed() - begun_ms;
    assert.ok(took_ms > 70_000 && took_ms < 80_000, `${took_ms} ms for what takes 15 s`);
    const { busy_fraction, rate_per_second } = lastBeat(world);
    assert.ok(Math.abs(busy_fraction - 0.2) < 0.03, `${busy_fraction}`);
    assert.ok(Math.abs(rate_per_second - 400) < 20, `${rate_per_second}`);
    duty.share = 1;
    await world.until(() => server.complete, 'the job is done');
    assert.ok(world.clock.elapsed() - begun_ms < 75_000 + (ROOTS / 2000) * 1000);
    assert.equal(counted(server).text, answer);
  });

  test('the last batches are told, the newest first, each with what became of it', async () => {
    const world = startWorld({ leaseLength: 3000n });
    const { server, worker } = world;
    let submits = 0;
    server.fault = (name) => (name === 'submit' && ++submits === 2 ? { refuse: 'lease_expired' } : undefined);
    await world.until(() => server.accepted.size === 4, 'four batches');
    const { batches } = worker.status();
    const states = batches.map(({ lease_id, state }) => `${lease_id} ${state}`);
    assert.ok(states.includes('lease-1 accepted') && states.includes('lease-2 refused'), states.join(', '));
    assert.equal(batches.find(({ lease_id }) => lease_id === 'lease-1')?.done, 1);
    assert.ok((batches.find(({ lease_id }) => lease_id === 'lease-1')?.took_ms ?? 0) > 1000);
    await world.until(() => server.accepted.size === 12, 'more than are told');
    assert.equal(worker.status().batches.length, 8);
  });
});
