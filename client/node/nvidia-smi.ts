/** What nvidia-smi tells of the machine's GPUs. WebGPU itself tells neither memory nor use. */
import { execFile } from 'node:child_process';

export interface NvidiaGpu {
  readonly name: string;
  /** 0 … 1; null where the driver does not tell. */
  readonly utilisation: number | null;
  readonly memory_used_mb: number | null;
  readonly memory_total_mb: number | null;
}

const QUERY = ['--query-gpu=name,utilization.gpu,memory.used,memory.total', '--format=csv,noheader,nounits'];
const TIMEOUT_MS = 5000;
/** Asking takes some 30 ms of a core, and the driver averages over about a second. */
const KEPT_MS = 2000;

/** Empty where there is no nvidia-smi or it fails. In the order of the driver's indices. */
export function readNvidiaGpus(command = 'nvidia-smi'): Promise<readonly NvidiaGpu[]> {
  return new Promise((resolve) => {
    execFile(command, QUERY, { timeout: TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? parseNvidiaGpus(stdout) : []);
    });
  });
}

export function parseNvidiaGpus(csv: string): readonly NvidiaGpu[] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 4)
    .map(([name = '', utilisation = '', used = '', total = '']) => ({
      name,
      utilisation: hundredth(figure(utilisation)),
      memory_used_mb: figure(used),
      memory_total_mb: figure(total),
    }));
}

/**
 * Which of nvidia-smi's GPUs each adapter is, by name; equal ones in order. Null: none.
 * @param names what WebGPU calls the adapters
 */
export function matchNvidiaGpus(
  names: readonly string[],
  gpus: readonly NvidiaGpu[],
): readonly (number | null)[] {
  const free = new Set(gpus.keys());
  return names.map((name) => {
    for (const index of free) {
      const gpu = gpus[index]?.name ?? '';
      if (gpu === '' || !(name.includes(gpu) || gpu.includes(name))) continue;
      free.delete(index);
      return index;
    }
    return null;
  });
}

/** Reads at most every two seconds, and no more once there turned out to be none. */
export class NvidiaMonitor {
  readonly #command: string;
  #last: { readonly at_ms: number; readonly gpus: Promise<readonly NvidiaGpu[]> } | undefined;
  #absent = false;

  constructor(command = 'nvidia-smi') {
    this.#command = command;
  }

  async read(): Promise<readonly NvidiaGpu[]> {
    if (this.#absent) return [];
    const now = performance.now();
    if (this.#last === undefined || now - this.#last.at_ms > KEPT_MS) {
      this.#last = { at_ms: now, gpus: readNvidiaGpus(this.#command) };
      if ((await this.#last.gpus).length === 0) this.#absent = true;
    }
    return this.#last.gpus;
  }
}

function figure(cell: string): number | null {
  return /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}

function hundredth(percent: number | null): number | null {
  return percent === null ? null : percent / 100;
}
