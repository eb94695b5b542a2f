/**
 * The schema, as numbered steps. A step is never changed once it was released; the database's user_version
 * says how many it has taken.
 *
 * `tallies` is apart from `jobs` because SQLite rewrites a whole row, overflow pages too, when one column
 * changes: a change of state must not copy 100 KB of tally and figures.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE owner (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     epoch INTEGER NOT NULL
   ) STRICT;
   INSERT INTO owner VALUES (1, 0);

   CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     seq INTEGER NOT NULL UNIQUE,
     type TEXT NOT NULL,
     workload_version INTEGER NOT NULL,
     parameters TEXT NOT NULL,
     name TEXT,
     priority TEXT NOT NULL,
     gpu_preferred INTEGER NOT NULL,
     placement TEXT NOT NULL,
     range_start TEXT NOT NULL,
     range_end TEXT NOT NULL,
     cursor TEXT NOT NULL,
     done TEXT NOT NULL,
     covered TEXT,
     state TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     started_at INTEGER,
     updated_at INTEGER NOT NULL,
     finished_at INTEGER,
     error_code TEXT,
     error_message TEXT,
     idempotency_key TEXT UNIQUE,
     idempotency_digest TEXT
   ) STRICT;
   CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
   CREATE INDEX jobs_newest_of_state ON jobs (state, created_at DESC, id DESC);

   CREATE TABLE tallies (
     job_id TEXT PRIMARY KEY REFERENCES jobs (id),
     tally TEXT,
     figures BLOB
   ) STRICT;

   CREATE TABLE segments (
     job_id TEXT NOT NULL REFERENCES jobs (id),
     range_start TEXT NOT NULL,
     range_end TEXT NOT NULL,
     covered TEXT NOT NULL,
     PRIMARY KEY (job_id, range_start)
   ) STRICT;

   CREATE TABLE journal (
     seq INTEGER PRIMARY KEY,
     job_id TEXT NOT NULL REFERENCES jobs (id),
     range_start TEXT NOT NULL,
     range_end TEXT NOT NULL,
     digest TEXT NOT NULL,
     node_id TEXT NOT NULL,
     aggregate TEXT NOT NULL
   ) STRICT;
   -- The highest seq ever used, so that a number is never used twice (rows of the journal come and go).
   CREATE TABLE sequences (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;

   CREATE TABLE computed (
     minute INTEGER NOT NULL,
     type TEXT NOT NULL,
     worker_kind TEXT NOT NULL,
     units REAL NOT NULL,
     PRIMARY KEY (minute, type, worker_kind)
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE events (
     seq INTEGER PRIMARY KEY,
     at INTEGER NOT NULL,
     event TEXT NOT NULL,
     node_id TEXT
   ) STRICT;`,

  // Keys of idempotency belong to a user: '/key' is one of a submit without a key of its own (a user's name has no slash).
  `ALTER TABLE jobs ADD COLUMN user_id TEXT;
   ALTER TABLE jobs ADD COLUMN expected_seconds REAL;
   ALTER TABLE jobs ADD COLUMN max_attempts INTEGER NOT NULL DEFAULT 20;
   ALTER TABLE jobs ADD COLUMN ran_ms INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE jobs ADD COLUMN running_since INTEGER;
   UPDATE jobs SET running_since = started_at WHERE state = 'running';
   UPDATE jobs SET idempotency_key = '/' || idempotency_key WHERE idempotency_key IS NOT NULL;
   CREATE INDEX jobs_newest_of_user ON jobs (user_id, created_at DESC, id DESC);
   CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

   CREATE TABLE keys (
     id TEXT PRIMARY KEY,
     user TEXT NOT NULL,
     role TEXT NOT NULL,
     hash BLOB NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     revoked_at INTEGER,
     last_used_at INTEGER
   ) STRICT;

   CREATE TABLE audit (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     user TEXT,
     key_id TEXT,
     role TEXT,
     address TEXT,
     action TEXT NOT NULL,
     target TEXT,
     outcome TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_of_target ON audit (target, seq);
   CREATE INDEX audit_of_user ON audit (user, seq);
   CREATE TRIGGER audit_is_append_only_u BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
   CREATE TRIGGER audit_is_append_only_d BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;`,

  // What was counted before was not told apart: it keeps the empty variant.
  `ALTER TABLE computed RENAME TO computed_before;
   CREATE TABLE computed (
     minute INTEGER NOT NULL,
     type TEXT NOT NULL,
     variant TEXT NOT NULL,
     worker_kind TEXT NOT NULL,
     units REAL NOT NULL,
     PRIMARY KEY (minute, type, variant, worker_kind)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO computed SELECT minute, type, '', worker_kind, units FROM computed_before;
   DROP TABLE computed_before;`,

  // What a job that ended early had covered was kept with it; now its segments stay as they were: one holds it all.
  // A result is named by where it starts: no number is counted twice, so a job has one such result at most.
  `ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
   INSERT INTO segments SELECT id, range_start, cursor, covered FROM jobs WHERE covered IS NOT NULL AND cursor <> range_start;
   ALTER TABLE jobs DROP COLUMN covered;
   CREATE UNIQUE INDEX journal_of_job ON journal (job_id, range_start);
   DROP TABLE sequences;`,
];
