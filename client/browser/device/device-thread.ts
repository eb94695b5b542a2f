/** The testing thread of the page "Test this device". Loaded after the visitor's click, never before. */
import '../lend/zod-without-eval.ts';
import { expose } from 'comlink';
import type { DeviceReport, GpuInfo, MeasuredRate } from '../../../protocol/device-report.ts';
import { DEVICE_REPORT_VERSION, deviceReport } from '../../../protocol/device-report.ts';
import { comparisons } from '../../../shaders/conformance.ts';
import { runsWebAssembly } from '../../../shaders/lib/webassembly.ts';
import { workloads } from '../../../shaders/registry.ts';
import { GpuDevice } from '../../engines/gpu-device.ts';
import { HttpKernels } from '../../kernel-source.ts';
import { sha256Hex } from '../lend/sha256.ts';
import type { Measurement } from './benchmark.ts';
import { measurements } from './benchmark.ts';
import type { Case } from './cases.ts';
import { collector, runCases } from './cases.ts';
import type { DeviceTest, Progress } from './device-test.ts';
import { EngineMaker } from './engines.ts';
import { knownAnswers } from './known-answers.ts';

const FETCH_TIMEOUT_MS = 15_000;
const PROGRESS_MS = 250;
const RANDOM_RUNS = 2;

const now = () => performance.now();

async function run(
  origin: string,
  facts: Parameters<DeviceTest['run']>[1],
  seed: number,
  onProgress: (progress: Progress) => void,
): Promise<DeviceReport> {
  const started = now();
  const kernels = new HttpKernels(origin, {
    fetch: (url) => fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) }),
    sha256: sha256Hex,
  });
  const index = await kernels.index();
  const hashes = new Map(index.kernels.map(({ source, sha256 }) => [source, sha256]));
  const opened = await openGpu();
  const gpu = 'device' in opened ? opened : undefined;
  try {
    const engines = new EngineMaker(kernels, hashes, gpu?.device);
    const cases: Case[] = [];
    const measured: Measurement[] = [];
    const api = collector(cases, seed, RANDOM_RUNS);
    for (const workload of workloads.values()) {
      const own = engines.of(workload);
      knownAnswers(api, workload, own);
      comparisons(api, workload, own);
      measured.push(...measurements(workload, own, now));
    }
    const total = cases.length + measured.length;
    const report = throttled(onProgress);
    let failed = 0;
    const groups = await runCases(cases, (done, failures) => {
      failed = failures;
      const { workload = '', comparison = '', name = '' } = cases[done] ?? {};
      report({ done, total, failed, name: `${workload}, ${comparison}: ${name}` });
    });
    failed = groups.reduce((sum, group) => sum + group.failed, 0);
    const rates: MeasuredRate[] = [];
    for (const [at, { run: measure, ...what }] of measured.entries()) {
      report({ done: cases.length + at, total, failed, name: `speed of ${what.engine}, ${what.name}` });
      // What fails here failed above, with its reason.
      rates.push({ ...what, units_per_second: await measure().catch(() => null) });
    }
    return deviceReport.parse({
      format: 'threads-cluster device report',
      version: DEVICE_REPORT_VERSION,
      date: new Date().toISOString().slice(0, 10),
      kernels: Object.fromEntries(hashes),
      seed,
      ...facts,
      cpu: { ...facts.cpu, web_assembly: runsWebAssembly() },
      gpu: gpu?.info ?? null,
      gpu_problem: 'problem' in opened ? opened.problem : null,
      groups,
      rates,
      took_seconds: Math.round((now() - started) / 1000),
    } satisfies DeviceReport);
  } finally {
    gpu?.device.close();
  }
}

type Opened = { readonly device: GpuDevice; readonly info: GpuInfo } | { readonly problem: string };

async function openGpu(): Promise<Opened> {
  const { gpu } = navigator;
  if (gpu === undefined) {
    return {
      problem: isSecureContext
        ? 'This browser has no WebGPU.'
        : 'This address is not secure: browsers give the GPU only to pages over HTTPS or on localhost.',
    };
  }
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null)
      return { problem: 'The browser has WebGPU, but gave no GPU (requestAdapter: null).' };
    const info = infoOf(adapter);
    return { device: await GpuDevice.open(adapter, now), info };
  } catch (error) {
    return {
      problem: `The GPU could not be opened: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function infoOf(adapter: GPUAdapter): GpuInfo {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const limits: Record<string, number> = {};
  // Their names are getters of the prototype.
  for (const name in adapter.limits) {
    const limit: unknown = Reflect.get(adapter.limits, name);
    if (typeof limit === 'number') limits[name] = limit;
  }
  return {
    vendor,
    architecture,
    device,
    description,
    fallback: isFallbackAdapter,
    features: [...adapter.features].toSorted(),
    limits,
  };
}

/** At most one in a while. What comes between is left out: the next says more. */
function throttled(report: (progress: Progress) => void): (progress: Progress) => void {
  let last = -Infinity;
  return (progress) => {
    if (now() - last < PROGRESS_MS) return;
    last = now();
    report(progress);
  };
}

expose({ run } satisfies DeviceTest);
