/** What jobs may take here: the operator's to say. */
export interface JobRules {
  /** Waiting jobs of one submitter, or of all callers without a key together. */
  readonly maxWaitingJobs: number;
  /** Waiting jobs of one admin; the caller without a key on loopback is one. */
  readonly maxWaitingJobsAdmin: number;
  /** A job with expected_seconds fails once it ran so many times that long. */
  readonly timeoutMultiplier: number;
  /** Jobs that are over for so many days are forgotten; null: they are kept. */
  readonly retentionDays: number | null;
}

export const DEFAULT_JOB_RULES: JobRules = {
  maxWaitingJobs: 1000,
  maxWaitingJobsAdmin: 10_000,
  timeoutMultiplier: 10,
  retentionDays: null,
};
