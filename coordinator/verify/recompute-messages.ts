/** What goes between the coordinator's main thread and the thread that recomputes. */
import { z } from 'zod';
import { decimalString } from '../../protocol/decimal.ts';

const parameters = z.record(z.string(), z.union([z.string(), z.number()]));
const work = { id: z.number(), type: z.string(), parameters, start: decimalString, end: decimalString };

export const recomputeRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('compute'), ...work }),
  z.object({ kind: z.literal('check'), ...work, aggregate: z.unknown() }),
]);
export type RecomputeRequest = z.infer<typeof recomputeRequest>;

export const recomputeReply = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('computed'), id: z.number(), aggregate: z.unknown(), ms: z.number() }),
  z.object({ kind: z.literal('checked'), id: z.number(), problems: z.array(z.string()) }),
  z.object({ kind: z.literal('failed'), id: z.number(), message: z.string() }),
]);
export type RecomputeReply = z.infer<typeof recomputeReply>;
