/**
 * The coordinator's own computing: one thread with the workloads' CPU kernels, started when it is first
 * needed and stopped when it was idle for a while (it holds some 20 MB). It settles disputes and runs checks
 * that would hold up the main thread.
 *
 * A range is computed in pieces of about a second, and the request that has least left goes first: so a
 * dispute over a large batch takes long, but holds up nobody else's.
 */
import { Worker } from 'node:worker_threads';
import { ClusterError } from '../../protocol/errors.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Log } from '../log.ts';
import { recomputeReply } from './recompute-messages.ts';
import type { RecomputeReply, RecomputeRequest } from './recompute-messages.ts';
import type { EncodedParameters, Recompute } from './truth.ts';

const PIECE_MS = 1000;
/** More requests than this are refused: whoever causes disputes must not fill the memory. */
const MAX_TASKS = 64;
const IDLE_MS = 30_000;
/** The first piece of a range, before its speed is known, in shortest tiles. */
const FIRST_TILES = 4n;

interface Task {
  readonly type: string;
  readonly parameters: EncodedParameters;
  readonly range: Range;
  /** What a worker claims; undefined: compute. */
  readonly claim: { readonly aggregate: unknown } | undefined;
  readonly workload: Workload;
  readonly p: unknown;
  /** Computed up to here. */
  position: bigint;
  pieceLength: bigint;
  tally: unknown;
  readonly computed: (aggregate: unknown) => void;
  readonly checked: (problems: readonly string[]) => void;
  readonly failed: (error: ClusterError) => void;
}

export class RecomputeThread implements Recompute {
  readonly #workloads: ReadonlyMap<string, Workload>;
  readonly #kernelsDir: string;
  readonly #log: Log;
  readonly #tasks: Task[] = [];
  #worker: Worker | undefined;
  #current: { readonly id: number; readonly task: Task; readonly end: bigint } | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #id = 0;
  #closed = false;

  /** @param kernelsDir holds the compiled CPU kernels */
  constructor(workloads: ReadonlyMap<string, Workload>, kernelsDir: string, log: Log) {
    this.#workloads = workloads;
    this.#kernelsDir = kernelsDir;
    this.#log = log;
  }

  compute(type: string, parameters: EncodedParameters, range: Range): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ends = { computed: resolve, checked: () => undefined, failed: reject };
      this.#add(type, parameters, range, undefined, ends);
    });
  }

  check(
    type: string,
    parameters: EncodedParameters,
    range: Range,
    aggregate: unknown,
  ): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const ends = { computed: () => undefined, checked: resolve, failed: reject };
      this.#add(type, parameters, range, { aggregate }, ends);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { failed } of this.#tasks.splice(0)) failed(stopping());
    this.#current = undefined;
    await this.#stop();
  }

  #add(
    type: string,
    parameters: EncodedParameters,
    range: Range,
    claim: Task['claim'],
    ends: Pick<Task, 'computed' | 'checked' | 'failed'>,
  ): void {
    const workload = this.#workloads.get(type);
    if (this.#closed) ends.failed(stopping());
    else if (workload === undefined) ends.failed(new ClusterError('internal', `no workload ${type}`));
    else if (this.#tasks.length >= MAX_TASKS) {
      ends.failed(
        new ClusterError('limit_reached', 'too many results wait to be recomputed: send it again later'),
      );
    } else {
      const p = workload.parameters.parse(parameters);
      const pieceLength = workload.tileLimits(p).min * FIRST_TILES;
      const position = range.start;
      const tally = workload.empty(p);
      this.#tasks.push({
        type,
        parameters,
        range,
        claim,
        workload,
        p,
        position,
        pieceLength,
        tally,
        ...ends,
      });
      this.#next();
    }
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const [task] = this.#tasks.toSorted((a, b) => (left(a) < left(b) ? -1 : 1));
    if (task === undefined) {
      this.#idleTimer ??= setTimeout(() => void this.#stop(), IDLE_MS).unref();
      return;
    }
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    const { type, parameters, range, claim, position, pieceLength } = task;
    const end =
      claim !== undefined || position + pieceLength >= range.end ? range.end : position + pieceLength;
    this.#id += 1;
    this.#current = { id: this.#id, task, end };
    const work = { id: this.#id, type, parameters, start: position.toString(), end: end.toString() };
    const request: RecomputeRequest =
      claim === undefined
        ? { kind: 'compute', ...work }
        : { kind: 'check', ...work, aggregate: claim.aggregate };
    this.#thread().postMessage(request);
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./recompute-thread.ts', import.meta.url), {
      workerData: { kernelsDir: this.#kernelsDir },
      name: 'recompute',
    });
    // Nothing may be kept alive by a thread that waits for work.
    worker.unref();
    worker.on('message', (message: unknown) => {
      if (worker === this.#worker) this.#reply(recomputeReply.parse(message));
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#crashed(error);
    });
    this.#worker = worker;
    return worker;
  }

  #reply(reply: RecomputeReply): void {
    const current = this.#current;
    if (current?.id !== reply.id) return;
    this.#current = undefined;
    const { task, end } = current;
    switch (reply.kind) {
      case 'computed':
        this.#piece(task, end, reply);
        break;
      case 'checked':
        this.#remove(task);
        task.checked(reply.problems);
        break;
      case 'failed':
        this.#remove(task);
        task.failed(new ClusterError('internal', `the result could not be recomputed: ${reply.message}`));
        break;
    }
    this.#next();
  }

  #piece(task: Task, end: bigint, { aggregate, ms }: Extract<RecomputeReply, { kind: 'computed' }>): void {
    const { workload, p, range } = task;
    const length = end - task.position;
    task.tally = workload.fold(p, task.tally, workload.decodeStored(p, aggregate));
    task.position = end;
    const wanted = (Number(length) * PIECE_MS) / Math.max(ms, 1);
    const longest = workload.tileLimits(p).max;
    const next = BigInt(Math.ceil(Math.min(wanted, Number(length) * 4)));
    task.pieceLength = next > longest ? longest : next;
    if (end < range.end) return;
    this.#remove(task);
    task.computed(workload.encode(p, task.tally));
  }

  #remove(task: Task): void {
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
  }

  #crashed(error: unknown): void {
    this.#log.error({ err: error }, 'the recomputing thread crashed; it is started anew');
    this.#worker = undefined;
    const task = this.#current?.task;
    this.#current = undefined;
    if (task !== undefined) {
      this.#remove(task);
      task.failed(new ClusterError('internal', 'the result could not be recomputed', { cause: error }));
    }
    this.#next();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

/** Checks come first: somebody waits for their acknowledgement, and they can't be cut. */
function left(task: Task): bigint {
  return task.claim === undefined ? rangeLength({ start: task.position, end: task.range.end }) : 0n;
}

function stopping(): ClusterError {
  return new ClusterError('not_ready', 'the coordinator is stopping: send the result again later');
}
