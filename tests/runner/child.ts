/**
 * Runs one tool or test file in a process group of its own, so that a stuck one is ended with everything it
 * started, and keeps the end of what it printed.
 */
import { spawn } from 'node:child_process';

export interface ChildResult {
  readonly status: 'exited' | 'timed out' | 'could not start';
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** stdout and stderr as they came, at most the last OUTPUT_BYTES. */
  readonly output: string;
  readonly ms: number;
}

const OUTPUT_BYTES = 200_000;
/** Groups that run now: ended with the runner. */
const groups = new Set<number>();

export function runChild(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<ChildResult> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const keep = (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes - (chunks[0]?.length ?? 0) > OUTPUT_BYTES) bytes -= chunks.shift()?.length ?? 0;
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);

  return new Promise((resolve) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup(pid);
    }, options.timeoutMs);
    const finish = (status: ChildResult['status'], code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      // What the process left running (a server that a failed test didn't stop) would disturb the next ones.
      endGroup(pid);
      if (pid !== undefined) groups.delete(pid);
      const output = Buffer.concat(chunks).toString('utf8');
      resolve({ status, code, signal, output, ms: performance.now() - startedAt });
    };
    child.on('error', (error) => {
      keep(Buffer.from(`${command}: ${error.message}\n`));
      finish('could not start', null, null);
    });
    child.on('exit', () => {
      // A grandchild that holds the pipes open must not keep `close` from coming.
      endGroup(pid);
    });
    child.on('close', (code, signal) => {
      finish(timedOut ? 'timed out' : 'exited', code, signal);
    });
  });
}

export function endAllChildren(): void {
  for (const pid of groups) endGroup(pid);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended already.
  }
}
