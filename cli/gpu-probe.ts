/**
 * Finds this machine's GPU adapters in a process of its own: drivers can hang or crash, and Dawn, once loaded,
 * stays in memory.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import type { GpuChoice } from './options.ts';

export const gpuProbe = z.strictObject({
  adapters: z.array(
    z.strictObject({
      /** As GPU_DEVICES counts them. */
      index: z.number().int(),
      name: z.string(),
      backend: z.string(),
      vendor: z.string(),
      software: z.boolean(),
    }),
  ),
  /** Why there are none, and what to do. */
  problem: z.string().nullable(),
  /** Found but unusable beside another of the same name. */
  unreachable: z.array(z.string()),
});
export type GpuProbe = z.infer<typeof gpuProbe>;

const MAIN = join(import.meta.dirname, 'gpu-probe-main.ts');
const TIMEOUT_MS = 60_000;

/** Never rejects: a probe that crashes says so in `problem`. */
export function probeGpus(choice: GpuChoice): Promise<GpuProbe> {
  if (choice === 'false') return Promise.resolve(none('GPU_ENABLED=false'));
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, choice === 'true' ? 'software' : 'hardware'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    child.on('error', (error) => resolve(none(`the search for GPUs could not be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      // A driver may crash while the process ends; what was printed before is good.
      const read = gpuProbe.safeParse(parseJson(output));
      if (read.success) resolve(read.data);
      else if (signal === 'SIGKILL') {
        resolve(none(`the GPU’s driver did not answer in ${TIMEOUT_MS / 1000} s: update or reinstall it`));
      } else {
        const how = signal ?? `exit code ${code ?? '?'}`;
        resolve(none(`the GPU’s driver crashed (${how}): update or reinstall it, or set GPU_ENABLED=false`));
      }
    });
  });
}

function none(problem: string): GpuProbe {
  return { adapters: [], problem, unreachable: [] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
