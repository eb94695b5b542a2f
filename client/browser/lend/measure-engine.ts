/** How fast an engine computes a known sample: a quarter of a second of the real kernels. */
import { rangeLength } from '../../../protocol/range.ts';
import { workloads } from '../../../shaders/registry.ts';
import type { Batch, Engine } from '../../engines/engine.ts';
import type { KernelSource } from '../../kernel-source.ts';
import { sleep } from '../../runtime.ts';
import { browserRuntime } from './browser-runtime.ts';

const MEASURE_MS = 250;
/** Before the first piece: a driver compiles the kernel, threads start. */
const WARM_UP_MS = 3000;
const LOOK_MS = 10;
/** Numbers near a job's start are full of records, which are no usual work. */
const FAR = 2n ** 40n;
const TILES = 1024n;

/** The longest sample of the first workload that the coordinator leases; undefined if it leases none. */
export async function measuredSample(kernels: KernelSource): Promise<Batch | undefined> {
  const index = await kernels.index();
  const hashOf = (source: string) => index.kernels.find((kernel) => kernel.source === source)?.sha256;
  for (const workload of workloads.values()) {
    const [longest] = workload.samples
      .map((sample) => workload.parameters.parse(sample.parameters))
      .map((parameters) => ({ parameters, range: workload.range(parameters) }))
      .toSorted((a, b) => (rangeLength(a.range) > rangeLength(b.range) ? -1 : 1));
    if (longest === undefined) continue;
    const { parameters, range } = longest;
    const wanted = workload.kernels(parameters);
    const gpu = hashOf(wanted.gpu.source);
    const cpu = hashOf(wanted.cpu.module);
    if (gpu === undefined || cpu === undefined) continue;
    const half = rangeLength(range) / 2n;
    const start = range.start + (half < FAR ? half : FAR);
    const tileLength = workload.tileLimits(parameters).min;
    const end = start + tileLength * TILES;
    return {
      id: 'measurement',
      workload,
      parameters,
      range: { start, end: end < range.end ? end : range.end },
      tileLength,
      kernels: { gpu: await kernels.load(gpu), cpu: await kernels.load(cpu) },
    };
  }
  return undefined;
}

/**
 * Units per second; 0 if it computed nothing. A measurement that is held goes on when it may.
 * @param halted ends it early
 */
export async function measureRate(
  engine: Engine,
  sample: Batch,
  { held, halted }: { readonly held: () => boolean; readonly halted: () => boolean },
): Promise<number> {
  const run = engine.start(sample);
  let over = false;
  void run.ended.then(() => {
    over = true;
  });
  const now = () => {
    const { end, compute_ms } = run.prefix();
    return { units: Number(end - sample.range.start), compute_ms };
  };
  let waited_ms = 0;
  let measured_ms = 0;
  // The first half is warming up as well: pieces grow to their length.
  let middle = now();
  while (!over && !halted() && waited_ms < WARM_UP_MS && measured_ms < MEASURE_MS) {
    const begun_ms = performance.now();
    await sleep(browserRuntime, LOOK_MS);
    if (held()) continue;
    const passed_ms = performance.now() - begun_ms;
    const { units } = now();
    if (units === 0) waited_ms += passed_ms;
    else measured_ms += passed_ms;
    if (measured_ms < MEASURE_MS / 2) middle = now();
  }
  const end = now();
  run.abandon();
  const first = end.units > middle.units ? middle : { units: 0, compute_ms: 0 };
  const took_ms = end.compute_ms - first.compute_ms;
  return took_ms > 0 ? ((end.units - first.units) / took_ms) * 1000 : 0;
}
