/** The typed HTTP client: every reply is read by the schema that the coordinator wrote it with. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  auditList,
  callerStatus,
  createdKey,
  keyList,
  keyStatus,
  type AuditList,
  type CallerStatus,
  type CreateKeyBody,
  type CreatedKey,
  type KeyList,
  type KeyStatus,
} from '../protocol/access.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import {
  clusterStatus,
  errorBody,
  jobList,
  jobResults,
  jobStatus,
  nodeList,
  nodeStatus,
  submitReply,
  type ClusterStatus,
  type ErrorBody,
  type JobList,
  type JobResults,
  type JobStatus,
  type NodeStatus,
  type SubmitBody,
  type SubmitReply,
} from '../protocol/http.ts';
import { readEvents, type ServerEvent } from './event-stream.ts';

/** The coordinator said no. */
export class RefusedError extends Error {
  readonly code: ErrorCode;
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(body.error.message);
    this.name = 'RefusedError';
    this.code = body.error.code;
    this.body = body;
  }
}

/** Nobody answers there, or something that is no coordinator does. */
export class UnreachableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'UnreachableError';
  }
}

/** A reply as the API wrote it, and read. */
export interface Reply<T> {
  readonly value: T;
  readonly json: string;
}

export type JobEvent =
  | { readonly kind: 'progress' | 'end'; readonly status: JobStatus }
  | { readonly kind: 'result'; readonly results: JobResults }
  /** The connection was lost; `attempt` counts from 1. The stream goes on by itself. */
  | { readonly kind: 'reconnecting'; readonly attempt: number };

interface Schema<T> {
  parse(value: unknown): T;
}

const TIMEOUT_MS = 15_000;
/** A watched job outlives its coordinator's restart: so long is tried before giving up. */
const RECONNECT_TOTAL_MS = 5 * 60_000;
const RECONNECT_LONGEST_MS = 5000;

export class ApiClient {
  readonly url: string;
  readonly #key: string | undefined;

  /**
   * @param url origin of the coordinator, without a slash at its end
   * @param key shown with every request; undefined: none
   */
  constructor(url: string, key?: string) {
    this.url = url;
    this.#key = key;
  }

  submit(body: SubmitBody, idempotencyKey?: string): Promise<Reply<SubmitReply>> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    return this.#request(submitReply, '/api/submit', { method: 'POST', headers, body: JSON.stringify(body) });
  }

  overview(): Promise<Reply<ClusterStatus>> {
    return this.#request(clusterStatus, '/api/status');
  }

  status(jobId: string): Promise<Reply<JobStatus>> {
    return this.#request(jobStatus, `/api/status/${encodeURIComponent(jobId)}`);
  }

  results(jobId: string): Promise<Reply<JobResults>> {
    return this.#request(jobResults, `/api/results/${encodeURIComponent(jobId)}`);
  }

  cancel(jobId: string): Promise<Reply<JobStatus>> {
    return this.#request(jobStatus, `/api/cancel/${encodeURIComponent(jobId)}`, { method: 'POST' });
  }

  pause(jobId: string): Promise<Reply<JobStatus>> {
    return this.#request(jobStatus, `/api/jobs/${encodeURIComponent(jobId)}/pause`, { method: 'POST' });
  }

  resume(jobId: string): Promise<Reply<JobStatus>> {
    return this.#request(jobStatus, `/api/jobs/${encodeURIComponent(jobId)}/resume`, { method: 'POST' });
  }

  jobs(query: Readonly<Record<string, string | undefined>> = {}): Promise<Reply<JobList>> {
    return this.#request(jobList, `/api/jobs?${searchOf(query)}`);
  }

  nodes(): Promise<Reply<{ nodes: NodeStatus[] }>> {
    return this.#request(nodeList, '/api/nodes');
  }

  node(nodeId: string): Promise<Reply<NodeStatus>> {
    return this.#request(nodeStatus, `/api/nodes/${encodeURIComponent(nodeId)}`);
  }

  caller(): Promise<Reply<CallerStatus>> {
    return this.#request(callerStatus, '/api/caller');
  }

  keys(): Promise<Reply<KeyList>> {
    return this.#request(keyList, '/api/keys');
  }

  createKey(body: CreateKeyBody): Promise<Reply<CreatedKey>> {
    const headers = { 'content-type': 'application/json' };
    return this.#request(createdKey, '/api/keys', { method: 'POST', headers, body: JSON.stringify(body) });
  }

  revokeKey(id: string): Promise<Reply<KeyStatus>> {
    return this.#request(keyStatus, `/api/keys/${encodeURIComponent(id)}/revoke`, { method: 'POST' });
  }

  audit(query: Readonly<Record<string, string | undefined>>): Promise<Reply<AuditList>> {
    return this.#request(auditList, `/api/audit?${searchOf(query)}`);
  }

  /**
   * Follows a job to its end by server-sent events, through lost connections and restarts of the coordinator.
   * @throws RefusedError; UnreachableError when it stays away for five minutes
   */
  async *events(jobId: string, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let failures = 0;
    let lostAt = 0;
    for (;;) {
      try {
        for await (const event of this.#eventsOnce(jobId, signal)) {
          const told = readJobEvent(event);
          if (told === undefined) continue;
          failures = 0;
          yield told;
          if (told.kind === 'end') return;
        }
      } catch (error) {
        if (signal.aborted) return;
        const temporary =
          error instanceof UnreachableError || (error instanceof RefusedError && isTemporary(error));
        if (!temporary) throw error;
        if (failures > 0 && performance.now() - lostAt > RECONNECT_TOTAL_MS) throw error;
      }
      if (signal.aborted) return;
      if (failures === 0) lostAt = performance.now();
      failures += 1;
      yield { kind: 'reconnecting', attempt: failures };
      // Jittered, so that all who watched do not come back at once.
      const longest = Math.min(RECONNECT_LONGEST_MS, 250 * 2 ** failures);
      await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  async *#eventsOnce(jobId: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    const path = `/api/jobs/${encodeURIComponent(jobId)}/events`;
    const response = await this.#fetch(path, { headers: { accept: 'text/event-stream' }, signal });
    if (!response.ok) throw this.#refusal(path, response, await response.text());
    if (response.body === null) return;
    try {
      yield* readEvents(response.body);
    } catch (error) {
      throw new UnreachableError(`the connection to ${this.url} was lost`, error);
    }
  }

  async #request<T>(schema: Schema<T>, path: string, init: RequestInit = {}): Promise<Reply<T>> {
    const response = await this.#fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    let json: string;
    try {
      json = await response.text();
    } catch (error) {
      throw new UnreachableError(`the connection to ${this.url} was lost: try again`, error);
    }
    if (!response.ok) throw this.#refusal(path, response, json);
    return { value: this.#read(schema, json, path), json };
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      const headers = new Headers(init.headers);
      if (this.#key !== undefined) headers.set('authorization', `Bearer ${this.#key}`);
      return await fetch(this.url + path, { ...init, headers, redirect: 'error' });
    } catch (error) {
      throw new UnreachableError(unreachable(this.url, error), error);
    }
  }

  #refusal(path: string, response: Response, text: string): Error {
    const body = errorBody.safeParse(parseJson(text));
    if (body.success) return new RefusedError(body.data);
    return new UnreachableError(
      `what answers at ${this.url} is no coordinator (${path}: HTTP ${response.status}): check the address`,
    );
  }

  #read<T>(schema: Schema<T>, json: string, path: string): T {
    try {
      return schema.parse(parseJson(json));
    } catch (error) {
      throw new UnreachableError(
        `what answers at ${this.url}${path} is no coordinator of this version: check the address, update the older side`,
        error,
      );
    }
  }
}

function searchOf(query: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, value);
  return search.toString();
}

function isTemporary({ code }: RefusedError): boolean {
  return (
    code === 'not_ready' || code === 'limit_reached' || code === 'store_unavailable' || code === 'internal'
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readJobEvent({ event, data }: ServerEvent): JobEvent | undefined {
  if (event === 'progress' || event === 'end') {
    const status = jobStatus.safeParse(parseJson(data));
    return status.success ? { kind: event, status: status.data } : undefined;
  }
  if (event === 'result') {
    const results = jobResults.safeParse(parseJson(data));
    return results.success ? { kind: 'result', results: results.data } : undefined;
  }
  return undefined;
}

/** undici hides the reason in `cause`. */
function unreachable(url: string, error: unknown): string {
  const start = 'start one with `threads up`, or give its address with --url or COORDINATOR_URL';
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `the coordinator at ${url} did not answer in ${TIMEOUT_MS / 1000} s`;
  }
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED') return `no coordinator listens at ${url}: ${start}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the host name in ${url} is not known: check the address`;
  const message = cause instanceof Error ? cause.message : String(cause);
  return `the coordinator at ${url} cannot be reached (${code === '' ? message : code}): ${start}`;
}
