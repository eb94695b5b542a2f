/**
 * The yardsticks in C (bench/c): compiled when they are needed, if there is a compiler, and run on the same core.
 *
 * Each takes `START LENGTH`, and the one for `thread` its parameters, computes that range again and again for at least
 * a second of CPU time, and prints `{"units": N, "cpu_ns": T, "result": {…}}`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { rangeLength, type Range } from '../../protocol/range.ts';
import type { Case } from './cases.ts';
import { onCore } from './clocks.ts';
import type { Fields } from './comparison.ts';
import type { BenchWorkload } from './names.ts';
import { BENCH_FOLDER, SOURCES } from './textbook.ts';

const COMPILER = 'cc';
const FLAGS = ['-O3', '-march=native'];
/** After the source, for those that need it. */
const LIBRARIES = ['-lm'];
const RUN_MS = 120_000;

const printed = z.object({
  units: z.coerce.number().positive(),
  cpu_ns: z.coerce.number().positive(),
  result: z.record(z.string(), z.unknown()),
});

/** A program says that its numbers don't suffice: exit code 2. It is no yardstick there, and is not wrong. */
export class BeyondBounds extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BeyondBounds';
  }
}
const BEYOND_BOUNDS = 2;

export interface CRun {
  readonly units: number;
  readonly seconds: number;
  readonly fields: Fields;
}

/** @returns the program, or why there is none. @throws Error with the compiler's words if the source is bad */
export function buildC(workload: BenchWorkload): { readonly program: string } | { readonly reason: string } {
  const source = join(SOURCES, 'c', `${workload}.c`);
  if (!existsSync(source)) return { reason: `this installation has no bench/c/${workload}.c` };
  const version = spawnSync(COMPILER, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) return { reason: `there is no C compiler (${COMPILER})` };
  // Compiled for this very processor: a build folder may have been copied from another.
  const inputs = createHash('sha256')
    .update(
      JSON.stringify([version.stdout, FLAGS, LIBRARIES, cpus()[0]?.model, readFileSync(source, 'utf8')]),
    )
    .digest('hex');
  const program = join(BENCH_FOLDER, workload);
  const stamp = `${program}.inputs`;
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return { program };
  mkdirSync(BENCH_FOLDER, { recursive: true });
  const temporary = `${program}.${process.pid}`;
  const compiled = spawnSync(COMPILER, [...FLAGS, '-o', temporary, source, ...LIBRARIES], {
    encoding: 'utf8',
  });
  if (compiled.status !== 0) throw new Error(`bench/c/${workload}.c does not compile:\n${compiled.stderr}`);
  renameSync(temporary, program);
  writeFileSync(stamp, inputs);
  return { program };
}

/** @throws BeyondBounds; Error if the program fails or prints something else */
export async function runC(
  program: string,
  { name, programArguments }: Case,
  range: Range,
  core: number | undefined,
): Promise<CRun> {
  const told = [String(range.start), String(rangeLength(range)), ...programArguments];
  const [command, args] = onCore(core, program, told);
  const { code, stdout, stderr } = await run(command, args);
  if (code === BEYOND_BOUNDS) throw new BeyondBounds(stderr.trim());
  if (code !== 0) throw new Error(`${name}: the C program failed (${code}): ${stderr.trim()}`);
  const { units, cpu_ns, result } = readLine(name, stdout);
  return { units, seconds: cpu_ns / 1e9, fields: result };
}

/** Whole numbers are kept as text: a peak has more digits than JavaScript's numbers. */
export function readLine(name: string, line: string): z.infer<typeof printed> {
  try {
    const json: unknown = JSON.parse(line.replaceAll(/(?<=[:[,]\s*)-?\d+(?=\s*[,\]}])/g, '"$&"'));
    return printed.parse(json);
  } catch (error) {
    throw new Error(`${name}: the C program printed ${JSON.stringify(line.slice(0, 200))}`, { cause: error });
  }
}

async function run(command: string, args: readonly string[]): Promise<Completed> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_MS });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? signal ?? '?', stdout, stderr }));
  });
}

interface Completed {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}
