/** The single questions that `doctor` asks. Each has an answer, and advice where it is not a good one. */
import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { workloads } from '../shaders/registry.ts';
import { ApiClient } from './api-client.ts';
import { coordinatorUrl } from './command.ts';
import { probeGpus, type GpuProbe } from './gpu-probe.ts';
import type { Environment, Settings } from './option.ts';
import * as options from './options.ts';
import { bytes } from './quantities.ts';

export interface Finding {
  readonly name: string;
  /** note: a thing is missing that nothing here needs, or needs only for some purpose. */
  readonly state: 'ok' | 'note' | 'problem';
  readonly detail: string;
  /** What to do; null if nothing is. */
  readonly advice: string | null;
}

const ROOT = join(import.meta.dirname, '..');
const MIN_FREE_BYTES = 1e9;
const MIN_MEMORY_BYTES = 1e9;

export async function examine(settings: Settings): Promise<readonly Finding[]> {
  const [gpus, coordinator] = await Promise.all([probeGpus('true'), findCoordinator(settings)]);
  return [
    node(),
    cores(settings),
    memory(),
    dataFolder(settings),
    await portFree(settings, options.COORDINATOR_PORT, coordinator.state === 'ok'),
    await portFree(settings, options.METRICS_PORT, coordinator.state === 'ok'),
    kernels(),
    pages(),
    gpu(settings, gpus),
    chromium(settings.environment),
    coordinator,
  ];
}

const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail, advice: null });
const other = (state: 'note' | 'problem', name: string, detail: string, advice: string): Finding => ({
  name,
  state,
  detail,
  advice,
});

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return ok('Node.js', process.version);
  return other(
    'problem',
    'Node.js',
    `${process.version} is too old to run TypeScript`,
    'run it by npm: npm run threads',
  );
}

function cores(settings: Settings): Finding {
  const count = availableParallelism();
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const threads = settings.get(options.WORKER_THREADS);
  const used = threads === count ? '' : `; WORKER_THREADS=${threads}`;
  const detail = `${count} (${model})${used}`;
  if (threads <= count) return ok('cores', detail);
  return other(
    'note',
    'cores',
    detail,
    'more threads than cores make nothing faster: leave WORKER_THREADS unset',
  );
}

function memory(): Finding {
  const total = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  if (total >= MIN_MEMORY_BYTES) return ok('memory', bytes(total));
  return other('note', 'memory', bytes(total), 'a coordinator with a worker takes about 400 MB');
}

function dataFolder(settings: Settings): Finding {
  const folder = resolve(settings.get(options.DATA_DIR));
  const name = 'DATA_DIR';
  const choose = 'choose another folder with DATA_DIR or --data-dir, or change its permissions';
  let there = folder;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  if (!statSync(there).isDirectory()) return other('problem', name, `${there} is not a folder`, choose);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    // Rights alone don't tell: a read-only file system gives them too.
    rmdirSync(mkdtempSync(join(there, '.threads-doctor-')));
  } catch {
    return other('problem', name, `${folder} cannot be written`, choose);
  }
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const detail = `${folder}${there === folder ? '' : ' (will be made)'}, ${bytes(free)} free`;
  if (free >= MIN_FREE_BYTES) return ok(name, detail);
  return other('problem', name, detail, 'make room: with a full disk no result can be accepted');
}

async function portFree(
  settings: Settings,
  option: typeof options.COORDINATOR_PORT,
  coordinatorThere: boolean,
): Promise<Finding> {
  const host = settings.get(options.HOST);
  const port = settings.get(option);
  const name = option.env ?? option.flag;
  if (port === 0) return ok(name, '0: a free one will be taken');
  const code = await new Promise<string | undefined>((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => done(undefined)));
  });
  const place = `${host}:${port}`;
  if (code === undefined) return ok(name, `${place} is free`);
  if (code === 'EADDRINUSE' && coordinatorThere)
    return ok(name, `${place} is in use, by the running coordinator`);
  if (code === 'EADDRINUSE') {
    return other(
      'problem',
      name,
      `${place} is in use`,
      `stop what listens there, or set ${name} to another port or 0`,
    );
  }
  if (code === 'EACCES') {
    return other('problem', name, `${place} is not permitted`, `set ${name} to a port above 1023`);
  }
  return other(
    'problem',
    name,
    `${place}: ${code}`,
    'set HOST to an address of this machine, or 0.0.0.0 for all',
  );
}

function kernels(): Finding {
  const modules = [...workloads.values()].flatMap(({ allKernels }) =>
    allKernels.map(({ cpu }) => cpu.module),
  );
  const missing = modules.filter((module) => !existsSync(join(ROOT, 'build', 'kernels', module)));
  if (missing.length === 0) return ok('kernels', `${modules.length} built`);
  return other('problem', 'kernels', `${missing.join(', ')} missing`, 'build them: npm run build');
}

function pages(): Finding {
  if (existsSync(join(ROOT, 'build', 'pages', 'index.html'))) return ok('pages', 'built');
  return other('problem', 'pages', 'missing', 'build them: npm run build');
}

function gpu(settings: Settings, { adapters, problem, unreachable }: GpuProbe): Finding {
  const choice = settings.get(options.GPU_ENABLED);
  const name = 'GPU';
  const used = adapters.filter(({ software }) => choice === 'true' || (choice === 'auto' && !software));
  const left = adapters.filter((adapter) => !used.includes(adapter)).map((adapter) => adapter.name);
  const alsoThere = [...left, ...unreachable];
  const also = alsoThere.length === 0 ? '' : `; not used: ${alsoThere.join(', ')}`;
  if (used.length > 0) {
    const names = used.map(
      (adapter, index) => `${index}: ${adapter.name}${adapter.software ? ' (software)' : ''}`,
    );
    return ok(name, `${names.join(', ')}${also}`);
  }
  if (choice === 'false') return ok(name, `GPU_ENABLED=false${also}`);
  if (choice === 'true') return other('problem', name, 'none', problem ?? 'install the GPU’s driver');
  const advice =
    left.length > 0 ? 'GPU_ENABLED=true uses software adapters too, slower than the CPU' : (problem ?? '');
  return other('note', name, `no hardware adapter: the CPU computes${also}`, advice);
}

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

function chromium(variables: Environment): Finding {
  const name = 'Chromium';
  const folders = (variables['PATH'] ?? '').split(delimiter);
  const places = [
    variables['CHROMIUM_PATH'],
    ...BROWSERS.flatMap((file) => folders.map((dir) => join(dir, file))),
  ];
  const found = places.find((place) => place !== undefined && place !== '' && existsSync(place));
  if (found !== undefined) return ok(name, found);
  return other(
    'note',
    name,
    'not found',
    'only the tests need it; npm test installs it on Debian when run as root',
  );
}

async function findCoordinator(settings: Settings): Promise<Finding> {
  const url = coordinatorUrl(settings);
  const name = 'coordinator';
  try {
    const { value } = await new ApiClient(url).overview();
    return ok(name, `version ${value.version} answers at ${url}, with ${value.workers.connected} workers`);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const wanted = settings.text(options.COORDINATOR_URL) !== undefined;
    if (wanted) return other('problem', name, detail, 'check COORDINATOR_URL');
    return other('note', name, `none answers at ${url}`, 'threads up starts one');
  }
}
