/**
 * Kernels travel as data. `GET /kernels/{sha256}` gives the text (WGSL, assembled) or the bytes (WebAssembly)
 * of one; `GET /kernels` gives this index of all that the coordinator leases, so that a worker can test its
 * device with them before it asks for work.
 */
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `source` is `GpuKernel.source` or `CpuKernel.module`. */
export const kernelIndex = z.strictObject({
  kernels: z.array(z.strictObject({ source: z.string().max(200), sha256 })).max(1024),
});
export type KernelIndex = z.infer<typeof kernelIndex>;

/** No kernel is larger, text or bytes. */
export const MAX_KERNEL_BYTES = 4 * 1024 * 1024;
