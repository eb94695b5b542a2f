/**
 * What a page sends when it is left: the browser ends its threads and sockets at once, and carries one last request
 * (`navigator.sendBeacon`) for it. Nobody reads the answer then; it is for whoever tries the address by hand.
 */
import { z } from 'zod';
import { lease, submission, wireError } from './messages.ts';

/* Workers of other protocol versions hand back by this too, when they are refused: it may only ever grow. */

/** A browser carries 64 KiB of such requests at a time, headers and the page's other ones included. */
export const MAX_HAND_BACK_BYTES = 60_000;
/** A worker holds two leases; a few results may wait for their acknowledgement. */
export const MAX_HANDED_BACK = 8;

export const handBack = z.strictObject({
  leases: z
    .array(
      z.strictObject({
        token: lease.shape.token.describe('of the lease: it proves the right to it'),
        result: submission
          .omit({ token: true, next: true })
          .nullable()
          .describe('as a worker submits it: the finished beginning or all; null if nothing of it is done'),
      }),
    )
    .min(1)
    .max(MAX_HANDED_BACK),
});
export type HandBack = z.infer<typeof handBack>;

export const handBackReply = z.object({
  leases: z
    .array(
      z.object({
        status: z
          .enum(['accepted', 'duplicate', 'released', 'refused'])
          .describe('accepted and duplicate as for a submission; released: its whole range is free again'),
        error: wireError.nullable().describe('why it was refused'),
      }),
    )
    .describe('in the order of the request'),
});
export type HandBackReply = z.infer<typeof handBackReply>;
export type HandedBack = HandBackReply['leases'][number];
