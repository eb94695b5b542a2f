/** The channels of LISTEN and NOTIFY, and what is said on them. */
import { z } from 'zod';

/** PostgreSQL carries 8000 bytes at most. Ids of jobs are short. */
const payload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), jobId: z.string() }),
  z.object({ kind: z.literal('given'), jobId: z.string() }),
  z.object({ kind: z.literal('keys') }),
  z.object({ kind: z.literal('pruned') }),
  /** There is something in `mail` for whoever hears it. */
  z.object({ kind: z.literal('mail') }),
]);
export type Payload = z.infer<typeof payload>;

export interface Channels {
  readonly everybody: string;
  /** Of each coordinator's own, before its epoch. */
  readonly prefix: string;
  of(epoch: number): string;
}

/** Channels are a database's, whatever the schema: the cluster's own number tells them apart. */
export function channelsOf(clusterId: number): Channels {
  const prefix = `threads_${clusterId}_`;
  return { everybody: `threads_${clusterId}`, prefix, of: (epoch) => `${prefix}${epoch}` };
}

export function encodePayload(said: Payload): string {
  return JSON.stringify(said);
}

/** Undefined: a newer version's word, or somebody else's. */
export function decodePayload(words: string | undefined): Payload | undefined {
  try {
    const read = payload.safeParse(JSON.parse(words ?? ''));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
