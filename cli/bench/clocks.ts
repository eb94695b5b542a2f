/** CPU time of single threads, and cores to pin processes to: what a busy machine disturbs least. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Seconds of CPU time of the calling thread; of the whole process where Node can't tell them apart. */
export function ownCpuSeconds(): number {
  const threads: unknown = Reflect.get(process, 'threadCpuUsage');
  const { user, system } = typeof threads === 'function' ? process.threadCpuUsage() : process.cpuUsage();
  return (user + system) / 1e6;
}

/** What the scheduler says of a thread. */
export interface ThreadTime {
  readonly name: string;
  /** Seconds on a core. */
  readonly ran: number;
  /** Seconds that it could have run, but others had the cores. */
  readonly waited: number;
}

/** The threads of a process by their ids; undefined where the system does not tell. */
export function threadTimes(pid: number | 'self'): ReadonlyMap<string, ThreadTime> | undefined {
  const folder = `/proc/${pid}/task`;
  if (!existsSync(`${folder}/${pid === 'self' ? process.pid : pid}/schedstat`)) return undefined;
  const times = new Map<string, ThreadTime>();
  for (const thread of readdirSync(folder)) {
    try {
      const name = readFileSync(`${folder}/${thread}/comm`, 'utf8').trim();
      const [ran = 0, waited = 0] = readFileSync(`${folder}/${thread}/schedstat`, 'utf8')
        .split(' ')
        .map((nanoseconds) => Number(nanoseconds) / 1e9);
      times.set(thread, { name, ran, waited });
    } catch {
      // It ended while the list was read.
    }
  }
  return times;
}

/**
 * Makes Mesa's lavapipe compute in one thread. That is the one of its queue, without a name of its own; only with more
 * than one are there `llvmpipe-*` that do the work.
 */
export const ONE_LAVAPIPE_THREAD = { LP_NUM_THREADS: '1' };

/** Node's own, started late. */
const NODE_THREADS = /^(libuv-worker|node:|V8Worker)/;

/** The threads that a driver starts in this process, from now on: on a software adapter they compute. */
export class DriverThreads {
  readonly #before: ReadonlySet<string>;

  constructor() {
    this.#before = new Set(threadTimes('self')?.keys());
  }

  /** Seconds of their CPU time; undefined where the system does not tell. */
  seconds(): number | undefined {
    const times = threadTimes('self');
    if (times === undefined) return undefined;
    return this.#own(times).reduce((sum, [, { ran }]) => sum + ran, 0);
  }

  /** Pins them, and them alone: this process's main thread waits for them, and would take time from them. */
  pin(core: number): void {
    for (const [thread] of this.#own(threadTimes('self') ?? new Map<string, ThreadTime>())) {
      spawnSync('taskset', ['-cp', String(core), thread]);
    }
  }

  #own(times: ReadonlyMap<string, ThreadTime>): (readonly [string, ThreadTime])[] {
    return [...times].filter(([thread, { name }]) => !this.#before.has(thread) && !NODE_THREADS.test(name));
  }
}

/** The core that measured programs are pinned to, the last one that this process may use; undefined: no pinning. */
export function pinnedCore(): number | undefined {
  if (process.platform !== 'linux' || spawnSync('taskset', ['--version']).status !== 0) return undefined;
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const last = allowed === undefined ? undefined : /\d+$/.exec(allowed)?.[0];
  return last === undefined ? undefined : Number(last);
}

/** A command line that runs on that core alone. */
export function onCore(
  core: number | undefined,
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] {
  return core === undefined ? [command, args] : ['taskset', ['-c', String(core), command, ...args]];
}
