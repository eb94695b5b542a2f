/** The real worker loop and the real CPU engine under virtual time, with a scripted coordinator. */
import assert from 'node:assert/strict';
import type { CpuThread } from '../client/engines/cpu-pool.ts';
import { CpuPool } from '../client/engines/cpu-pool.ts';
import { CpuEngine } from '../client/engines/cpu.ts';
import { Duty } from '../client/engines/duty.ts';
import type { Engine } from '../client/engines/engine.ts';
import type { WorkerEnd } from '../client/worker-status.ts';
import { Worker } from '../client/worker.ts';
import { rangeLength } from '../protocol/range.ts';
import { CpuProgram } from '../shaders/lib/cpu-kernel.ts';
import { encoded, expected, libraryOf, loadedKernel, makeBatch } from './batches.ts';
import { ScriptedCoordinator } from './scripted-coordinator.ts';
import { VirtualClock } from './simulation/clock.ts';

/** Units per virtual millisecond and thread. */
export const SPEED = 1;
const HOUR_MS = 3_600_000;
export const ROOTS = 60_000;
export const job = makeBatch('thread', { thread_count: ROOTS, max_depth: 2 }, { tileLength: 50n });
export const answer = await expected(job);
const programs = new Map<string, CpuProgram>();
const samples = job.workload.samples.map((sample) => job.workload.parameters.parse(sample.parameters));
for (const parameters of [job.parameters, ...samples]) {
  const words = job.workload.parameterWords(parameters);
  const { sha256, bytes } = job.kernels.cpu;
  programs.set(`${sha256} ${words.join(' ')}`, await CpuProgram.load(bytes, words));
}

export interface World {
  readonly clock: VirtualClock;
  readonly server: ScriptedCoordinator;
  readonly worker: Worker;
  readonly duty: Duty;
  readonly logged: string[];
  /** Makes every kernel call from now on fail like this. */
  failWith: Error | undefined;
  ended: WorkerEnd | undefined;
  /** Runs virtual time until `done`; fails the test if it takes longer than an hour. */
  until(done: () => boolean, what: string): Promise<void>;
  pass(ms: number): Promise<void>;
}

export function startWorld(
  options: { leaseLength?: bigint; random?: () => number; engine?: (engine: Engine) => Engine } = {},
): World {
  const clock = new VirtualClock();
  const server = new ScriptedCoordinator(clock, job, options.leaseLength ?? 10_000n);
  const logged: string[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const runtime = {
    now: () => clock.now(),
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms, fire),
    random: options.random ?? (() => 0.5),
  };
  const duty = new Duty(runtime);
  const cpu = new CpuEngine({
    kind: 'cpu',
    device: {
      description: 'virtual',
      vendor: null,
      backend: null,
      software: false,
      gpu_memory_mb: null,
      threads: 2,
    },
    pool: new CpuPool(() => virtualThread(clock, () => world.failWith), 2),
    duty,
  });
  const worker = new Worker({
    identity: {
      node_id: 'node-1',
      session: '0123456789abcdef'.repeat(2),
      host: 'node',
      software: 'test',
      tags: ['a'],
      priority: 0,
      health_url: null,
    },
    engine: options.engine?.(cpu) ?? cpu,
    transport: server,
    kernels: {
      index: () => Promise.resolve(libraryOf('thread').index),
      load: (sha256) => Promise.resolve(loadedKernel('thread', sha256)),
    },
    runtime,
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    workloads: new Map([['thread', job.workload]]),
    handBack: (body) => Promise.resolve(server.handBack(body)),
  });
  const world: World = {
    clock,
    server,
    worker,
    duty,
    logged,
    failWith: undefined,
    ended: undefined,
    async until(done, what) {
      assert.ok(
        await clock.run(done, clock.elapsed() + HOUR_MS),
        `never happened: ${what}\n${logged.slice(-5).join('\n')}`,
      );
    },
    async pass(ms) {
      let over = false;
      clock.setTimer(ms, () => {
        over = true;
      });
      await clock.run(() => over, Infinity);
    },
  };
  void worker.finished.then((end) => {
    world.ended = end;
  });
  return world;
}

/** Answers are computed at once and come when a thread of this speed would have had them. */
function virtualThread(clock: VirtualClock, failure: () => Error | undefined): CpuThread {
  let free_at = 0;
  return {
    run(program, range) {
      const elapsed_ms = Number(rangeLength(range)) / SPEED;
      free_at = Math.max(free_at, clock.now()) + elapsed_ms;
      return new Promise((resolve, reject) => {
        clock.setTimer(free_at - clock.now(), () => {
          const loaded = programs.get(program.key);
          const error = failure();
          if (error !== undefined) reject(error);
          else if (loaded === undefined) reject(new Error('the test did not load this program'));
          else resolve({ words: loaded.run(range), elapsed_ms });
        });
      });
    },
    forget: () => undefined,
    terminate: () => Promise.resolve(),
  };
}

/** The fold of all that was counted, which must be disjoint. */
export function counted(server: ScriptedCoordinator): { text: string; units: bigint } {
  const { workload, parameters } = job;
  let total = workload.empty(parameters);
  let units = 0n;
  const sorted = [...server.accepted.values()].sort((a, b) => (a.range.start < b.range.start ? -1 : 1));
  let end = 0n;
  for (const { range, aggregate } of sorted) {
    assert.ok(range.start >= end, 'a range was counted twice');
    end = range.end;
    units += rangeLength(range);
    total = workload.fold(parameters, total, aggregate);
  }
  return { text: encoded(job, total), units };
}

export const requests = (world: World, name: string) =>
  world.server.received.filter((one) => one.name === name);
