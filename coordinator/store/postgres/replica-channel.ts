/** The other coordinators on the same database: who lives, what is rung, what was taken over. */
import type pg from 'pg';
import type { Range } from '../../../protocol/range.ts';
import { bigint, number, numberOrNull, textOrNull } from '../columns.ts';
import { MAX_MAIL_BYTES, MAX_SUMMARY_BYTES, StoreFenced } from '../store.ts';
import type { OwnParts, ReplicaChannel, Ring } from '../store.ts';
import type { Database, Timeouts } from './database.ts';
import { isCollision, isDisconnection, unavailable } from './errors.ts';
import { BEGIN, Flight, statement } from './flight.ts';
import { Lane } from './lane.ts';
import { Listener } from './listener.ts';
import type { Opened } from './opening.ts';
import { Patience } from './patience.ts';
import type { Reads } from './reads.ts';
import { encodePayload } from './rings.ts';
import type { Channels } from './rings.ts';
import { ownedJobs, takeOver } from './take-over.ts';
import type { Gone, TakenOver } from './take-over.ts';
import { storable } from './text-array.ts';

/**
 * Waited for a commit of one that seems dead, at each beat: beats of one that waits longer would be missed by others.
 * A commit that is stuck is ended by the server (idle_in_transaction_session_timeout).
 */
const TAKE_OVER_LOCK_MS = 500;

const BEAT = statement(
  'beat',
  `INSERT INTO beats (epoch, beats, summary, session)
   SELECT epoch, 1, $3, pg_backend_pid() FROM replicas WHERE epoch = $1 AND mark = $2::uuid AND NOT closed
   ON CONFLICT (epoch) DO UPDATE SET beats = beats.beats + 1, summary = excluded.summary, session = excluded.session
   RETURNING session`,
);
const BEGUN = statement('begun', 'UPDATE replicas SET begun = true WHERE epoch = $1');
/** Of a null session the function tells all that there are: whose is not known counts as connected. */
const OTHERS = statement(
  'others',
  `SELECT replicas.epoch, commits, begun::integer AS begun, closed::integer AS closed, beats, summary,
     (EXISTS (SELECT FROM pg_stat_get_activity(beats.session)))::integer AS connected
   FROM replicas LEFT JOIN beats USING (epoch)
   WHERE replicas.epoch <> $1 ORDER BY replicas.epoch`,
);
const SEND = statement(
  'send',
  `WITH sent AS (
     INSERT INTO mail (recipient, sender, body)
     SELECT epoch, $1, $2 FROM replicas WHERE epoch <> $1 AND NOT closed AND ($3::bigint IS NULL OR epoch = $3)
     RETURNING recipient
   ) SELECT pg_notify($4 || recipient, $5) FROM sent`,
);
const OWNER = statement(
  'owner-of',
  `SELECT owner, range_end FROM segments WHERE job_id = $1 AND range_start <= $2 ORDER BY range_start DESC LIMIT 1`,
);

interface Seen extends Gone {
  readonly begun: boolean;
  readonly closed: boolean;
  readonly connected: boolean;
}

interface Look {
  readonly seen: readonly Seen[];
  /** That it was made in. */
  readonly session: number;
}

export class PostgresReplicas implements ReplicaChannel {
  readonly #database: Database;
  readonly #me: Opened;
  readonly #channels: Channels;
  readonly #reads: Reads;
  readonly #now: () => number;
  readonly #patience: Patience;
  /** Beats and taking over wait for nothing else. */
  readonly #lane: Lane;
  /** Mail keeps its order. */
  readonly #post: Lane;
  readonly #listener: Listener;
  readonly #listeners: ((ring: Ring) => void)[] = [];
  /** What others said of themselves: kept over a crash of the database, until they say it again. */
  readonly #summaries = new Map<number, string>();
  /** Those whose take-over was not answered: it may have happened. Whether they had closed. */
  readonly #unsettled = new Map<number, boolean>();
  #begun = false;

  constructor(options: {
    readonly database: Database;
    readonly timeouts: Timeouts;
    readonly me: Opened;
    readonly channels: Channels;
    readonly reads: Reads;
    readonly patienceMs: number;
    readonly now: () => number;
  }) {
    const { database, timeouts, me, channels } = options;
    this.#database = database;
    this.#me = me;
    this.#channels = channels;
    this.#reads = options.reads;
    this.#now = options.now;
    this.#patience = new Patience(options.patienceMs);
    this.#lane = new Lane(database, { ...timeouts, lockMs: TAKE_OVER_LOCK_MS });
    this.#post = new Lane(database, timeouts);
    const ring = (rung: Ring) => this.#listeners.forEach((listener) => listener(rung));
    this.#listener = new Listener({ database, timeouts, epoch: me.epoch, channels, ring });
  }

  listen(listener: (ring: Ring) => void): void {
    this.#listeners.push(listener);
    if (this.#listeners.length === 1) this.#listener.start();
    // Otherwise the resync comes with the connection.
    else if (this.#listener.isConnected) queueMicrotask(() => listener({ kind: 'resync' }));
  }

  async beat(summary: string): ReturnType<ReplicaChannel['beat']> {
    limit('a summary', summary, MAX_SUMMARY_BYTES);
    this.#listener.check();
    try {
      const { seen, session } = await this.#beatOnce(summary);
      const dead = new Set(
        this.#patience.look(
          this.#now(),
          session,
          seen.filter(({ closed }) => !closed),
        ),
      );
      const gone = seen.filter(({ epoch, closed }) => closed || dead.has(epoch));
      const settled = await this.#settle(seen);
      const adopted = new Set(settled.jobs);
      let { lost } = settled;
      for (const each of gone) {
        const taken = await this.#takeOver(each);
        if (taken?.closed === false) lost += 1;
        for (const jobId of taken?.jobs ?? []) adopted.add(jobId);
      }
      const live = seen.filter((each) => !gone.includes(each));
      const others = live.flatMap(({ epoch }) => {
        const said = this.#summaries.get(epoch);
        return said === undefined ? [] : [{ epoch, summary: said }];
      });
      return { others, adopted: [...adopted], lost };
    } catch (error) {
      throw unavailable(error, this.#database.address);
    }
  }

  async send(to: number | 'all', body: string): Promise<void> {
    limit('a letter', body, MAX_MAIL_BYTES);
    const recipient = to === 'all' ? null : to;
    const values = [
      this.#me.epoch,
      storable(body),
      recipient,
      this.#channels.prefix,
      encodePayload({ kind: 'mail' }),
    ];
    try {
      await this.#post.run((client) => new Flight(client).ask(SEND, values));
    } catch (error) {
      throw unavailable(error, this.#database.address);
    }
  }

  ownParts(jobId: string): Promise<OwnParts> {
    return this.#reads.ownParts(jobId);
  }

  async ownerOf(jobId: string, range: Range): Promise<number | undefined> {
    const { rows } = await this.#reads.ask(OWNER, [jobId, range.start.toString()]);
    const [row] = rows;
    return row === undefined || bigint(row, 'range_end') < range.end ? undefined : number(row, 'owner');
  }

  async close(): Promise<void> {
    await Promise.all([this.#listener.close(), this.#lane.close(), this.#post.close()]);
  }

  /** If the connection is found lost, once more on another: who waits for a sign may not wait another second. */
  async #beatOnce(summary: string): Promise<Look> {
    const look = () => this.#lane.run((client) => this.#look(client, summary));
    try {
      return await look();
    } catch (error) {
      if (!isDisconnection(error)) throw error;
      return look();
    }
  }

  async #look(client: pg.Client, summary: string): Promise<Look> {
    const flight = new Flight(client);
    const beating = flight.ask(BEAT, [this.#me.epoch, this.#me.mark, storable(summary)]);
    const [{ rows: mine }, { rows }] = await Promise.all([beating, flight.ask(OTHERS, [this.#me.epoch])]);
    const [own] = mine;
    if (own === undefined) throw new StoreFenced();
    if (!this.#begun) await flight.ask(BEGUN, [this.#me.epoch]);
    this.#begun = true;
    const there = new Set<number>();
    const seen = rows.map((row) => {
      const epoch = number(row, 'epoch');
      const said = textOrNull(row, 'summary');
      if (said !== null) this.#summaries.set(epoch, said);
      there.add(epoch);
      return {
        epoch,
        begun: number(row, 'begun') === 1,
        commits: number(row, 'commits'),
        beats: numberOrNull(row, 'beats'),
        connected: number(row, 'connected') === 1,
        closed: number(row, 'closed') === 1,
      };
    });
    for (const epoch of this.#summaries.keys()) if (!there.has(epoch)) this.#summaries.delete(epoch);
    return { seen, session: number(own, 'session') };
  }

  /** What cannot be had now is looked at again by the next beat; undefined: nothing was taken over. */
  async #takeOver(gone: Seen): Promise<TakenOver | undefined> {
    this.#unsettled.set(gone.epoch, gone.closed);
    try {
      const taken = await this.#lane.run((client) => this.#takeOverNow(client, gone));
      this.#unsettled.delete(gone.epoch);
      return taken;
    } catch {
      return undefined;
    }
  }

  async #takeOverNow(client: pg.Client, gone: Gone): Promise<TakenOver | undefined> {
    await client.query(BEGIN);
    try {
      const taken = await takeOver(new Flight(client), this.#me.epoch, gone);
      await client.query('COMMIT');
      return taken;
    } catch (error) {
      // A commit of the dead one is waited for (TAKE_OVER_LOCK_MS). The session stays: it says that this one lives.
      if (isCollision(error)) await client.query('ROLLBACK');
      throw error;
    }
  }

  /** Of those that were being taken over: who is still there was not; who is not may have been by another one, who counts it as well. */
  async #settle(seen: readonly Seen[]): Promise<{ readonly jobs: readonly string[]; readonly lost: number }> {
    for (const { epoch } of this.#unsettled.size === 0 ? [] : seen) this.#unsettled.delete(epoch);
    if (this.#unsettled.size === 0) return { jobs: [], lost: 0 };
    const jobs = await this.#lane.run((client) => ownedJobs(new Flight(client), this.#me.epoch));
    const lost = [...this.#unsettled.values()].filter((closed) => !closed).length;
    this.#unsettled.clear();
    return { jobs, lost };
  }
}

/** @throws Error */
function limit(what: string, words: string, most: number): void {
  const size = Buffer.byteLength(words);
  if (size > most) throw new Error(`${what} of ${size} bytes is too long: at most ${most}`);
}
