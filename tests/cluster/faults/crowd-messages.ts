/** What a process of simulated workers and the test that started it say to each other. */
import { z } from 'zod';
import { tallyState } from '../../../cli/load/tally.ts';

/** The environment of such a process names this. */
export const CROWD_VARIABLE = 'CROWD';

export const crowdPlan = z.object({
  /** Of all crowds; this one plays every `of`-th worker, beginning with `index`. */
  seed: z.string(),
  url: z.string(),
  workers: z.number().int(),
  of: z.number().int(),
  index: z.number().int(),
  perSecond: z.number(),
  /** Numbers in the batch of a worker of middling speed. */
  batch: z.number(),
  /** How often it was started before: a page that is opened again is another worker. */
  life: z.number().int(),
});
export type CrowdPlan = z.infer<typeof crowdPlan>;

const decimal = z.string().regex(/^\d+$/).transform(BigInt);

export const crowdSays = z.discriminatedUnion('kind', [
  /** A result was acknowledged. */
  z.object({ kind: z.literal('acknowledged'), start: decimal, end: decimal }),
  /** The answer to any message. */
  z.object({ kind: z.literal('told'), connected: z.number().int(), tally: tallyState }),
  /** A worker that was refused for good. */
  z.object({ kind: z.literal('refused'), message: z.string() }),
]);
