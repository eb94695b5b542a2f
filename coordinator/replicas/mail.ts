/**
 * What coordinators that share a store say to each other. It comes from the same database as everything else, but
 * perhaps from another version of this program, so it is checked: what can't be read is as good as lost.
 */
import { z } from 'zod';
import { jobCoverage, nodeStatus } from '../../protocol/http.ts';
import { hello, nodeId, release, submission, submissionReply } from '../../protocol/messages.ts';
import { finishedBatch } from '../../protocol/live.ts';
import { ERROR_CODES } from '../../protocol/errors.ts';

/** Who a worker is. Its key stays where it connected. */
const passport = z.strictObject({ hello: hello.omit({ key: true }), own: z.boolean() });
const sender = { node_id: nodeId, passport: passport.nullable() };

export const question = z.discriminatedUnion('of', [
  z.strictObject({ of: z.literal('submit'), ...sender, submission }),
  z.strictObject({ of: z.literal('release'), ...sender, release }),
  z.strictObject({ of: z.literal('nodes'), limit: z.number().int().nullable() }),
  z.strictObject({ of: z.literal('node'), node_id: nodeId }),
  z.strictObject({ of: z.literal('leases'), job_id: z.string() }),
  z.strictObject({ of: z.literal('batches'), after: z.number().int() }),
]);
export type Question = z.infer<typeof question>;

/** The answer to each kind of question. */
export const ANSWERS = {
  submit: submissionReply.pick({ status: true }),
  release: z.object({}),
  nodes: z.object({ nodes: z.array(nodeStatus), total: z.number().int() }),
  node: z.object({ node: nodeStatus.nullable() }),
  leases: z.object({ leases: jobCoverage.shape.leased }),
  batches: z.object({ batches: z.array(finishedBatch), last: z.number().int() }),
} as const satisfies Record<Question['of'], z.ZodType>;
export type Answer<K extends Question['of']> = z.infer<(typeof ANSWERS)[K]>;

/** What nobody answers. */
export const news = z.discriminatedUnion('of', [
  /** A worker has connected to the sender, with these leases in its hands. */
  z.strictObject({
    of: z.literal('arrived'),
    node_id: nodeId,
    session: z.string(),
    /** Milliseconds since 1970, by the sender's clock. */
    at: z.number(),
    leases: z.array(z.string()),
  }),
  /** The sender has idle workers for this job, and nothing of it left. */
  z.strictObject({ of: z.literal('hungry'), job_id: z.string(), workers: z.number().int().min(1) }),
]);
export type News = z.infer<typeof news>;

const refusal = z.object({ code: z.enum(ERROR_CODES), message: z.string() });

export const mail = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('question'), id: z.number().int(), question }),
  z.strictObject({ kind: z.literal('answer'), id: z.number().int(), answer: z.unknown() }),
  z.strictObject({ kind: z.literal('refusal'), id: z.number().int(), error: refusal }),
  z.strictObject({ kind: z.literal('news'), news }),
]);
export type Mail = z.infer<typeof mail>;
