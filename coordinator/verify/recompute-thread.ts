/** The thread that recomputes: one piece at a time, by the workload's own CPU kernel. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { Workload } from '../../protocol/workload.ts';
import { computeCpu, CpuProgram } from '../../shaders/lib/cpu-kernel.ts';
import { findWorkload } from '../../shaders/registry.ts';
import { recomputeRequest } from './recompute-messages.ts';
import type { RecomputeReply, RecomputeRequest } from './recompute-messages.ts';

const { kernelsDir } = z.object({ kernelsDir: z.string() }).parse(workerData);

/** The program of the last request: pieces of one range come one after the other. */
let loaded: { readonly key: string; readonly program: CpuProgram } | undefined;

async function programFor(workload: Workload, p: unknown): Promise<CpuProgram> {
  const words = workload.parameterWords(p);
  const { module } = workload.kernels(p).cpu;
  const key = `${module} ${words.join(' ')}`;
  if (loaded?.key !== key) {
    const wasm = new Uint8Array(readFileSync(join(kernelsDir, module)));
    loaded = { key, program: await CpuProgram.load(wasm, words) };
  }
  return loaded.program;
}

async function answer(request: RecomputeRequest): Promise<RecomputeReply> {
  const workload = findWorkload(request.type);
  if (workload === undefined)
    return { kind: 'failed', id: request.id, message: `no workload ${request.type}` };
  const p = workload.parameters.parse(request.parameters);
  const range = { start: BigInt(request.start), end: BigInt(request.end) };
  switch (request.kind) {
    case 'compute': {
      const startedAt = performance.now();
      const program = await programFor(workload, p);
      const aggregate = workload.encode(p, computeCpu(workload, p, program, range));
      return { kind: 'computed', id: request.id, aggregate, ms: performance.now() - startedAt };
    }
    case 'check': {
      const aggregate = workload.decode(p, range, request.aggregate);
      return { kind: 'checked', id: request.id, problems: [...workload.check(p, range, aggregate)] };
    }
  }
}

parentPort?.on('message', (message: unknown) => {
  const request = recomputeRequest.parse(message);
  answer(request)
    .catch((error: unknown): RecomputeReply => {
      // A kernel that trapped may have left its memory in any state.
      loaded = undefined;
      return {
        kind: 'failed',
        id: request.id,
        message: error instanceof Error ? error.message : String(error),
      };
    })
    .then((reply) => parentPort?.postMessage(reply))
    .catch((error: unknown) => {
      throw error;
    });
});
