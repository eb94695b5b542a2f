/** The sentence about the cluster at the top of the page, from GET /api/status. */

/** Undefined if the answer is not what was expected. */
export function clusterSentence(status: unknown): string | undefined {
  const devices = number(field(field(status, 'workers'), 'connected'));
  const running = number(field(field(status, 'jobs'), 'running'));
  const waiting = number(field(field(status, 'jobs'), 'pending'));
  if (devices === undefined || running === undefined || waiting === undefined) return undefined;
  const work =
    running > 0
      ? `${running} ${running === 1 ? 'job' : 'jobs'} running`
      : waiting > 0
        ? `${waiting} waiting`
        : 'no job yet';
  return `${devices} ${devices === 1 ? 'device' : 'devices'}, ${work}.`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
