/** What crosses between the bench and the processes that compute for it. Big integers cross as they are. */
import { z } from 'zod';

/** What such a process can run; of `gpu` one process holds one adapter. */
export const RUN_KINDS = ['wasm', 'twin', 'textbook', 'wgsl', 'textbook-wgsl'] as const;

const range = z.strictObject({ start: z.bigint(), end: z.bigint() });
const subject = { id: z.number(), kind: z.enum(RUN_KINDS), test: z.string() };

export const runnerRequest = z.discriminatedUnion('op', [
  /** Opens an adapter, pins what computes, before anything else. */
  z.strictObject({
    op: z.literal('open'),
    id: z.number(),
    adapter: z.number().nullable(),
    software: z.boolean(),
    core: z.number().nullable(),
  }),
  /** Builds the program and finds the length of its calls. */
  z.strictObject({ op: z.literal('prepare'), ...subject }),
  z.strictObject({ op: z.literal('fields'), ...subject, range }),
  z.strictObject({
    op: z.literal('measure'),
    ...subject,
    start: z.bigint(),
    seconds: z.number(),
  }),
]);
export type RunnerRequest = z.infer<typeof runnerRequest>;

export const measured = z.strictObject({
  units: z.number(),
  work: z.number(),
  seconds: z.number(),
  hostSeconds: z.number(),
  wallSeconds: z.number(),
  clock: z.enum(['CPU time', 'wall time of dispatches']),
});

export const runnerReply = z.union([
  z.strictObject({ id: z.number(), error: z.string() }),
  z.strictObject({ id: z.number(), value: z.unknown() }),
]);
export type RunnerReply = z.infer<typeof runnerReply>;

export const prepared = z.strictObject({ call: z.bigint() });
export const fieldsReply = z.record(z.string(), z.unknown());
