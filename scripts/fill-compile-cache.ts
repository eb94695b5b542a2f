/**
 * Fills NODE_COMPILE_CACHE for an image, while it is built: `node fill-compile-cache.ts cpu|gpu …`. Runs a coordinator
 * and a worker of each kind as containers run them, through one small job. Node writes what it made of the TypeScript
 * when a process ends; a container, whose root can't be written, then only reads it. The folder's name has Node's
 * version, V8's flags and the user's id in it, so this runs under the image's user with the commands of its entry.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '..', 'cli', 'main.ts');
/** Under emulation of another processor all this is some twenty times slower. */
const TIMEOUT_MS = 600_000;
const JOB = { type: 'collatz', parameters: { start: '1', end: '300000' } };

const folder = mkdtempSync(join(tmpdir(), 'compile-cache-'));
const running = new Set<ChildProcess>();

function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(process.execPath, [MAIN, command, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, DATA_DIR: join(folder, command), ...env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Where a coordinator listens, as it tells whoever started it (cli/ready-message.ts). @throws Error if it ends */
function address(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the coordinator ended with ${code ?? 'a signal'}`)));
    child.once('message', (message) => {
      if (typeof message === 'object' && 'url' in message) resolve(String(message.url));
      else reject(new Error(`the coordinator told ${JSON.stringify(message)}`));
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await ended;
}

/** Submits the job and reads its events to the end. */
async function runJob(url: string): Promise<void> {
  const submitted = await fetch(`${url}/api/submit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(JOB),
  });
  const reply: unknown = await submitted.json();
  if (typeof reply !== 'object' || reply === null || !('job_id' in reply)) {
    throw new Error(`the job was refused: ${JSON.stringify(reply)}`);
  }
  const events = await (await fetch(`${url}/api/jobs/${String(reply.job_id)}/events`)).text();
  if (!events.includes('"status":"completed"')) throw new Error(`the job did not complete:\n${events}`);
}

const timer = setTimeout(() => {
  for (const child of running) child.kill('SIGKILL');
  process.exit(1);
}, TIMEOUT_MS);
const coordinator = start('coordinator', [], { HOST: '127.0.0.1', COORDINATOR_PORT: '0', METRICS_PORT: '0' });
const url = await address(coordinator);
for (const kind of process.argv.slice(2)) {
  const worker = start('worker', ['--url', url, '--kind', kind], { WORKER_PORT: '0', GPU_ENABLED: 'true' });
  await runJob(url);
  await stop(worker);
}
await stop(coordinator);
clearTimeout(timer);
rmSync(folder, { recursive: true, force: true });
