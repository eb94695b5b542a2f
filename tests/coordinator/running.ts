/** A real coordinator in this process: free ports, a data folder of its own, nothing left behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { CoordinatorConfig } from '../../coordinator/config.ts';
import { startCoordinator } from '../../coordinator/start.ts';
import { errorBody } from '../../protocol/http.ts';
import type { ErrorBody } from '../../protocol/http.ts';
import { buildKernels } from '../../scripts/build-kernels.ts';

const PATIENCE_MS = 90_000;
/** Of a stop: it cuts what is open after 1 s, and waits 4 s for a commit, of which there is none. */
export const MOST_STOP_MS = 4000;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface TestCoordinator {
  readonly url: string;
  readonly metricsUrl: string;
  readonly dataDir: string;
  /** @param init a string `body` is sent as JSON unless `headers` say otherwise */
  ask(path: string, init?: RequestInit): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** The id of a new collatz job over [1, end). */
  submit(end: string, more?: Record<string, unknown>, headers?: Record<string, string>): Promise<string>;
  /** When the job is over, as its live events say. @throws if it ends in any other way, or takes longer than PATIENCE_MS */
  completed(job: string): Promise<void>;
  close(): Promise<void>;
}

/** Stopped and removed when the test is over. */
export async function runCoordinator(
  test: TestContext,
  config: Partial<CoordinatorConfig> = {},
): Promise<TestCoordinator> {
  await buildKernels();
  const dataDir = config.dataDir ?? (await mkdtemp(join(tmpdir(), 'threads-coordinator-')));
  const running = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    metricsPort: 0,
    logLevel: 'silent',
    exitOnCrash: false,
    ...config,
    dataDir,
  });
  test.after(async () => {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const ask = async (path: string, init?: RequestInit): Promise<Reply> => {
    const reply = await fetch(`${running.url}${path}`, init);
    const text = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true;
    const body: unknown = isJson ? JSON.parse(text) : text;
    return { status: reply.status, headers: reply.headers, body };
  };
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
    ask(path, {
      method: 'POST',
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    });
  const submit = async (
    end: string,
    more: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<string> => {
    const job = { type: 'collatz', parameters: { start: '1', end, ...more } };
    const { status, body } = await post('/api/submit', job, headers);
    if (status !== 202 || typeof body !== 'object' || body === null || !('job_id' in body)) {
      throw new Error(`the submit was refused: ${JSON.stringify(body)}`);
    }
    return String(body.job_id);
  };
  // The stream ends with the job. A status that is asked for after the last result's answer may still say 'running':
  // what a worker hands in is stored by one commit, that a job is over by a later one.
  const completed = async (job: string): Promise<void> => {
    const stream = await fetch(`${running.url}/api/jobs/${job}/events`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await stream.text();
    if (!text.includes('"status":"completed"'))
      throw new Error(`${job} is not completed: ${text.slice(-500)}`);
  };
  return { ...running, dataDir, ask, post, submit, completed };
}

/** The error that a reply carries. @throws if it carries none, or not in the shape of all errors */
export function errorOf({ body }: Reply): ErrorBody['error'] {
  return errorBody.parse(body).error;
}
