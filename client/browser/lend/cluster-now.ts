/** The sentence about the cluster at the top of the page, from GET /api/status. */

/** Undefined if the answer is not what was expected. */
export function clusterSentence(status: unknown): string | undefined {
  const devices = number(field(field(status, 'workers'), 'connected'));
  const running = number(field(field(status, 'jobs'), 'running'));
  const waiting = number(field(field(status, 'jobs'), 'pending'));
  if (devices === undefined || running === undefined || waiting === undefined) return undefined;
  let work = 'no job yet';
  if (running > 0) work = `${jobs(running)} running`;
  else if (waiting > 0) work = `${jobs(waiting)} waiting`;
  return `${devices} ${devices === 1 ? 'device' : 'devices'}, ${work}.`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function jobs(count: number): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'}`;
}
