/** Every SQL statement by which changes are written. */
import { statement } from './flight.ts';

/** In the order of their ids, whatever order they change in: two coordinators never wait for each other. */
export const LOCK_JOBS = statement(
  'lock-jobs',
  'SELECT FROM jobs WHERE id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE',
);
export const RAISE_REVISION = statement(
  'raise-revision',
  'UPDATE jobs SET revision = revision + 1 WHERE id = $1 AND revision = $2',
);
/** Of two submits with one key the second waits here for the first one's commit, and then sees its job. */
export const LOCK_KEY = statement(
  'lock-idempotency-key',
  `SELECT pg_advisory_xact_lock(hashtextextended($1, 'jobs'::regclass::oid::bigint))`,
);
export const JOB_OF_KEY = statement('job-of-key', 'SELECT id FROM jobs WHERE idempotency_key = $1');

export const ADD_JOB = statement(
  'add-job',
  `INSERT INTO jobs (id, seq, type, workload_version, parameters, name, priority, gpu_preferred, placement,
     range_start, range_end, cursor, state, created_at, updated_at, idempotency_key, idempotency_digest,
     user_id, expected_seconds, max_attempts)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, 'pending', $12, $12, $13, $14, $15, $16, $17)`,
);
export const CHANGE_JOB = statement(
  'change-job',
  `UPDATE jobs SET state = $2, started_at = $3, updated_at = $4, finished_at = $5, error_code = $6, error_message = $7,
     ran_ms = $8, running_since = $9
   WHERE id = $1`,
);
export const MOVE_CURSOR = statement('move-cursor', 'UPDATE jobs SET cursor = $2 WHERE id = $1');

export const ADD_SEGMENT = statement(
  'add-segment',
  'INSERT INTO segments (job_id, range_start, range_end, covered, owner) VALUES ($1, $2, $3, $4, $5)',
);
export const COVER_SEGMENTS = statement(
  'cover-segments',
  `UPDATE segments SET covered = touched.covered
   FROM unnest($2::text[], $3::text[]) AS touched (range_start, covered)
   WHERE job_id = $1 AND segments.range_start = touched.range_start::numeric`,
);
export const DELETE_SEGMENTS = statement(
  'delete-segments',
  'DELETE FROM segments WHERE job_id = $1 AND range_start = ANY ($2::text[]::numeric[])',
);
/** Those that may still be given something; they can't be taken over before this is committed. */
export const LOCK_RECIPIENTS = statement(
  'lock-recipients',
  'SELECT epoch FROM replicas WHERE epoch = ANY ($1::text[]::bigint[]) AND NOT closed ORDER BY epoch FOR KEY SHARE',
);

export const ADD_RESULTS = statement(
  'add-results',
  `INSERT INTO journal (job_id, range_start, range_end, digest, node_id, aggregate, owner)
   SELECT job_id, range_start::numeric, range_end::numeric, digest, node_id, aggregate, $7
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS added (job_id, range_start, range_end, digest, node_id, aggregate)`,
);
export const REPLACE_RESULT = statement(
  'replace-result',
  'UPDATE journal SET digest = $3, node_id = $4, aggregate = $5 WHERE job_id = $1 AND range_start = $2',
);
export const DELETE_RESULTS = statement(
  'delete-results',
  'DELETE FROM journal WHERE job_id = $1 AND range_start = ANY ($2::text[]::numeric[])',
);
export const SET_SHARE = statement(
  'set-share',
  `INSERT INTO shares (job_id, origin, owner, done, tally, figures) VALUES ($1, $2, $2, $3, $4, $5)
   ON CONFLICT (job_id, origin) DO UPDATE SET done = excluded.done, tally = excluded.tally, figures = excluded.figures`,
);
export const DELETE_SHARES = statement(
  'delete-shares',
  'DELETE FROM shares WHERE job_id = $1 AND owner = $2 AND origin = ANY ($3::text[]::bigint[])',
);

export const ADD_COMPUTED = statement(
  'add-computed',
  `INSERT INTO computed (minute, type, variant, worker_kind, counted_by, units)
   VALUES ($1, $2, $3, $4, $5, $6)
   ON CONFLICT (minute, type, variant, worker_kind, counted_by) DO UPDATE SET units = computed.units + excluded.units`,
);
/** Rows that another coordinator deletes just now are left to it. */
export const FORGET_COMPUTED = statement(
  'forget-computed',
  `DELETE FROM computed WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM computed WHERE minute < $1 FOR UPDATE SKIP LOCKED))`,
);
export const ADD_EVENT = statement(
  'add-event',
  'INSERT INTO events (at, event, node_id) VALUES ($1, $2, $3)',
);
export const FORGET_EVENTS = statement(
  'forget-events',
  `DELETE FROM events WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM events WHERE seq <= (SELECT max(seq) FROM events) - $1::bigint FOR UPDATE SKIP LOCKED))`,
);

/** Those that another coordinator deletes just now, or changes, are left. */
export const PRUNABLE = statement(
  'prunable',
  `SELECT id, type, state FROM jobs
   WHERE finished_at < $1 AND NOT EXISTS (SELECT FROM journal WHERE job_id = jobs.id)
   ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
);
export const PRUNE = statement(
  'prune',
  `WITH without_segments AS (DELETE FROM segments WHERE job_id = ANY ($1::text[])),
     without_shares AS (DELETE FROM shares WHERE job_id = ANY ($1::text[]))
   DELETE FROM jobs WHERE id = ANY ($1::text[])`,
);

export const ADD_KEY = statement(
  'add-key',
  `INSERT INTO keys (id, "user", role, hash, created_at, expires_at, revoked_at, last_used_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
);
export const REVOKE_KEY = statement(
  'revoke-key',
  'UPDATE keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1',
);
export const NOTE_KEY = statement(
  'note-key',
  'UPDATE keys SET last_used_at = greatest(last_used_at, $2::bigint) WHERE id = $1',
);
export const ADD_AUDIT = statement(
  'add-audit',
  `INSERT INTO audit (at, "user", key_id, role, address, action, target, outcome)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** Delivered when the transaction is committed. */
export const NOTIFY = statement(
  'notify',
  'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS rings (channel, payload)',
);
