/** A lease: soft state in the memory of the coordinator that granted it. The token is what lasts. */
import type { Range } from '../../protocol/range.ts';
import type { Job } from './job.ts';
import type { Segment } from './segment.ts';
import type { LeaseClaims } from './token.ts';

export type LeaseEnd = 'submitted' | 'released' | 'expired' | 'revoked';

export interface Lease {
  readonly id: string;
  readonly job: Job;
  /** The one that its range lies in; another one after a split. */
  segment: Segment;
  readonly range: Range;
  readonly nodeId: string;
  /** 2 for a second lease of a straggler's range. */
  readonly attempt: number;
  readonly grantedAt: number;
  readonly expiresAt: number;
  readonly expectedMs: number | undefined;
  readonly claims: LeaseClaims;
  /** `claims`, signed. */
  readonly token: string;
  /** False once it ended; kept for a while if its holder may still answer. */
  live: boolean;
  /** Another lease of the same range was granted. */
  twinned: boolean;
  /** An ended lease is forgotten then. */
  watchedUntil: number;
  /** Where its holder said that it is. */
  progress: bigint;
}
