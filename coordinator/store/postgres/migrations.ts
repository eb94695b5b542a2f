/**
 * The schema, as numbered steps. A step is never changed once it was released; the table `migrations` says how many
 * were taken. No schema is named: search_path chooses it.
 *
 * Names and ids are compared byte by byte (COLLATE "C"), as in the embedded store. Numbers that may pass 2^63 are
 * numeric. `jobs` has neither what is done nor a tally, so that coordinators that fold results of the same job don't
 * wait for each other. `segments`, `journal` and `shares` name their owner; of a job that is over and folded whole
 * it means nothing, and is left as it was: taking over costs as much as is under way, however many jobs there were.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE cluster (
     id integer PRIMARY KEY CHECK (id = 1),
     token_key bytea NOT NULL CHECK (length(token_key) = 32),
     epoch bigint NOT NULL
   );

   -- One row for each coordinator that may still own something. Its own commits change it, which is their fence:
   -- taking over what it owned begins by deleting the row, and so waits for the commit that is under way.
   CREATE TABLE replicas (
     epoch bigint PRIMARY KEY,
     -- Epochs may come again after a restore; this does not.
     mark uuid NOT NULL DEFAULT gen_random_uuid(),
     commits bigint NOT NULL DEFAULT 0,
     -- It has beaten: silence means something from then on, also when a crash took its beats.
     begun boolean NOT NULL DEFAULT false,
     -- It let go of everything: whoever comes first takes it over.
     closed boolean NOT NULL DEFAULT false
   ) WITH (fillfactor = 20);

   -- Not logged: a beat then costs no sync, and what a crash of the database takes of it is said again in a second.
   CREATE UNLOGGED TABLE beats (
     epoch bigint PRIMARY KEY,
     beats bigint NOT NULL,
     summary text NOT NULL
   ) WITH (fillfactor = 50);

   CREATE UNLOGGED TABLE mail (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     recipient bigint NOT NULL,
     sender bigint NOT NULL,
     body text NOT NULL
   );
   CREATE INDEX mail_of_recipient ON mail (recipient, id);

   CREATE TABLE jobs (
     id text COLLATE "C" PRIMARY KEY,
     seq bigint NOT NULL,
     revision integer NOT NULL DEFAULT 0,
     type text COLLATE "C" NOT NULL,
     workload_version integer NOT NULL,
     parameters text NOT NULL,
     name text,
     priority text NOT NULL,
     gpu_preferred integer NOT NULL,
     placement text NOT NULL,
     range_start numeric NOT NULL,
     range_end numeric NOT NULL,
     cursor numeric NOT NULL,
     state text COLLATE "C" NOT NULL,
     created_at bigint NOT NULL,
     started_at bigint,
     updated_at bigint NOT NULL,
     finished_at bigint,
     error_code text,
     error_message text,
     ran_ms bigint NOT NULL DEFAULT 0,
     running_since bigint,
     idempotency_key text COLLATE "C" UNIQUE,
     idempotency_digest text,
     user_id text COLLATE "C",
     expected_seconds double precision,
     max_attempts integer NOT NULL
   );
   CREATE INDEX jobs_by_seq ON jobs (seq);
   CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
   CREATE INDEX jobs_newest_of_state ON jobs (state, created_at DESC, id DESC);
   CREATE INDEX jobs_newest_of_user ON jobs (user_id, created_at DESC, id DESC);
   CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
   CREATE INDEX jobs_active ON jobs (id) WHERE state IN ('pending', 'running', 'paused');

   CREATE TABLE shares (
     job_id text COLLATE "C" NOT NULL,
     -- Epoch of the coordinator that folded it.
     origin bigint NOT NULL,
     owner bigint NOT NULL,
     done numeric NOT NULL,
     tally text,
     figures bytea,
     PRIMARY KEY (job_id, origin)
   ) WITH (fillfactor = 70);

   CREATE TABLE segments (
     job_id text COLLATE "C" NOT NULL,
     range_start numeric NOT NULL,
     range_end numeric NOT NULL,
     covered text NOT NULL,
     owner bigint NOT NULL,
     PRIMARY KEY (job_id, range_start)
   );

   CREATE TABLE journal (
     job_id text COLLATE "C" NOT NULL,
     range_start numeric NOT NULL,
     range_end numeric NOT NULL,
     digest text NOT NULL,
     node_id text NOT NULL,
     aggregate text NOT NULL,
     owner bigint NOT NULL,
     PRIMARY KEY (job_id, range_start)
   -- Rows come and go by the thousand in a second: it is cleaned by their number, not by the table's size.
   ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
           autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
           autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

   -- A row for each coordinator: as one for all, every commit would wait for the others' syncs.
   CREATE TABLE computed (
     minute integer NOT NULL,
     type text COLLATE "C" NOT NULL,
     variant text COLLATE "C" NOT NULL,
     worker_kind text COLLATE "C" NOT NULL,
     counted_by bigint NOT NULL,
     units double precision NOT NULL,
     PRIMARY KEY (minute, type, variant, worker_kind, counted_by)
   ) WITH (fillfactor = 50);

   CREATE TABLE events (
     seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at bigint NOT NULL,
     event text NOT NULL,
     node_id text
   );

   CREATE TABLE keys (
     id text COLLATE "C" PRIMARY KEY,
     "user" text COLLATE "C" NOT NULL,
     role text NOT NULL,
     hash bytea NOT NULL,
     created_at bigint NOT NULL,
     expires_at bigint,
     revoked_at bigint,
     last_used_at bigint
   );

   CREATE TABLE audit (
     seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at bigint NOT NULL,
     "user" text COLLATE "C",
     key_id text,
     role text,
     address text,
     action text COLLATE "C" NOT NULL,
     target text COLLATE "C",
     outcome text NOT NULL
   );
   CREATE INDEX audit_of_target ON audit (target, seq);
   CREATE INDEX audit_of_user ON audit ("user", seq);

   CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION 'the audit log is append-only';
   END $$;
   CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
     FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

   -- 122 random bits in each UUID, of which four make 32 bytes that nobody can guess.
   CREATE FUNCTION threads_new_token_key() RETURNS bytea LANGUAGE sql VOLATILE AS $$
     SELECT sha256(convert_to(
       gen_random_uuid()::text || gen_random_uuid() || gen_random_uuid() || gen_random_uuid(), 'UTF8'))
   $$;
   INSERT INTO cluster VALUES (1, threads_new_token_key(), 0);

   -- To be called once after a restore from a dump: leases of before are void, coordinators of before are fenced out,
   -- and what they owned is taken over by whoever starts first.
   DO $make$ BEGIN
     EXECUTE format($sql$
       CREATE FUNCTION threads_after_restore() RETURNS void LANGUAGE sql VOLATILE SET search_path = %I, pg_temp AS $body$
         UPDATE cluster SET token_key = threads_new_token_key();
         UPDATE replicas SET closed = true, mark = gen_random_uuid();
         DELETE FROM beats;
         DELETE FROM mail;
       $body$ $sql$, current_schema());
   END $make$;`,
  // The server process of the connection that gave the latest beat. Null: by a coordinator of before this step.
  'ALTER TABLE beats ADD COLUMN session integer;',
];
