/** Every address of the HTTP face: what /openapi.json describes, and coordinator/api serves. */
import { z } from 'zod';
import {
  auditList,
  auditQuery,
  callerStatus,
  createKeyBody,
  createdKey,
  keyList,
  keyStatus,
} from './access.ts';
import type { AuditAction, Need } from './access.ts';
import type { ErrorCode } from './errors.ts';
import { handBack, handBackReply } from './hand-back.ts';
import {
  clusterStatus,
  health,
  jobCoverage,
  jobList,
  jobListQuery,
  jobResults,
  jobStatus,
  nodeList,
  nodeStatus,
  readiness,
  submitBody,
  submitReply,
  throughput,
  throughputQuery,
} from './http.ts';
import { LIVE_EVENTS, liveQuery } from './live.ts';

export interface Route {
  readonly method: 'get' | 'post';
  /** What a caller must be allowed; the rule is in access.ts. */
  readonly need: Need;
  /** What the audit log calls it: every route that changes something has a name there. */
  readonly audit?: AuditAction;
  /** Express spelling: /api/status/:job_id */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly reply?: z.ZodType;
  /** Server-sent events instead of one JSON reply: the schema of each event’s data, by its name. */
  readonly events?: Readonly<Record<string, z.ZodType>>;
  readonly status: number;
  /** Further statuses that carry the same reply. */
  readonly alsoStatus?: readonly number[];
  readonly errors: readonly ErrorCode[];
}

/** What a POST without a body of its own takes: nothing, or an empty object. */
export const emptyBody = z.strictObject({});

/** Every route that /openapi.json describes; coordinator/api serves exactly these (a test compares). */
export const ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/api/submit',
    need: 'submit',
    audit: 'job.submit',
    summary: 'Submit a job',
    body: submitBody,
    reply: submitReply,
    status: 202,
    errors: [
      'invalid_request',
      'malformed',
      'idempotency_conflict',
      'too_large',
      'unsupported_media_type',
      'limit_reached',
      'store_unavailable',
      'not_ready',
    ],
  },
  {
    method: 'get',
    path: '/api/status',
    need: 'read',
    summary: 'The cluster at a glance',
    reply: clusterStatus,
    status: 200,
    errors: [],
  },
  {
    method: 'get',
    path: '/api/status/:job_id',
    need: 'read',
    summary: 'One job',
    reply: jobStatus,
    status: 200,
    errors: ['not_found'],
  },
  {
    method: 'get',
    path: '/api/results/:job_id',
    need: 'read',
    summary: 'The result, or what is known so far',
    reply: jobResults,
    status: 200,
    errors: ['not_found'],
  },
  {
    method: 'get',
    path: '/api/jobs',
    need: 'read',
    summary: 'Jobs, newest first',
    query: jobListQuery,
    reply: jobList,
    status: 200,
    errors: ['invalid_request'],
  },
  {
    method: 'get',
    path: '/api/jobs/:job_id/events',
    need: 'read',
    events: { progress: jobStatus, result: jobResults, end: jobStatus },
    summary: 'Server-sent events: progress, result, end',
    status: 200,
    errors: ['not_found', 'limit_reached'],
  },
  {
    method: 'get',
    path: '/api/jobs/:job_id/coverage',
    need: 'read',
    summary: 'Done, leased and waiting ranges, and a map',
    reply: jobCoverage,
    status: 200,
    errors: ['not_found'],
  },
  {
    method: 'post',
    path: '/api/cancel/:job_id',
    need: 'steer',
    audit: 'job.cancel',
    summary: 'Cancel a job',
    reply: jobStatus,
    status: 200,
    errors: ['not_found', 'state_conflict', 'store_unavailable'],
  },
  {
    method: 'post',
    path: '/api/jobs/:job_id/pause',
    need: 'steer',
    audit: 'job.pause',
    summary: 'Pause a job',
    reply: jobStatus,
    status: 200,
    errors: ['not_found', 'state_conflict', 'store_unavailable'],
  },
  {
    method: 'post',
    path: '/api/jobs/:job_id/resume',
    need: 'steer',
    audit: 'job.resume',
    summary: 'Resume a job',
    reply: jobStatus,
    status: 200,
    errors: ['not_found', 'state_conflict', 'store_unavailable'],
  },
  {
    method: 'post',
    path: '/api/hand-back',
    // The signed tokens of its leases say who sends it: a page that goes away can send no header.
    need: 'nothing',
    summary: 'A worker that goes hands back its leases with what is done of each',
    body: handBack,
    reply: handBackReply,
    status: 200,
    errors: ['invalid_request', 'malformed', 'too_large', 'unsupported_media_type'],
  },
  {
    method: 'get',
    path: '/api/nodes',
    need: 'read',
    summary: 'Every worker',
    reply: nodeList,
    status: 200,
    errors: [],
  },
  {
    method: 'get',
    path: '/api/nodes/:node_id',
    need: 'read',
    summary: 'One worker',
    reply: nodeStatus,
    status: 200,
    errors: ['not_found'],
  },
  {
    method: 'get',
    path: '/api/events',
    need: 'read',
    query: liveQuery,
    events: LIVE_EVENTS,
    summary: 'Server-sent events of the cluster, jobs, workers and batches, and of one job',
    status: 200,
    errors: ['invalid_request', 'not_found', 'limit_reached', 'not_ready'],
  },
  {
    method: 'get',
    path: '/api/cluster/throughput',
    need: 'read',
    summary: 'Throughput over time',
    query: throughputQuery,
    reply: throughput,
    status: 200,
    errors: ['invalid_request'],
  },
  {
    method: 'get',
    path: '/api/caller',
    need: 'identity',
    summary: 'What the caller is taken for, and may do',
    reply: callerStatus,
    status: 200,
    errors: [],
  },
  {
    method: 'post',
    path: '/api/keys',
    need: 'administer',
    audit: 'key.create',
    summary: 'Make a key',
    body: createKeyBody,
    reply: createdKey,
    status: 201,
    errors: [
      'invalid_request',
      'malformed',
      'too_large',
      'unsupported_media_type',
      'store_unavailable',
      'not_ready',
    ],
  },
  {
    method: 'get',
    path: '/api/keys',
    need: 'administer',
    summary: 'Every key, without its secret',
    reply: keyList,
    status: 200,
    errors: [],
  },
  {
    method: 'post',
    path: '/api/keys/:key_id/revoke',
    need: 'administer',
    audit: 'key.revoke',
    summary: 'Make a key worthless, and end the connections made with it',
    reply: keyStatus,
    status: 200,
    errors: ['not_found', 'store_unavailable', 'not_ready'],
  },
  {
    method: 'get',
    path: '/api/audit',
    need: 'administer',
    summary: 'Who did what, newest first',
    query: auditQuery,
    reply: auditList,
    status: 200,
    errors: ['invalid_request', 'store_unavailable'],
  },
  {
    method: 'get',
    path: '/health',
    need: 'nothing',
    summary: 'Liveness',
    reply: health,
    status: 200,
    errors: [],
  },
  {
    method: 'get',
    path: '/ready',
    need: 'nothing',
    summary: 'Readiness (503 with the reason while not ready)',
    reply: readiness,
    status: 200,
    alsoStatus: [503],
    errors: [],
  },
];

/** What a route may answer besides its own errors, for who asks and how often. */
export const ACCESS_ERRORS = [
  'key_needed',
  'key_refused',
  'forbidden',
  'limit_reached',
] as const satisfies ErrorCode[];
