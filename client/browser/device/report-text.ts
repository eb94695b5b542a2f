/** A device's report in words. */
import type { CaseGroup, DeviceReport, MeasuredRate } from '../../../protocol/device-report.ts';
import { grouped, scaled } from '../format/figures.ts';

/** "All 134 answers are right." */
export function verdict(groups: readonly CaseGroup[]): string {
  const failed = groups.reduce((sum, group) => sum + group.failed, 0);
  const all = groups.reduce((sum, group) => sum + group.passed, failed);
  if (failed > 0) return `${grouped(failed)} of ${grouped(all)} tests failed on this device.`;
  return `This device is exact: all ${grouped(all)} tests passed.`;
}

const NAMES: Readonly<Record<string, string>> = { collatz: 'Collatz', thread: 'Threads' };

export function workloadName(type: string): string {
  return NAMES[type] ?? type;
}

/** What a comparison of the suite is, in words. */
export function comparisonName({ comparison, engine }: Pick<CaseGroup, 'comparison' | 'engine'>): string {
  switch (comparison) {
    case 'CPU':
    case 'GPU':
      return `${comparison}: known answers`;
    case 'CPU = reference':
      return 'CPU: as the plain definition';
    case 'CPU = reference on random parts':
      return 'CPU: as the plain definition, random ranges';
    case 'GPU = CPU':
      return 'GPU: as the CPU';
    case 'GPU = CPU by any tuning':
      return 'GPU: as the CPU, by any tuning';
    case 'GPU = CPU on random ranges':
      return 'GPU: as the CPU, random ranges';
    default:
      return `${engine === 'gpu' ? 'GPU' : 'CPU'}: ${comparison}`;
  }
}

/** "412 million"; a dash where it failed. */
export function rateText({ units_per_second }: Pick<MeasuredRate, 'units_per_second'>): string {
  if (units_per_second === null) return 'failed';
  const { figure, scale } = scaled(units_per_second);
  return scale === '' ? figure : `${figure} ${scale}`;
}

/** Which GPU it was; the reason if none. */
export function gpuName({ gpu, gpu_problem }: Pick<DeviceReport, 'gpu' | 'gpu_problem'>): string {
  if (gpu === null) return gpu_problem ?? 'none';
  const words = [gpu.vendor, gpu.architecture, gpu.device, gpu.description].filter((word) => word !== '');
  const name = words.length === 0 ? 'a GPU that the browser does not name' : words.join(' · ');
  return gpu.fallback ? `${name} (software)` : name;
}

/**
 * What it means that a device computes on its CPU without WebAssembly; undefined if it has it. Measured in Node 24 on one
 * thread, `threads bench --only kernels --engines wasm,twin`: the twins took 4 times the time of the WebAssembly kernels
 * for thread, 7 to 14 times for verify, 38 to 47 times for statistics. With JavaScript interpreted (`node --jitless`), as
 * in Lockdown Mode, they took another 8 to 35 times as long.
 */
export function cpuNote({ cpu }: Pick<DeviceReport, 'cpu'>): string | undefined {
  if (cpu.web_assembly) return undefined;
  return (
    'This browser runs no WebAssembly, so its CPU computes in JavaScript: the same answers, but about 4 times slower for ' +
    'threads, 10 times for verifying numbers and 40 times for their statistics. Where a browser compiles no ' +
    'JavaScript either, as in Lockdown Mode, it is some 10 to 30 times slower again.'
  );
}

/** Without spaces and what file systems refuse. */
export function fileName({ date, gpu }: Pick<DeviceReport, 'date' | 'gpu'>): string {
  const device =
    gpu === null ? 'cpu' : [gpu.vendor, gpu.architecture].filter((word) => word !== '').join('-');
  return `device-report-${device === '' ? 'gpu' : device}-${date}.json`
    .replace(/[^\w.-]+/g, '-')
    .toLowerCase();
}
