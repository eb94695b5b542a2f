/** Honest users beside an attack: a worker that computes, and a client whose jobs must come out exact. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { request as httpRequest } from 'node:http';
import { jobResults, jobStatus, submitReply } from '../../protocol/http.ts';
import { leaseReply } from '../../protocol/messages.ts';
import type { Lease } from '../../protocol/messages.ts';
import { findWorkload } from '../../shaders/registry.ts';
import { answerOf, join } from '../coordinator/worker-socket.ts';
import type { Observed } from './observed.ts';

/** What the plain reference computes in a moment. */
const MOST_UNITS = 1500n;
const PARAMETERS = { start: '1', end: '1501' };

export interface HonestUsers {
  /** Waits for the job that is under way. @returns jobs that came out exact */
  end(): Promise<number>;
}

/**
 * One user’s jobs, one after another, and one of the operator’s workers: from the first job that came out exact to
 * `end`, which fails if anything was refused or wrong.
 */
export async function honestUsers(t: TestContext, coordinator: Observed): Promise<HonestUsers> {
  const worker = await coordinator.key('worker', 'operator');
  const ada = await coordinator.key('submitter', 'ada');
  const { socket, request } = await join(t, coordinator.url, {
    node_id: 'honest',
    key: worker.key,
    workloads: [{ type: 'collatz', version: findWorkload('collatz')?.version ?? 0 }],
  });
  let lastJob = false;
  let mayGo = false;
  const working = (async () => {
    while (!mayGo) {
      const work = new Promise<void>((resolve) => socket.once('work', () => resolve()));
      const answer = await request('lease', { target_ms: 1000, rate_per_second: 1000 });
      assert.ok(answer.ok, `an honest worker was refused: ${JSON.stringify(answer)}`);
      const { lease, retry_after_ms } = leaseReply.parse(answer.value);
      if (lease === null) {
        const later = new Promise((resolve) => setTimeout(resolve, Math.min(retry_after_ms, 200)));
        await Promise.race([work, later]);
        continue;
      }
      const started = performance.now();
      const result = answerOf(beginningOf(lease));
      // What it took is said as it is: batches of a worker that says less grow until it computes for minutes.
      const taken = await request('submit', { ...result, compute_ms: performance.now() - started });
      // A job that somebody else cancels meanwhile wants no more results.
      assert.ok(taken.ok || taken.error.code === 'lease_superseded', JSON.stringify(taken));
    }
    socket.disconnect();
  })();
  let exact = 0;
  const first = Promise.withResolvers<null>();
  const submitting = (async () => {
    do {
      await assertExactJob(coordinator, ada.key);
      exact += 1;
      first.resolve(null);
    } while (!lastJob);
  })();
  // Whichever fails is told by `end`, if not here.
  for (const each of [working, submitting]) each.catch(() => undefined);
  await Promise.race([first.promise, working, submitting]);
  return {
    end: async () => {
      lastJob = true;
      await Promise.race([submitting, working]);
      mayGo = true;
      await Promise.all([submitting, working]);
      return exact;
    },
  };
}

/** Others' jobs ask for batches of any length; a worker may send the beginning of one, and the rest goes back. */
function beginningOf(lease: Lease): Lease {
  const most = BigInt(lease.start) + MOST_UNITS;
  return BigInt(lease.end) > most ? { ...lease, end: String(most) } : lease;
}

async function assertExactJob(coordinator: Observed, key: string): Promise<void> {
  const body = { type: 'collatz', priority: 'high', parameters: PARAMETERS };
  const submitted = await coordinator.ask('POST', '/api/submit', key, body);
  assert.equal(submitted.status, 202, JSON.stringify(submitted.body));
  const { job_id } = submitReply.parse(submitted.body);
  for (;;) {
    const status = jobStatus.parse((await coordinator.ask('GET', `/api/status/${job_id}`, key)).body);
    assert.ok(['pending', 'running', 'completed'].includes(status.status), JSON.stringify(status.error));
    if (status.status === 'completed') break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { result } = jobResults.parse((await coordinator.ask('GET', `/api/results/${job_id}`, key)).body);
  assert.deepEqual(result, EXPECTED);
}

const EXPECTED = expectedResult();

function expectedResult(): unknown {
  const workload = findWorkload('collatz');
  assert.ok(workload !== undefined);
  const parameters = workload.parameters.parse(PARAMETERS);
  const whole = workload.reference(parameters, workload.range(parameters));
  const result: unknown = JSON.parse(JSON.stringify(workload.result(parameters, whole)));
  return result;
}

/** Milliseconds of each request that a client sends one after another, on one connection, until `done`. */
export async function latencies(
  target: { readonly port: number; readonly from?: string; readonly path?: string; readonly key?: string },
  done: Promise<unknown>,
): Promise<readonly number[]> {
  let over = false;
  void done.finally(() => (over = true));
  const took: number[] = [];
  while (!over) {
    const started = performance.now();
    await answered(target);
    took.push(performance.now() - started);
  }
  return took;
}

/** @throws Error unless it is 200 */
function answered({ port, from, path = '/api/status', key }: Parameters<typeof latencies>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    const local = from === undefined ? {} : { localAddress: from };
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, ...local }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`an honest client got ${response.statusCode ?? 0}`));
      });
    });
    request.on('error', reject).end();
  });
}

/** `p50 3 ms, p99 12 ms of 400` */
export function quantiles(took: readonly number[]): string {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${sorted.length}`;
}
