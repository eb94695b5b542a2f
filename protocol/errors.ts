/**
 * The closed set of errors that cross a boundary (HTTP, socket), each with its HTTP status and whether the
 * same request may succeed when it is sent again unchanged. A new kind is a change of the protocol.
 */
export const ERROR_KINDS = {
  /** The request breaks its schema; `details.fields` names every field that is wrong. */
  invalid_request: { status: 400, retry: false },
  /** The body is no JSON, or a socket message has the wrong shape altogether. */
  malformed: { status: 400, retry: false },
  /** Without a key this is closed; with one it may be open. */
  key_needed: { status: 401, retry: false },
  /** The key is unknown, expired or revoked. */
  key_refused: { status: 401, retry: false },
  /** The key is good, but its role may not do this, or the job is another user's. */
  forbidden: { status: 403, retry: false },
  /** A page of another origin tried to connect or to change something. */
  origin_refused: { status: 403, retry: false },
  not_found: { status: 404, retry: false },
  method_not_allowed: { status: 405, retry: false },
  /** The job's state forbids this step (cancel a completed job, resume a cancelled one). */
  state_conflict: { status: 409, retry: false },
  /** An Idempotency-Key was sent before with another body. */
  idempotency_conflict: { status: 409, retry: false },
  too_large: { status: 413, retry: false },
  unsupported_media_type: { status: 415, retry: false },
  /** A limit on what waits or is connected is reached; later there may be room. */
  limit_reached: { status: 429, retry: true },
  internal: { status: 500, retry: true },
  /** The coordinator is starting or stopping. */
  not_ready: { status: 503, retry: true },
  /** The store can't be written (disk full, folder gone): nothing was accepted. */
  store_unavailable: { status: 503, retry: true },

  /** Worker and coordinator speak different protocol versions: update the older one. */
  protocol_mismatch: { status: 426, retry: false },
  /** Another live worker has this node_id. */
  node_id_in_use: { status: 409, retry: true },
  /** The lease token was not signed by this cluster, or was altered. */
  lease_forged: { status: 403, retry: false },
  lease_expired: { status: 410, retry: false },
  /** The token belongs to another worker. */
  lease_foreign: { status: 403, retry: false },
  /** The range was settled otherwise, or its job ended: throw the result away. */
  lease_superseded: { status: 410, retry: false },
  /** The result contradicts itself, or a claimed record did not survive recomputation. */
  result_contradicts: { status: 422, retry: false },
} as const satisfies Record<string, { status: number; retry: boolean }>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export const ERROR_CODES = Object.keys(ERROR_KINDS).filter(isErrorCode);

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, text);
}

/** One field of a request that is wrong: `path` is dotted (`parameters.start`), `message` says what to enter. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** An error that may be shown to whoever sent the request. `message` says what is wrong and what to do. */
export class ClusterError extends Error {
  readonly code: ErrorCode;
  readonly fields: readonly FieldProblem[];
  /** When the same request may succeed; undefined where that is not known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { fields?: readonly FieldProblem[]; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'ClusterError';
    this.code = code;
    this.fields = options.fields ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERROR_KINDS[this.code].status;
  }

  get retry(): boolean {
    return ERROR_KINDS[this.code].retry;
  }
}
