/**
 * Requests of the pages to their own coordinator, with the key of this tab. What it answers was made by the schemas of
 * protocol/http.ts and protocol/access.ts.
 */
import type { CallerStatus } from '../../../protocol/access.ts';
import type {
  JobCoverage,
  JobList,
  JobResults,
  JobStatus,
  SubmitReply,
  Throughput,
} from '../../../protocol/http.ts';
import { bearer, key, keyRefused, otherKey } from './key.ts';

/** What the API refused, or that it could not be reached. */
export class ApiError extends Error {
  /** The API's own code, or `unreachable`. */
  readonly code: string;
  /** Wrong fields by their path, e.g. `parameters.end`. */
  readonly fields: ReadonlyMap<string, string>;

  constructor(code: string, message: string, fields: ReadonlyMap<string, string> = new Map()) {
    super(message);
    this.code = code;
    this.fields = fields;
  }
}

export interface SubmitRequest {
  readonly type: 'collatz' | 'thread';
  readonly name?: string;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly parameters: Readonly<Record<string, string | number>>;
}

const TIMEOUT_MS = 15_000;
const KEY_NEEDED = 'This needs a key: the button with the key, at the top of this page, takes one.';

export const api = {
  /** @param idempotencyKey the same key and body twice make one job */
  submit: (body: SubmitRequest, idempotencyKey?: string) =>
    ask<SubmitReply>('POST', '/api/submit', body, hasText('job_id'), idempotencyKey),
  status: (jobId: string) => ask<JobStatus>('GET', `/api/status/${jobId}`, undefined, hasText('job_id')),
  results: (jobId: string) => ask<JobResults>('GET', `/api/results/${jobId}`, undefined, hasText('job_id')),
  coverage: (jobId: string) =>
    ask<JobCoverage>('GET', `/api/jobs/${jobId}/coverage`, undefined, hasText('job_id')),
  jobs: (query: Readonly<Record<string, string>>) =>
    ask<JobList>('GET', `/api/jobs?${new URLSearchParams(query).toString()}`, undefined, hasList('jobs')),
  throughput: (window: string) =>
    ask<Throughput>('GET', `/api/cluster/throughput?window=${window}`, undefined, hasList('series')),
  cancel: (jobId: string) => ask<JobStatus>('POST', `/api/cancel/${jobId}`, {}, hasText('job_id')),
  pause: (jobId: string) => ask<JobStatus>('POST', `/api/jobs/${jobId}/pause`, {}, hasText('job_id')),
  resume: (jobId: string) => ask<JobStatus>('POST', `/api/jobs/${jobId}/resume`, {}, hasText('job_id')),
  caller: () => ask<CallerStatus>('GET', '/api/caller', undefined, isCaller),
  /** What the coordinator takes somebody with this key for, which is not (yet) the tab's. */
  callerWith: (shown: string) => send<CallerStatus>('GET', '/api/caller', undefined, isCaller, shown),
} as const;

/**
 * Only what tells one answer from another is looked at: the coordinator and its pages are built together, and the
 * schemas themselves would be a third of a page's bytes.
 */
type Shape = (value: unknown) => boolean;

function hasText(field: string): Shape {
  return (value) => isObject(value) && typeof value[field] === 'string';
}

function hasList(field: string): Shape {
  return (value) => isObject(value) && Array.isArray(value[field]);
}

function isCaller(value: unknown): boolean {
  return isObject(value) && typeof value['kind'] === 'string' && isObject(value['may']);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/**
 * What is only read waits until there is a key, if it needs one: the page says so once, and goes on by itself.
 * @throws ApiError
 */
async function ask<T>(
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  shape: Shape,
  idempotencyKey?: string,
): Promise<T> {
  for (;;) {
    const shown = key.peek();
    try {
      return await send<T>(method, path, body, shape, shown, idempotencyKey);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'key_refused' && shown !== undefined) keyRefused(shown, error.message);
      const waits = error.code === 'key_needed' || (error.code === 'key_refused' && shown !== undefined);
      if (method !== 'GET' || !waits) throw error;
      await otherKey(shown);
    }
  }
}

/** @throws ApiError */
async function send<T>(
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  shape: Shape,
  shown: string | undefined,
  idempotencyKey?: string,
): Promise<T> {
  const read = (value: unknown): value is T => shape(value);
  let response: Response;
  let value: unknown;
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...bearer(shown),
        ...(method === 'POST' ? { 'Content-Type': 'application/json' } : {}),
        ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
      },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    });
    value = await response.json();
  } catch {
    throw new ApiError('unreachable', 'The coordinator can’t be reached. Nothing was changed; try again.');
  }
  if (response.ok && read(value)) return value;
  throw errorOf(value);
}

/** @param value the body of an answer that is no success */
export function errorOf(value: unknown): ApiError {
  const error = isObject(value) ? value['error'] : undefined;
  if (!isObject(error))
    return new ApiError('unreadable', 'The coordinator’s answer can’t be read: reload the page.');
  const details = isObject(error['details']) ? error['details']['fields'] : undefined;
  const fields = Array.isArray(details)
    ? details
        .filter(isObject)
        .map((field): [string, string] => [String(field['path']), String(field['message'])])
    : [];
  const code = String(error['code']);
  // What the coordinator says is for those who write requests.
  const message = code === 'key_needed' ? KEY_NEEDED : String(error['message']);
  return new ApiError(code, message, new Map(fields));
}
