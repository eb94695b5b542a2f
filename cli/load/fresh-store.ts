/** The store of the coordinator that is loaded: fresh, filled with finished jobs if that is wanted, gone afterwards. */
import { randomBytes } from 'node:crypto';
import { StartError } from '../../coordinator/config.ts';
import { readAddress, type Address } from '../../coordinator/store/postgres/address.ts';
import { Database } from '../../coordinator/store/postgres/database.ts';
import { openPostgresStore } from '../../coordinator/store/postgres/store.ts';
import { openSqliteStore } from '../../coordinator/store/sqlite.ts';
import type { Change, Store } from '../../coordinator/store/store.ts';
import { UsageError } from '../option.ts';
import { collatzWorkload } from '../../shaders/collatz/workload.ts';

export interface FreshStore {
  /** Undefined: the embedded one, in the data folder. */
  readonly url: string | undefined;
  /** Once nobody uses it any more. */
  remove(): Promise<void>;
}

export interface StoreChoice {
  /** A PostgreSQL database; undefined: the embedded store. */
  readonly database: string | undefined;
  /** Jobs that are over, before anything is measured. */
  readonly finishedJobs: number;
}

const TIMEOUTS = { connectMs: 10_000, queryMs: 600_000 };
const JOBS_PER_COMMIT = 500;

/**
 * In a database, a schema of its own: a cluster that lives in it is not touched.
 * @throws UsageError for an address that is none; StartError store; Error of the database, such as for a role that may not make
 *   a schema
 */
export async function makeStore(
  { database, finishedJobs }: StoreChoice,
  dataDir: string,
  signal: AbortSignal,
): Promise<FreshStore> {
  const store =
    database === undefined ? { url: undefined, remove: () => Promise.resolve() } : await makeSchema(database);
  try {
    if (finishedJobs > 0) {
      const opened = await (store.url === undefined
        ? openSqliteStore(dataDir)
        : openPostgresStore(store.url));
      try {
        await addFinished(opened, finishedJobs, signal);
      } finally {
        await opened.close();
      }
    }
    return store;
  } catch (error) {
    await store.remove();
    throw error;
  }
}

/** The address is not STORE_URL here: load never touches what a coordinator of this machine was given. */
function place(database: string): Address {
  try {
    return readAddress(database);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new UsageError(error.message.replaceAll('STORE_URL', '--load-store'));
  }
}

async function makeSchema(database: string): Promise<FreshStore> {
  const name = `threads_load_${randomBytes(6).toString('hex')}`;
  await tell(database, `CREATE SCHEMA ${name}`);
  const url = new URL(database);
  url.searchParams.set('options', `-c search_path=${name}`);
  // URLSearchParams writes spaces as +, which PostgreSQL's clients read as they stand.
  url.search = url.search.replaceAll('+', '%20');
  return { url: url.href, remove: () => tell(database, `DROP SCHEMA ${name} CASCADE`) };
}

async function tell(url: string, statement: string): Promise<void> {
  const session = await new Database(place(url)).connect(TIMEOUTS);
  try {
    await session.query(statement);
  } finally {
    await session.end();
  }
}

async function addFinished(store: Store, jobs: number, signal: AbortSignal): Promise<void> {
  const first = await store.nextJobSeq();
  for (let i = 0; i < jobs; i += JOBS_PER_COMMIT) {
    signal.throwIfAborted();
    const some = Array.from({ length: Math.min(JOBS_PER_COMMIT, jobs - i) }, (_, j) =>
      finishedJob(first + i + j),
    );
    await store.commit(some.flat());
  }
}

const PARAMETERS = collatzWorkload.parameters.parse({ start: 1, end: 1025, mode: 'verify' });
const RANGE = collatzWorkload.range(PARAMETERS);
const TALLY = JSON.stringify(
  collatzWorkload.encode(PARAMETERS, collatzWorkload.reference(PARAMETERS, RANGE)),
);

/** As a job leaves the store that one worker did in one batch. */
function finishedJob(seq: number): readonly Change[] {
  const id = `load-finished-${seq}`;
  const at = Date.now();
  return [
    {
      kind: 'job_added',
      record: {
        id,
        seq,
        type: collatzWorkload.type,
        workloadVersion: collatzWorkload.version,
        parameters: collatzWorkload.encodeParameters(PARAMETERS),
        name: 'load: finished',
        priority: 'normal',
        gpuPreferred: false,
        placement: {},
        range: RANGE,
        createdAt: at,
        idempotency: null,
        userId: null,
        expectedSeconds: null,
        maxAttempts: 20,
      },
    },
    { kind: 'segment_claimed', jobId: id, range: RANGE },
    {
      kind: 'results_folded',
      jobId: id,
      share: { tally: TALLY, figures: null, done: RANGE.end - RANGE.start },
      results: [],
      absorbed: [],
      segments: [{ start: RANGE.start, covered: null }],
    },
    {
      kind: 'job_changed',
      jobId: id,
      progress: {
        state: 'completed',
        startedAt: at,
        updatedAt: at,
        finishedAt: at,
        error: null,
        ranMs: 1000,
        runningSince: null,
      },
    },
  ];
}
