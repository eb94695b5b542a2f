/** The coordinator's HTTP face as a script uses it: every reply is read by its schema. */
import type { z } from 'zod';
import {
  clusterStatus,
  errorBody,
  jobCoverage,
  jobResults,
  jobStatus,
  nodeList,
  readiness,
  submitReply,
} from '../../protocol/http.ts';
import type { JobStatus, NodeStatus } from '../../protocol/http.ts';

const POLL_MS = 50;
const REQUEST_TIMEOUT_MS = 20_000;

export class Api {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  submit(body: unknown, headers: Readonly<Record<string, string>> = {}) {
    return this.#call(submitReply, '/api/submit', { method: 'POST', body: JSON.stringify(body), headers });
  }
  status(jobId: string) {
    return this.#call(jobStatus, `/api/status/${jobId}`);
  }
  results(jobId: string) {
    return this.#call(jobResults, `/api/results/${jobId}`);
  }
  coverage(jobId: string) {
    return this.#call(jobCoverage, `/api/jobs/${jobId}/coverage`);
  }
  cancel(jobId: string) {
    return this.#call(jobStatus, `/api/cancel/${jobId}`, { method: 'POST' });
  }
  pause(jobId: string) {
    return this.#call(jobStatus, `/api/jobs/${jobId}/pause`, { method: 'POST' });
  }
  resume(jobId: string) {
    return this.#call(jobStatus, `/api/jobs/${jobId}/resume`, { method: 'POST' });
  }
  cluster() {
    return this.#call(clusterStatus, '/api/status');
  }
  async nodes(): Promise<readonly NodeStatus[]> {
    return (await this.#call(nodeList, '/api/nodes')).nodes;
  }

  async ready(): Promise<boolean> {
    try {
      const response = await this.#fetch('/ready');
      return readiness.parse(await response.json()).status === 'ready';
    } catch {
      return false;
    }
  }

  /** Resolves when the worker is connected. A worker per GPU has its index behind its name. */
  async worker(nodeId: string): Promise<NodeStatus> {
    let found: NodeStatus | undefined;
    await this.until(async () => {
      found = (await this.nodes()).find(({ node_id }) => node_id === nodeId || node_id === `${nodeId}-gpu0`);
      return found?.state === 'computing' || found?.state === 'idle';
    }, `${nodeId} is connected`);
    if (found === undefined) throw new Error(nodeId);
    return found;
  }

  /** Follows a job to its end, over restarts of the coordinator. @param watch sees every status on the way */
  async end(
    jobId: string,
    timeout_ms: number,
    watch: (status: JobStatus) => void = () => undefined,
  ): Promise<JobStatus> {
    let last: JobStatus | undefined;
    await this.until(
      async () => {
        try {
          last = await this.status(jobId);
        } catch (error) {
          // Down or starting. What it says of a job that it has lost is no such thing.
          if (error instanceof ApiError) throw error;
          return false;
        }
        watch(last);
        return ['completed', 'failed', 'cancelled'].includes(last.status);
      },
      `${jobId} is over`,
      timeout_ms,
      () => JSON.stringify(last),
    );
    if (last === undefined) throw new Error(jobId);
    return last;
  }

  /** Polls until the condition holds. @param explain shown if it does not in time */
  async until(
    condition: () => Promise<boolean> | boolean,
    what: string,
    timeout_ms = 60_000,
    explain: () => string = () => '',
  ): Promise<void> {
    const deadline = performance.now() + timeout_ms;
    while (!(await condition())) {
      if (performance.now() > deadline) {
        throw new Error(`not within ${timeout_ms / 1000} s: ${what}\n${explain()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #call<T extends z.ZodType>(schema: T, path: string, init: RequestInit = {}): Promise<z.output<T>> {
    const response = await this.#fetch(path, init);
    const body: unknown = await response.json();
    if (response.ok) return schema.parse(body);
    const { error } = errorBody.parse(body);
    throw new ApiError(response.status, error.code, error.message);
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('content-type', 'application/json');
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    return fetch(`${this.#url}${path}`, { ...init, headers, signal });
  }
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(`${code}: ${message}`);
    this.status = status;
    this.code = code;
  }
}
