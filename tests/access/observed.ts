/**
 * A coordinator in a process of its own, as strangers meet it: everything that it logs is kept, down to debug, and
 * its memory can be read. What attacks it runs elsewhere, so that its own event loop is all that is measured.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createdKey } from '../../protocol/access.ts';
import type { CreatedKey, Role } from '../../protocol/access.ts';
import { errorBody } from '../../protocol/http.ts';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import type { Ending } from '../cluster/processes.ts';
import { bearer } from './keys.ts';

const ROOT = join(import.meta.dirname, '../..');
const logLine = z.looseObject({ level: z.string(), msg: z.string() });
const readyLine = z.looseObject({
  msg: z.literal('coordinator ready'),
  url: z.string(),
  metrics: z.string(),
});
const stoppedLine = z.looseObject({ msg: z.literal('coordinator stopped') });

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface Observed {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly metricsUrl: string;
  readonly port: number;
  readonly dataDir: string;
  /** Empty for a coordinator on loopback alone, which makes none. */
  readonly adminKey: string;
  ask(method: 'GET' | 'POST', path: string, key?: string, body?: unknown): Promise<Reply>;
  key(role: Role, user?: string): Promise<CreatedKey>;
  revoke(keyId: string): Promise<void>;
  /** All that it has written to stdout and stderr. */
  output(): string;
  /** Fails if anything was logged above a warning, or is no line of the log. */
  assertNothingBroke(): void;
  /** Resident memory in MB; 0 where the system does not tell it. */
  memory_mb(): number;
  /** Asks it to stop, and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Listens beyond loopback, without limits of rates and connections, unless `env` says otherwise.
 * @throws Error with its output if it ends before it is ready
 */
export async function observe(ending: Ending, env: Readonly<Record<string, string>> = {}): Promise<Observed> {
  await buildKernels();
  const dataDir = join(temporaryFolder(ending), 'data');
  const { PATH, HOME, TMPDIR } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), 'coordinator'], {
    cwd: ROOT,
    env: {
      PATH,
      HOME,
      ...(TMPDIR === undefined ? {} : { TMPDIR }),
      HOST: '0.0.0.0',
      COORDINATOR_PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'debug',
      CONNECTIONS_PER_ADDRESS: '0',
      ...NO_RATES,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close');
  ending.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const chunks: string[] = [];
  const ready = new Promise<z.infer<typeof readyLine>>((resolve, reject) => {
    const keep = (chunk: Buffer): void => {
      chunks.push(chunk.toString('utf8'));
      if (chunks.length > 1000) return;
      for (const line of chunks.join('').split('\n')) {
        const found = readyLine.safeParse(parsed(line)).data;
        if (found !== undefined) resolve(found);
      }
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    void exited.then(() => reject(new Error(`the coordinator ended:\n${chunks.join('')}`)));
  });
  const { url, metrics } = await ready;
  const adminKey = env['HOST'] === '127.0.0.1' ? '' : readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();

  const ask: Observed['ask'] = async (method, path, key, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key === undefined ? {} : bearer(key)),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const output = (): string => chunks.join('');
  return {
    url,
    metricsUrl: metrics,
    port: Number(new URL(url).port),
    dataDir,
    adminKey,
    ask,
    key: async (role, user = 'ada') =>
      createdKey.parse((await ask('POST', '/api/keys', adminKey, { user, role })).body),
    revoke: async (keyId) => {
      assert.equal((await ask('POST', `/api/keys/${keyId}/revoke`, adminKey)).status, 200);
    },
    output,
    assertNothingBroke: () => {
      const lines = output()
        .split('\n')
        .slice(0, -1)
        .map((line) => ({ line, read: logLine.safeParse(parsed(line)).data }));
      const broken = lines.filter(
        ({ read }) => read === undefined || ['error', 'fatal'].includes(read.level),
      );
      assert.deepEqual(
        broken.slice(0, 5).map(({ line }) => line),
        [],
      );
    },
    memory_mb: () => residentMb(child.pid ?? 0),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      assert.ok(
        output()
          .split('\n')
          .some((line) => stoppedLine.safeParse(parsed(line)).success),
        'it said that it stopped',
      );
    },
  };
}

/** The code of a refusal; undefined: it was none. */
export function codeOf({ body }: Reply): string | undefined {
  return errorBody.safeParse(body).data?.error.code;
}

const NO_RATES = { RATE_REQUESTS: '0', RATE_SUBMITS: '0', RATE_CONNECTS: '0', RATE_MESSAGES: '0' };

function parsed(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return value;
  } catch {
    return undefined;
  }
}

function residentMb(pid: number): number {
  try {
    const [, kB = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kB) / 1024);
  } catch {
    return 0;
  }
}
