/** Rows of the database, to the records of store.ts. */
import type {
  ActiveJob,
  StoredAuditEntry,
  StoredJob,
  StoredKey,
  StoredResult,
  StoredSegment,
  StoredShare,
} from './store.ts';
import {
  bigint,
  bytes,
  bytesOrNull,
  decodeRanges,
  jobPlacement,
  number,
  numberOrNull,
  parameters,
  range,
  text,
  textOrNull,
  toAuditAction,
  toJobState,
  toPriority,
  toRole,
} from './columns.ts';
import type { Row } from './columns.ts';

export function storedJob(row: Row): StoredJob {
  const key = textOrNull(row, 'idempotency_key');
  const errorCode = textOrNull(row, 'error_code');
  return {
    record: {
      id: text(row, 'id'),
      seq: number(row, 'seq'),
      type: text(row, 'type'),
      workloadVersion: number(row, 'workload_version'),
      parameters: parameters(row),
      name: textOrNull(row, 'name'),
      priority: toPriority(text(row, 'priority')),
      gpuPreferred: number(row, 'gpu_preferred') === 1,
      placement: jobPlacement(row),
      range: range(row),
      createdAt: number(row, 'created_at'),
      idempotency:
        key === null
          ? null
          : { key: key.slice(key.indexOf('/') + 1), digest: text(row, 'idempotency_digest') },
      userId: textOrNull(row, 'user_id'),
      expectedSeconds: numberOrNull(row, 'expected_seconds'),
      maxAttempts: number(row, 'max_attempts'),
    },
    progress: {
      state: toJobState(text(row, 'state')),
      startedAt: numberOrNull(row, 'started_at'),
      updatedAt: number(row, 'updated_at'),
      finishedAt: numberOrNull(row, 'finished_at'),
      error: errorCode === null ? null : { code: errorCode, message: text(row, 'error_message') },
      ranMs: number(row, 'ran_ms'),
      runningSince: numberOrNull(row, 'running_since'),
    },
    cursor: bigint(row, 'cursor'),
    done: bigint(row, 'done'),
    revision: number(row, 'revision'),
  };
}

/** @param row with the tally's columns; without them nothing is folded */
export function storedShare(done: bigint, row: Row | undefined): StoredShare {
  if (row === undefined) return { done, tally: null, figures: null };
  return { done, tally: textOrNull(row, 'tally'), figures: bytesOrNull(row, 'figures') };
}

export function storedSegment(row: Row): StoredSegment {
  return { range: range(row), covered: decodeRanges(text(row, 'covered')) };
}

export function storedResult(row: Row): StoredResult {
  return {
    jobId: text(row, 'job_id'),
    range: range(row),
    aggregate: text(row, 'aggregate'),
    digest: text(row, 'digest'),
    nodeId: text(row, 'node_id'),
  };
}

export function storedKey(row: Row): StoredKey {
  return {
    id: text(row, 'id'),
    user: text(row, 'user'),
    role: toRole(text(row, 'role')),
    hash: bytes(row, 'hash'),
    createdAt: number(row, 'created_at'),
    expiresAt: numberOrNull(row, 'expires_at'),
    revokedAt: numberOrNull(row, 'revoked_at'),
    lastUsedAt: numberOrNull(row, 'last_used_at'),
  };
}

export function storedAuditEntry(row: Row): StoredAuditEntry {
  const role = textOrNull(row, 'role');
  return {
    seq: number(row, 'seq'),
    at: number(row, 'at'),
    user: textOrNull(row, 'user'),
    keyId: textOrNull(row, 'key_id'),
    role: role === null ? null : toRole(role),
    address: textOrNull(row, 'address'),
    action: toAuditAction(text(row, 'action')),
    target: textOrNull(row, 'target'),
    outcome: text(row, 'outcome'),
  };
}

/** Joins jobs (each with its tally's columns) with their segments and results. */
export function activeJobs(
  jobs: readonly Row[],
  segments: readonly Row[],
  results: readonly Row[],
): readonly ActiveJob[] {
  const segmentsOf = Map.groupBy(segments, (row) => text(row, 'job_id'));
  const resultsOf = Map.groupBy(results, (row) => text(row, 'job_id'));
  return jobs.map((row) => {
    const job = storedJob(row);
    return {
      job,
      share: storedShare(job.done, row),
      adopted: new Map(),
      segments: (segmentsOf.get(job.record.id) ?? []).map(storedSegment),
      results: (resultsOf.get(job.record.id) ?? []).map(storedResult),
    };
  });
}
