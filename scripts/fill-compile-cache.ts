/**
 * Fills NODE_COMPILE_CACHE for an image, while it is built: `node fill-compile-cache.mjs cpu|gpu …`. Runs a coordinator
 * and a worker of each kind as containers run them, through one small job. Node writes what it made of the TypeScript
 * when a process ends; a container, whose root can't be written, then only reads it. The folder's name has Node's
 * version, V8's flags and the user's id in it, so this runs under the image's user with the commands of its entry.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '..', 'cli', 'main.ts');
const TIMEOUT_MS = 240_000;
const running = new Set();
const folder = mkdtempSync(join(tmpdir(), 'compile-cache-'));

/** Starts a service. `ready` resolves with what it tells when it listens (cli/ready-message.ts), rejects if it ends. */
function start(args, env = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, DATA_DIR: join(folder, args[0]), ...env },
  });
  const ended = once(child, 'exit');
  running.add(child);
  void ended.then(() => running.delete(child));
  const ready = () =>
    Promise.race([
      once(child, 'message').then(([message]) => message),
      ended.then(([code]) => Promise.reject(new Error(`${args.join(' ')} ended with ${code}`))),
    ]);
  return { ready, stop: () => (child.kill('SIGTERM'), ended) };
}

/** Follows the job's events to the end. */
async function finished(url, jobId) {
  const events = await fetch(`${url}/api/jobs/${jobId}/events`);
  let text = '';
  for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/"status":"(completed|failed)"/.test(text)) return;
  }
}

const timer = setTimeout(() => {
  for (const child of running) child.kill('SIGKILL');
  process.exit(1);
}, TIMEOUT_MS);
const coordinator = start(['coordinator'], { HOST: '127.0.0.1', COORDINATOR_PORT: '0', METRICS_PORT: '0' });
const { url } = await coordinator.ready();
for (const kind of process.argv.slice(2)) {
  const worker = start(['worker', '--url', url, '--kind', kind], {
    WORKER_PORT: '0',
    GPU_ENABLED: 'true',
  });
  const job = { type: 'collatz', parameters: { start: '1', end: '300000' } };
  const submitted = await fetch(`${url}/api/submit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(job),
  });
  const { job_id: jobId } = await submitted.json();
  await finished(url, jobId);
  await worker.stop();
}
await coordinator.stop();
clearTimeout(timer);
rmSync(folder, { recursive: true, force: true });
