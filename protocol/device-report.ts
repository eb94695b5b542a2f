/**
 * What the page "Test this device" found, as a file that a visitor may attach to an issue. It holds what the page
 * shows and nothing else: no address, no identifier, no time of day.
 */
import { z } from 'zod';

/** 2: `cpu.web_assembly`. */
export const DEVICE_REPORT_VERSION = 2;

const text = z.string().max(500);
const count = z.number().int().nonnegative();
/** gpu: WebGPU. cpu: WebAssembly on one thread, or without it the kernels' twins in JavaScript. */
export const reportEngine = z.enum(['gpu', 'cpu']);

const caseGroup = z.strictObject({
  /** Type of a workload. */
  workload: text,
  engine: reportEngine,
  /** What was compared: "known answers", "CPU = reference", "GPU = CPU on random ranges". */
  comparison: text,
  passed: count,
  failed: count,
  /** The first ones. */
  failures: z.array(z.strictObject({ name: text, message: z.string().max(2000) })).max(20),
});
export type CaseGroup = z.infer<typeof caseGroup>;

const measuredRate = z.strictObject({
  workload: text,
  /** "statistics near 2^68". */
  name: text,
  engine: reportEngine,
  /** "numbers", "roots". */
  unit: text,
  /** Null: it failed, and the cases say how. */
  units_per_second: z.number().nonnegative().nullable(),
});
export type MeasuredRate = z.infer<typeof measuredRate>;

const gpuInfo = z.strictObject({
  vendor: text,
  architecture: text,
  device: text,
  description: text,
  fallback: z.boolean(),
  features: z.array(text),
  limits: z.record(z.string(), z.number()),
});
export type GpuInfo = z.infer<typeof gpuInfo>;

export const deviceReport = z.strictObject({
  format: z.literal('threads-cluster device report'),
  version: z.literal(DEVICE_REPORT_VERSION),
  /** Year, month and day. */
  date: z.iso.date(),
  /** SHA-256 of each kernel by its source: which ones were tested, those for the CPU only with WebAssembly. */
  kernels: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
  /** Of the random ranges: the same seed draws the same ones. */
  seed: count,
  browser: z.strictObject({ user_agent: text, brands: z.array(text), platform: text, mobile: z.boolean() }),
  cpu: z.strictObject({ threads: count, web_assembly: z.boolean() }),
  gpu: gpuInfo.nullable(),
  /** Why there is no GPU; null if there is one. */
  gpu_problem: text.nullable(),
  groups: z.array(caseGroup),
  rates: z.array(measuredRate),
  took_seconds: z.number().nonnegative(),
});
export type DeviceReport = z.infer<typeof deviceReport>;
