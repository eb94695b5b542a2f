/**
 * Taking over what a coordinator owned that closed or died, in the transaction that deletes its row: there is never
 * anything that nobody owns.
 */
import { number, text } from '../columns.ts';
import { statement } from './flight.ts';
import type { Flight } from './flight.ts';

/** A coordinator as it was seen when it was judged. */
export interface Gone {
  readonly epoch: number;
  readonly commits: number;
  /** Null: it never beat, or not since the database crashed. */
  readonly beats: number | null;
}

/** Of a dead one only if it gave no sign since; waits for the end of the commit that it may have under way. */
const END = statement(
  'end-replica',
  `DELETE FROM replicas WHERE epoch = $1 AND (closed OR (commits = $2
     AND NOT EXISTS (SELECT FROM beats WHERE beats.epoch = $1 AND beats.beats IS DISTINCT FROM $3::bigint)))
   RETURNING closed::integer AS closed`,
);

const TAKE = statement(
  'take-over',
  `WITH live AS (
     SELECT id FROM jobs WHERE state IN ('pending', 'running', 'paused')
     UNION SELECT job_id FROM journal WHERE owner = $1
   ), taken_segments AS (
     UPDATE segments SET owner = $2 WHERE owner = $1 AND job_id IN (SELECT id FROM live) RETURNING job_id
   ), taken_results AS (
     UPDATE journal SET owner = $2 WHERE owner = $1 RETURNING job_id
   ), taken_shares AS (
     UPDATE shares SET owner = $2 WHERE owner = $1 AND job_id IN (SELECT id FROM live) RETURNING job_id
   )
   SELECT job_id FROM taken_segments UNION SELECT job_id FROM taken_results UNION SELECT job_id FROM taken_shares`,
);
const FORGET_BEATS = statement('forget-beats', 'DELETE FROM beats WHERE epoch = $1');
const FORGET_MAIL = statement('forget-mail', 'DELETE FROM mail WHERE recipient = $1');

export interface TakenOver {
  /** Of which something was taken. */
  readonly jobs: readonly string[];
  /** It had stopped in order. */
  readonly closed: boolean;
}

/** @returns undefined: it lives, or another one was faster */
export async function takeOver(flight: Flight, me: number, gone: Gone): Promise<TakenOver | undefined> {
  const [ended] = (await flight.ask(END, [gone.epoch, gone.commits, gone.beats])).rows;
  if (ended === undefined) return undefined;
  flight.send(FORGET_BEATS, [gone.epoch]);
  flight.send(FORGET_MAIL, [gone.epoch]);
  // A statement of its own: it sees what was committed while the first one waited.
  const { rows } = await flight.ask(TAKE, [gone.epoch, me]);
  return { jobs: rows.map((row) => text(row, 'job_id')), closed: number(ended, 'closed') === 1 };
}

const OWNED_JOBS = statement(
  'owned-jobs',
  `SELECT job_id FROM segments WHERE owner = $1 UNION SELECT job_id FROM journal WHERE owner = $1
   UNION SELECT job_id FROM shares WHERE owner = $1`,
);

/** All jobs of which something is owned: what a take-over took whose answer was lost is among them. */
export async function ownedJobs(flight: Flight, me: number): Promise<readonly string[]> {
  const { rows } = await flight.ask(OWNED_JOBS, [me]);
  return rows.map((row) => text(row, 'job_id'));
}
