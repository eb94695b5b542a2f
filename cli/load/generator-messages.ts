/** What a generator's process and the one that started it say to each other. */
import { z } from 'zod';
import { tallyState } from './tally.ts';
import { crowd } from './worker-plan.ts';

/**
 * start: make the share · gather: connect all · work: begin to ask and compute · cut: break all connections ·
 * back: answer once everybody was lost and is connected again · tally: answer with what was counted · home: leave, answer with the last tally
 */
export const command = z.discriminatedUnion('do', [
  z.object({
    id: z.number().int(),
    do: z.literal('start'),
    share: z.object({
      crowd,
      stride: z.number().int().min(1),
      first: z.number().int().min(0),
      key: z.string().optional(),
    }),
  }),
  z.object({ id: z.number().int(), do: z.enum(['gather', 'work', 'cut', 'back', 'tally', 'home']) }),
]);
export type Command = z.infer<typeof command>;

export const reply = z.discriminatedUnion('ok', [
  z.object({ id: z.number().int(), ok: z.literal(true), connected: z.number().int(), tally: tallyState }),
  z.object({ id: z.number().int(), ok: z.literal(false), message: z.string() }),
]);
export type Reply = z.infer<typeof reply>;
