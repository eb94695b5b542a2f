/**
 * The shared store: PostgreSQL, for as many coordinators as there are. Five connections for each: one that commits, one
 * that beats, one that sends mail, one that listens, two that read (made when first needed; kept).
 */
import type { Change, Committed, JobPage, AuditPage, Store } from '../store.ts';
import { readAddress } from './address.ts';
import { Commits } from './commit.ts';
import { Database } from './database.ts';
import type { Timeouts } from './database.ts';
import { cannotStart } from './errors.ts';
import { Flight, statement } from './flight.ts';
import { Lane } from './lane.ts';
import { open } from './opening.ts';
import type { Opened } from './opening.ts';
import { Reads } from './reads.ts';
import { PostgresReplicas } from './replica-channel.ts';
import { channelsOf } from './rings.ts';

export interface PostgresStoreOptions {
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
  /** How long a coordinator gives no sign before it is taken for dead. */
  readonly patienceMs?: number;
  /** How long a database that does not answer yet is waited for as a coordinator starts. */
  readonly startPatienceMs?: number;
  /** Until a connection can be used. */
  readonly connectMs?: number;
  /** Until an answer is there: later the database counts as away. */
  readonly queryMs?: number;
}

const PATIENCE_MS = 3000;
const START_PATIENCE_MS = 15_000;
const CONNECT_MS = 5000;
const QUERY_MS = 5000;
/** A row that another coordinator holds longer than this: the group is tried again. */
const COMMIT_LOCK_MS = 1000;
/** Saying goodbye is worth no longer: who is not heard of is taken over anyway. */
const GOODBYE_MS = 2000;

/** @throws StartError store, store_url */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const address = readAddress(url);
  const database = new Database(address);
  const timeouts = { connectMs: options.connectMs ?? CONNECT_MS, queryMs: options.queryMs ?? QUERY_MS };
  try {
    const opened = await open(database, timeouts.connectMs, options.startPatienceMs ?? START_PATIENCE_MS);
    return new PostgresStore(database, opened, timeouts, options);
  } catch (error) {
    throw cannotStart(error, address);
  }
}

const LEAVE = statement('leave', 'UPDATE replicas SET closed = true WHERE epoch = $1 AND mark = $2::uuid');

class PostgresStore implements Store {
  readonly epoch: number;
  readonly tokenKey: Uint8Array;
  readonly existed: boolean;
  readonly replicas: PostgresReplicas;
  readonly #database: Database;
  readonly #opened: Opened;
  readonly #timeouts: Timeouts;
  readonly #commits: Commits;
  readonly #reads: Reads;
  #closed: Promise<void> | undefined;

  constructor(database: Database, opened: Opened, timeouts: Timeouts, options: PostgresStoreOptions) {
    this.epoch = opened.epoch;
    this.tokenKey = opened.tokenKey;
    this.existed = opened.existed;
    this.#database = database;
    this.#opened = opened;
    this.#timeouts = timeouts;
    const channels = channelsOf(opened.clusterId);
    this.#commits = new Commits(database, { ...timeouts, lockMs: COMMIT_LOCK_MS }, opened, channels);
    this.#reads = new Reads(database, timeouts, opened.epoch);
    this.replicas = new PostgresReplicas({
      database,
      timeouts,
      me: opened,
      channels,
      reads: this.#reads,
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      now: options.now ?? (() => performance.now()),
    });
  }

  commit(changes: readonly Change[]): Promise<Committed> {
    return this.#commits.commit(changes);
  }

  loadActive() {
    return this.#reads.loadActive();
  }

  countJobs() {
    return this.#reads.countJobs();
  }

  nextJobSeq() {
    return this.#reads.nextJobSeq();
  }

  findJob(jobId: string) {
    return this.#reads.findJob(jobId);
  }

  findSnapshot(jobId: string) {
    return this.#reads.findSnapshot(jobId);
  }

  progress(jobIds: readonly string[]) {
    return this.#reads.progress(jobIds);
  }

  findByIdempotencyKey(userId: string | null, key: string) {
    return this.#reads.findByIdempotencyKey(userId, key);
  }

  listJobs(page: JobPage) {
    return this.#reads.listJobs(page);
  }

  computed(from: number, minutes: number, buckets: number) {
    return this.#reads.computed(from, minutes, buckets);
  }

  events(from: number, limit: number) {
    return this.#reads.events(from, limit);
  }

  loadKeys() {
    return this.#reads.loadKeys();
  }

  listAudit(page: AuditPage) {
    return this.#reads.listAudit(page);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Never rejects: what could not be said is noticed by the others. */
  async #close(): Promise<void> {
    // What is under way may take seconds; until this one has said that it is closed its session must not end.
    await Promise.all([this.#commits.close(), this.#reads.close()]);
    const lane = new Lane(this.#database, {
      connectMs: Math.min(GOODBYE_MS, this.#timeouts.connectMs),
      queryMs: Math.min(GOODBYE_MS, this.#timeouts.queryMs),
    });
    const { epoch, mark } = this.#opened;
    await lane.run((client) => new Flight(client).ask(LEAVE, [epoch, mark])).catch(() => undefined);
    await Promise.all([lane.close(), this.replicas.close()]);
  }
}
