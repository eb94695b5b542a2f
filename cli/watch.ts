/** Follows a job to its end, with a progress bar on a terminal. */
import type { ApiClient } from './api-client.ts';
import { EXIT, note, type Context, type ExitCode } from './command.ts';
import { ProgressBar } from './progress-bar.ts';
import type { JobStatus } from '../protocol/http.ts';

/** Ctrl-C ends the watching, not the job. */
export async function watchJob(context: Context, api: ApiClient, jobId: string): Promise<ExitCode> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    // Only now: who reads the id may press Ctrl-C.
    note(context, `Job ${jobId}`);
    const last = await followJob(context, api, jobId, interrupt.signal);
    if (last === undefined) {
      note(context, `The job goes on. Look again with: ${context.self} status ${jobId} --watch`);
      return EXIT.interrupted;
    }
    return exitCodeOf(context, last);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** The job's last status; undefined if `signal` came first. */
export async function followJob(
  context: Pick<Context, 'stderr'>,
  api: ApiClient,
  jobId: string,
  signal: AbortSignal,
  lineEveryMs?: number,
): Promise<JobStatus | undefined> {
  const bar = new ProgressBar(context.stderr, lineEveryMs);
  try {
    for await (const event of api.events(jobId, signal)) {
      if (event.kind === 'progress') bar.update(event.status);
      if (event.kind === 'reconnecting' && event.attempt === 2) {
        bar.say('The connection to the coordinator was lost; trying again. The job goes on.');
      }
      if (event.kind === 'end') return event.status;
    }
    return undefined;
  } finally {
    bar.clear();
  }
}

export function exitCodeOf(context: Pick<Context, 'stderr'>, { job_id, status, error }: JobStatus): ExitCode {
  switch (status) {
    case 'completed':
      return EXIT.done;
    case 'failed':
      context.stderr.write(`Job ${job_id} failed: ${error?.message ?? 'no reason is known'}\n`);
      return EXIT.failed;
    case 'cancelled':
      context.stderr.write(`Job ${job_id} was cancelled.\n`);
      return EXIT.failed;
    case 'pending':
    case 'running':
    case 'paused':
      return EXIT.done;
  }
}
