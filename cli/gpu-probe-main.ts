/** The process that gpu-probe.ts starts: prints what adapters there are as JSON, and ends. */
import { openDawn } from '../client/node/dawn.ts';
import type { GpuProbe } from './gpu-probe.ts';

const { adapters, problem, unreachable } = await openDawn({ software: process.argv[2] === 'software' });
const probe: GpuProbe = {
  adapters: adapters.map(({ name, backend, vendor, software }, index) => ({
    index,
    name,
    backend,
    vendor,
    software,
  })),
  problem: problem?.message ?? null,
  unreachable: [...unreachable],
};
process.stdout.write(JSON.stringify(probe), () => process.exit(0));
