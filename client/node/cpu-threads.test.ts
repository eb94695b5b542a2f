/** The CPU engine on real worker_threads, some of which die. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encoded, expected, makeBatch } from '../../tests/batches.ts';
import { KernelFault } from '../../protocol/workload.ts';
import { cpuProgram, CpuEngine } from '../engines/cpu.ts';
import { CpuPool, ThreadDied } from '../engines/cpu-pool.ts';
import { Duty } from '../engines/duty.ts';
import { inlineThread } from '../engines/cpu-thread.ts';
import { nodeCpuPool, nodeCpuThread } from './cpu-threads.ts';
import { nodeRuntime } from './node-runtime.ts';

const device = {
  description: 'test',
  vendor: null,
  backend: null,
  software: false,
  gpu_memory_mb: null,
  threads: 2,
};
const cpuEngine = (pool: CpuPool) =>
  new CpuEngine({ kind: 'cpu', device, pool, duty: new Duty(nodeRuntime()) });
/** Dies of the n-th message that it gets, like a thread that runs out of memory. */
const dyingThread = (n: number) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      let count = 0;
      const { ThreadBody } = await import(${JSON.stringify(new URL('../engines/cpu-thread.ts', import.meta.url).href)});
      const body = new ThreadBody(() => performance.now());
      let before = Promise.resolve();
      parentPort.on('message', (request) => {
        before = before.then(async () => {
          if (++count === ${n}) process.exit(9);
          const reply = await body.handle(request);
          if (reply !== undefined) parentPort.postMessage(reply);
        });
      });`)}`,
  );

suite('the CPU engine on worker_threads', () => {
  test('two batches at once on two threads: exact, and the second has begun when the first ends', async () => {
    const asked: string[] = [];
    const pool = new CpuPool(() => {
      const thread = nodeCpuThread();
      return { ...thread, run: (program, range) => (asked.push(program.key), thread.run(program, range)) };
    }, 2);
    const engine = cpuEngine(pool);
    const first = engine.start(makeBatch('thread', { thread_count: 20_000 }, { id: 'a', tileLength: 100n }));
    const next = makeBatch('thread', { thread_count: 20_000, seed: '3' }, { id: 'b', tileLength: 100n });
    const second = engine.start(next);
    assert.deepEqual(await first.ended, { how: 'finished' });
    assert.ok(asked.includes(cpuProgram(next).key), 'no thread waited for the last tile of the first batch');
    assert.deepEqual(await second.ended, { how: 'finished' });
    for (const run of [first, second]) {
      assert.equal(encoded(run.batch, run.prefix().aggregate), await expected(run.batch));
    }
    assert.ok(engine.busy_ms() >= first.prefix().compute_ms);
    await engine.close();
  });

  test('a thread that dies is replaced and its tiles are computed again', async () => {
    let spawned = 0;
    const pool = new CpuPool(() => nodeCpuThread(spawned++ === 0 ? dyingThread(2) : undefined), 2);
    const engine = cpuEngine(pool);
    const batch = makeBatch('thread', { thread_count: 100_000 }, { tileLength: 50n });
    const run = engine.start(batch);
    assert.deepEqual(await run.ended, { how: 'finished' });
    assert.equal(encoded(batch, run.prefix().aggregate), await expected(batch));
    assert.equal(pool.crashes, 1);
    assert.equal(spawned, 3);
    await engine.close();
  });

  test('a tile that three threads die of fails its batch, with the reason', async () => {
    const pool = new CpuPool(() => nodeCpuThread(dyingThread(1)), 1);
    const engine = cpuEngine(pool);
    const run = engine.start(makeBatch('thread', { thread_count: 5000 }, { tileLength: 5000n }));
    const end = await run.ended;
    assert.equal(end.how, 'failed');
    assert.match(end.how === 'failed' ? end.message : '', /3 threads died.*ended with code 9/);
    assert.ok(pool.crashes >= 3);
    await engine.close();
  });

  test('a thread’s module that can’t be loaded fails the batch, too', async () => {
    const missing = new URL('./no-such-thread.ts', import.meta.url);
    const engine = cpuEngine(new CpuPool(() => nodeCpuThread(missing), 2));
    const end = await engine.start(makeBatch('thread', {}, { tileLength: 100n })).ended;
    assert.equal(end.how, 'failed');
    await engine.close();
  });

  test('a kernel that traps fails, and the thread goes on with others', async () => {
    const pool = nodeCpuPool(1);
    const batch = makeBatch('thread', {}, { tileLength: 100n });
    const good = cpuProgram(batch);
    // (module (func (export "parameters") (param i32) (result i32) unreachable))
    const bytes = '0061736d0100000001060160017f017f03020100070e010a706172616d657465727300000a05010300000b';
    const bad = {
      ...good,
      key: 'bad',
      wasm: { sha256: 'bad', bytes: new Uint8Array(Buffer.from(bytes, 'hex')) },
    };
    for (let i = 0; i < 2; i++) {
      await assert.rejects(pool.run(bad, { start: 0n, end: 10n }), (error) => {
        return error instanceof KernelFault && /unreachable/.test(error.message);
      });
      assert.ok((await pool.run(good, { start: 0n, end: 10n })).words.length > 0);
    }
    assert.equal(pool.crashes, 0);
    await pool.close();
  });

  test('more programs than a thread keeps: each is brought again when it is needed', async () => {
    for (const pool of [nodeCpuPool(1), new CpuPool(() => inlineThread(() => performance.now()), 1)]) {
      const batches = Array.from({ length: 7 }, (_, seed) =>
        makeBatch('thread', { thread_count: 50, seed: String(seed) }, { tileLength: 50n }),
      );
      for (const batch of [...batches, ...batches]) {
        const { workload, parameters, range } = batch;
        const { words } = await pool.run(cpuProgram(batch), range);
        assert.equal(encoded(batch, workload.decodeCpu(parameters, range, words)), await expected(batch));
      }
      await pool.close();
    }
  });

  test('stopped, it hands back an exact prefix; closed, it computes no more', async (t) => {
    const pool = nodeCpuPool(2);
    const engine = cpuEngine(pool);
    const batch = makeBatch('thread', { thread_count: 2 ** 30 }, { tileLength: 4096n });
    const run = engine.start(batch);
    while (run.prefix().end === 0n) await new Promise((resolve) => void setImmediate(resolve));
    run.stop();
    const begun_ms = performance.now();
    assert.deepEqual(await run.ended, { how: 'stopped' });
    t.diagnostic(`stopped in ${Math.round(performance.now() - begun_ms)} ms`);
    const { end, aggregate } = run.prefix();
    assert.equal(encoded(batch, aggregate), await expected(batch, { start: 0n, end }));
    await engine.close();
    await assert.rejects(pool.run(cpuProgram(batch), { start: 0n, end: 1n }), ThreadDied);
  });
});
