/**
 * The socket messages between a worker and the coordinator. One schema per message: types, validation and
 * docs/protocol.md come from it. Every request is acknowledged with `Ack`; a result is acknowledged only
 * after the transaction that holds it is durable. The socket only says *that* there is work; truth moves by
 * request and signed token, so a message may be lost, repeated or late without harm.
 */
import { z } from 'zod';
import { decimalString } from './decimal.ts';
import { ERROR_CODES } from './errors.ts';

/** Sockets refuse larger messages outright. A batch's aggregate is 1-30 KB. */
export const MAX_MESSAGE_BYTES = 512 * 1024;

/** A browser that computes by CPU is `cpu` too; `host` tells where it runs. */
export const WORKER_KINDS = ['browser-gpu', 'node-gpu', 'cpu'] as const;
export const workerKind = z.enum(WORKER_KINDS);
export type WorkerKind = z.infer<typeof workerKind>;
export const isGpuKind = (kind: WorkerKind): boolean => kind === 'browser-gpu' || kind === 'node-gpu';

export const nodeId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1-64 letters, digits, dots, dashes or underscores');
export const tag = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:=-]{0,63}$/, 'expected 1-64 characters without spaces');
const text = (max: number) => z.string().max(max);
const milliseconds = z.number().min(0).max(1e12);
const rate = z.number().min(0).max(1e18);

/** What a worker runs on. Unknown is null, never a guess. */
export const deviceInfo = z.strictObject({
  description: text(200),
  vendor: text(100).nullable(),
  backend: text(100).nullable(),
  software: z.boolean(),
  gpu_memory_mb: z.number().int().min(0).max(1e9).nullable(),
  threads: z.number().int().min(0).max(4096),
});
export type DeviceInfo = z.infer<typeof deviceInfo>;

/** Sent as Socket.IO's `auth` in the handshake. */
export const hello = z.strictObject({
  protocol: z.number().int(),
  node_id: nodeId,
  session: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'expected 32 hex digits')
    .describe(
      'random, made once per process or page: lets the same worker take its node_id back after a lost connection',
    ),
  kind: workerKind,
  host: z.enum(['browser', 'node']),
  software: text(64),
  device: deviceInfo,
  tags: z.array(tag).max(32),
  priority: z.number().int().min(-100).max(100),
  workloads: z
    .array(z.strictObject({ type: text(64), version: z.number().int().min(1).max(1e6) }))
    .max(64)
    .describe('those that it has code for; others are never leased to it'),
  health_url: text(200).nullable().describe('its own /health and /metrics, for operators'),
  leases: z.array(text(64)).max(16).describe('those that it still holds from before a reconnect'),
  key: text(200)
    .optional()
    .describe(
      'an API key of the role worker or admin: the worker is the operator’s own then, not a stranger’s',
    ),
});
export type Hello = z.infer<typeof hello>;

/** Server → worker after the handshake. */
export const welcome = z.strictObject({
  protocol: z.number().int(),
  software: text(64),
  heartbeat_ms: milliseconds,
  revoked: z.array(text(64)).describe('of the leases named in hello, those that are not worth finishing'),
});
export type Welcome = z.infer<typeof welcome>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const lease = z.strictObject({
  lease_id: text(64),
  token: text(2048).describe(
    'signed by the coordinator over lease, job, segment, range, worker, attempt and expiry; opaque to the worker',
  ),
  job_id: text(64),
  type: text(64),
  workload_version: z.number().int(),
  parameters: z.record(z.string(), z.union([z.string(), z.number()])),
  start: decimalString,
  end: decimalString,
  tile_length: decimalString,
  kernels: z
    .strictObject({ gpu: sha256, cpu: sha256 })
    .describe('fetch from GET /kernels/{sha256}, and check the hash'),
  expires_at: z.iso
    .datetime()
    .describe('the token is refused after this time; heartbeats keep the lease until then'),
});
export type Lease = z.infer<typeof lease>;

export const leaseRequest = z.strictObject({
  target_ms: milliseconds.describe(
    'how long the batch should take, as the worker’s host wants it; the coordinator may give less',
  ),
  rate_per_second: rate.describe(
    'the engine’s latest rate in units per second; 0 if it never computed anything of this kind',
  ),
});
export type LeaseRequest = z.infer<typeof leaseRequest>;

export const leaseReply = z.strictObject({
  lease: lease.nullable(),
  retry_after_ms: milliseconds.describe('when to ask again if no work arrives first'),
});
export type LeaseReply = z.infer<typeof leaseReply>;

/** A finished batch, or the finished beginning of one: [lease.start, end). What is left goes back. */
export const submission = z.strictObject({
  token: text(2048),
  end: decimalString,
  aggregate: z.unknown(),
  compute_ms: milliseconds.describe(
    'time the engine computed on this range; only this worker’s own batch lengths depend on it',
  ),
  next: leaseRequest
    .optional()
    .describe('asks for a lease with the same request, where the next is wanted at once: short batches'),
});
export type Submission = z.infer<typeof submission>;

export const submissionReply = z.strictObject({
  status: z
    .enum(['accepted', 'duplicate'])
    .describe('accepted: counted now. duplicate: was counted before, and agrees'),
  next: leaseReply.optional().describe('the answer to the submission’s `next`'),
});
export type SubmissionReply = z.infer<typeof submissionReply>;

export const release = z.strictObject({
  token: text(2048),
  reason: z.enum(['stopping', 'paused', 'device_lost', 'failed']),
  message: text(500),
});
export type Release = z.infer<typeof release>;

export const heartbeat = z.strictObject({
  state: z.enum(['computing', 'idle', 'paused']),
  busy_fraction: z.number().min(0).max(1).describe('share of the last interval in which an engine computed'),
  rate_per_second: rate,
  leases: z
    .array(
      z.strictObject({
        lease_id: text(64),
        done: decimalString.describe('units finished and folded, from the lease’s start'),
      }),
    )
    .max(16),
});
export type Heartbeat = z.infer<typeof heartbeat>;

export const heartbeatReply = z.strictObject({
  revoked: z
    .array(text(64))
    .describe('leases that are not worth finishing: cancelled, expired or settled by others'),
});
export type HeartbeatReply = z.infer<typeof heartbeatReply>;

/** Server → worker: stop this batch, its result is no longer wanted. */
export const revoke = z.strictObject({ lease_ids: z.array(text(64)) });
export type Revoke = z.infer<typeof revoke>;

/** Server → worker: the coordinator stops; come back after about this time (add jitter). */
export const drain = z.strictObject({ reconnect_after_ms: milliseconds });
export type Drain = z.infer<typeof drain>;

/** Server → worker: the connection is closed, and why. Sent just before, so it may get lost. */
export const closing = z.strictObject({ reason: text(500) });
export type Closing = z.infer<typeof closing>;

export const wireError = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  retry: z.boolean(),
});
export type WireError = z.infer<typeof wireError>;

export type Ack<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WireError };

/** An acknowledgement as it arrives; `value` is read by the request's own `reply`. */
export const ackEnvelope = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: wireError }),
]);

/** Worker → coordinator, each with an acknowledgement. */
export const REQUESTS = {
  lease: { request: leaseRequest, reply: leaseReply },
  submit: { request: submission, reply: submissionReply },
  release: { request: release, reply: z.strictObject({}) },
  heartbeat: { request: heartbeat, reply: heartbeatReply },
} as const;
export type RequestName = keyof typeof REQUESTS;
export type RequestOf<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['request']>;
export type ReplyOf<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['reply']>;

/** Coordinator → worker, without acknowledgement. `work` carries nothing: it says that a lease may be had. */
export const NOTICES = { welcome, work: z.strictObject({}), revoke, drain, closing } as const;

export interface ClientToServer {
  lease: (body: LeaseRequest, ack: (reply: Ack<LeaseReply>) => void) => void;
  submit: (body: Submission, ack: (reply: Ack<SubmissionReply>) => void) => void;
  release: (body: Release, ack: (reply: Ack<Record<string, never>>) => void) => void;
  heartbeat: (body: Heartbeat, ack: (reply: Ack<HeartbeatReply>) => void) => void;
}

export interface ServerToClient {
  welcome: (body: Welcome) => void;
  work: (body: Record<string, never>) => void;
  revoke: (body: Revoke) => void;
  drain: (body: Drain) => void;
  closing: (body: Closing) => void;
}
