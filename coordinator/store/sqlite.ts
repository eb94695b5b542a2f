/**
 * The embedded store: node:sqlite in WAL mode with synchronous=FULL, so a commit that returned survives a
 * power cut. The only home of node:sqlite besides the lock of data-folder.ts.
 *
 * Calls block the thread for the time of a sync (0.3 ms on the machine this was written on, some ms on slow
 * disks). A thread of its own was weighed and left out: groups grow with the wait, so throughput does not
 * fall, and every row would have to be copied across.
 */
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../config.ts';
import { openDataFolder } from './data-folder.ts';
import type { DataFolder } from './data-folder.ts';
import { MIGRATIONS } from './migrations.ts';
import {
  activeJobs,
  storedAuditEntry,
  storedJob,
  storedKey,
  storedResult,
  storedSegment,
  storedShare,
} from './rows.ts';
import { explain, isDamaged, unavailable } from './store-error.ts';
import { KEPT_EVENTS, KEPT_MINUTES, StoreFenced } from './store.ts';
import type {
  ActiveJob,
  AuditPage,
  Change,
  Committed,
  ComputedBucket,
  JobCount,
  JobPage,
  JobSnapshot,
  Store,
  StoredAuditEntry,
  StoredJob,
  StoredKey,
} from './store.ts';
import { rangeLength } from '../../protocol/range.ts';
import { bigint, number, range, text, textOrNull } from './columns.ts';
import { Statements } from './statements.ts';
import { toClusterEvent, toJobState } from './columns.ts';

/**
 * Frames of the write-ahead log before it is copied into the database: 128 × 4 KB keep the log near half a
 * megabyte. SQLite's default of 1000 was no faster with groups of results, and 4 MB of log.
 */
const CHECKPOINT_FRAMES = 128;
const BUSY_TIMEOUT_MS = 2000;

/**
 * Opens the store in `dataDir`, which becomes this process's until it closes the store or ends.
 * @throws StartError data_dir, already_running, store
 */
export async function openSqliteStore(dataDir: string): Promise<Store> {
  const folder = openDataFolder(dataDir);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(folder.databasePath, { timeout: BUSY_TIMEOUT_MS });
    return new SqliteStore(database, dataDir, folder);
  } catch (error) {
    if (database?.isOpen === true) database.close();
    folder.unlock();
    if (error instanceof StartError) throw error;
    throw new StartError(isDamaged(error) ? 'store' : 'data_dir', explain(error, dataDir), error);
  }
}

class SqliteStore implements Store {
  readonly epoch: number;
  readonly tokenKey: Uint8Array;
  readonly existed: boolean;
  readonly replicas = null;
  readonly #database: DatabaseSync;
  readonly #dataDir: string;
  readonly #folder: DataFolder;
  readonly #statements: Statements;

  constructor(database: DatabaseSync, dataDir: string, folder: DataFolder) {
    this.#database = database;
    this.#dataDir = dataDir;
    this.#folder = folder;
    this.tokenKey = folder.tokenKey;
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
       PRAGMA wal_autocheckpoint = ${CHECKPOINT_FRAMES}; PRAGMA journal_size_limit = 1048576;`,
    );
    checkIntegrity(database, dataDir);
    this.existed = migrate(database, dataDir);
    this.#statements = new Statements(database);
    this.epoch = this.#transaction(() => number(this.#statements.raiseEpoch.get(), 'epoch'));
  }

  commit(changes: readonly Change[]): Promise<Committed> {
    const pruned: JobCount[] = [];
    const refused = new Set<Change>();
    try {
      const bytes = this.#transaction(() => {
        if (number(this.#statements.epoch.get(), 'epoch') !== this.epoch) throw new StoreFenced();
        let sum = 0;
        for (const change of changes) sum += this.#apply(change, pruned, refused);
        return sum;
      });
      return Promise.resolve({ bytes, pruned, refused });
    } catch (error) {
      return Promise.reject(error instanceof StoreFenced ? error : unavailable(error, this.#dataDir));
    }
  }

  loadActive(): Promise<readonly ActiveJob[]> {
    const { activeJobs: jobs, allSegments, allResults } = this.#statements;
    return this.#read(() => activeJobs(jobs.all(), allSegments.all(), allResults.all()));
  }

  countJobs() {
    return this.#read(() =>
      this.#statements.countJobs.all().map((row) => ({
        type: text(row, 'type'),
        state: toJobState(text(row, 'state')),
        jobs: number(row, 'jobs'),
      })),
    );
  }

  nextJobSeq(): Promise<number> {
    return this.#read(() => number(this.#statements.lastJob.get(), 'last') + 1);
  }

  findJob(jobId: string): Promise<StoredJob | undefined> {
    return this.#read(() => {
      const row = this.#statements.findJob.get(jobId);
      return row === undefined ? undefined : storedJob(row);
    });
  }

  findSnapshot(jobId: string): Promise<JobSnapshot | undefined> {
    return this.#read(() => {
      const { findJob, findTally, segmentsOf, resultsOf } = this.#statements;
      const row = findJob.get(jobId);
      if (row === undefined) return undefined;
      const job = storedJob(row);
      const shares = [storedShare(job.done, findTally.get(jobId))];
      const segments = segmentsOf.all(jobId).map(storedSegment);
      return { job, shares, segments, results: resultsOf.all(jobId).map(storedResult) };
    });
  }

  progress(jobIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    return this.#read(() => {
      const { findJob, resultsOf } = this.#statements;
      const found = new Map<string, bigint>();
      for (const jobId of jobIds) {
        const row = findJob.get(jobId);
        if (row === undefined) continue;
        const journaled = resultsOf.all(jobId).map((each) => rangeLength(range(each)));
        found.set(
          jobId,
          journaled.reduce((sum, units) => sum + units, bigint(row, 'done')),
        );
      }
      return found;
    });
  }

  findByIdempotencyKey(userId: string | null, key: string) {
    return this.#read(() => {
      const row = this.#statements.findByKey(userId, key);
      if (row === undefined) return undefined;
      return { jobId: text(row, 'id'), digest: text(row, 'idempotency_digest') };
    });
  }

  listJobs(page: JobPage): Promise<readonly StoredJob[]> {
    return this.#read(() => this.#statements.listJobs(page).map(storedJob));
  }

  computed(from: number, minutes: number, buckets: number): Promise<readonly ComputedBucket[]> {
    return this.#read(() =>
      this.#statements.computed.all(from, minutes, from, from + minutes * buckets).map((row) => ({
        bucket: number(row, 'bucket'),
        type: text(row, 'type'),
        variant: text(row, 'variant'),
        workerKind: text(row, 'worker_kind'),
        units: number(row, 'units'),
      })),
    );
  }

  events(from: number, limit: number) {
    return this.#read(() =>
      this.#statements.events
        .all(from, limit)
        .map((row) => ({
          at: number(row, 'at'),
          event: toClusterEvent(text(row, 'event')),
          nodeId: textOrNull(row, 'node_id'),
        }))
        .toReversed(),
    );
  }

  loadKeys(): Promise<readonly StoredKey[]> {
    return this.#read(() => this.#statements.allKeys.all().map(storedKey));
  }

  listAudit(page: AuditPage): Promise<readonly StoredAuditEntry[]> {
    return this.#read(() => this.#statements.listAudit(page).map(storedAuditEntry));
  }

  close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
    this.#folder.unlock();
    return Promise.resolve();
  }

  /**
   * @param pruned is given what jobs_pruned takes away
   * @param refused is given the conditional changes that were not made
   * @returns the bytes of aggregates and tallies written
   */
  #apply(change: Change, pruned: JobCount[], refused: Set<Change>): number {
    const sql = this.#statements;
    switch (change.kind) {
      case 'conditional':
        if (sql.holds(change.condition)) {
          return change.changes.reduce((sum, each) => sum + this.#apply(each, pruned, refused), 0);
        }
        refused.add(change);
        return 0;
      case 'job_added':
        sql.addJob(change.record);
        return 0;
      case 'job_changed':
        sql.changeJob(change.jobId, change.progress);
        return 0;
      case 'segment_claimed':
        sql.claimSegment(change.jobId, change.range);
        return 0;
      case 'result_accepted':
        sql.addResult(change.result);
        return change.result.aggregate.length;
      case 'result_replaced':
        sql.replaceResult(change.result);
        return change.result.aggregate.length;
      case 'results_folded':
        sql.fold(change);
        return (change.share.tally?.length ?? 0) + (change.share.figures?.length ?? 0);
      case 'segment_split':
        sql.split(change.jobId, change.start, change.pieces);
        return 0;
      case 'probe':
        sql.probe.run();
        return 0;
      case 'computed':
        sql.addComputed.run(change.minute, change.type, change.variant, change.workerKind, change.units);
        sql.forgetComputed.run(change.minute - KEPT_MINUTES);
        return 0;
      case 'event':
        sql.addEvent.run(change.at, change.event, change.nodeId);
        sql.forgetEvents.run(KEPT_EVENTS);
        return 0;
      case 'jobs_pruned':
        for (const row of sql.prune(change.finishedBefore, change.limit)) {
          pruned.push({ type: text(row, 'type'), state: toJobState(text(row, 'state')), jobs: 1 });
        }
        return 0;
      case 'key_added':
        sql.addKey(change.key);
        return 0;
      case 'key_revoked':
        sql.revokeKey.run(change.at, change.keyId);
        return 0;
      case 'key_used':
        sql.noteKey.run(change.at, change.keyId);
        return 0;
      case 'audited':
        sql.addAudit(change.entry);
        return 0;
    }
  }

  /** A failed statement may have ended the transaction already (a full disk does). */
  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #read<T>(work: () => T): Promise<T> {
    try {
      return Promise.resolve(work());
    } catch (error) {
      return Promise.reject(unavailable(error, this.#dataDir));
    }
  }
}

/** Finds a damaged file at the start, not at the row that happens to be on the bad page. */
function checkIntegrity(database: DatabaseSync, dataDir: string): void {
  const row = database.prepare('PRAGMA quick_check(1)').get();
  const verdict = row === undefined ? 'no answer' : text(row, 'quick_check');
  if (verdict !== 'ok') {
    throw new StartError(
      'store',
      `the database in ${dataDir} is damaged (${verdict}): restore a copy, or move the folder away to start anew`,
    );
  }
}

/** @returns whether the database existed before */
function migrate(database: DatabaseSync, dataDir: string): boolean {
  const taken = number(database.prepare('PRAGMA user_version').get(), 'user_version');
  if (taken > MIGRATIONS.length) {
    throw new StartError(
      'store',
      `the database in ${dataDir} was written by a newer version (schema ${taken}, known here: ${MIGRATIONS.length}): update this program`,
    );
  }
  for (const [step, sql] of MIGRATIONS.entries()) {
    if (step < taken) continue;
    database.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${step + 1}; COMMIT`);
  }
  return taken > 0;
}
