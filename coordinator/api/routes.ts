/** What answers each of ROUTES. The table is checked at the start: a route without a handler does not start. */
import type { Request, Response } from 'express';
import { ClusterError } from '../../protocol/errors.ts';
import { handBack } from '../../protocol/hand-back.ts';
import { idempotencyKey, jobId, jobListQuery, throughputQuery, windowSeconds } from '../../protocol/http.ts';
import { liveQuery } from '../../protocol/live.ts';
import { nodeId } from '../../protocol/messages.ts';
import { parseOrRefuse, problemsWith, refuse } from '../../protocol/problems.ts';
import { emptyBody } from '../../protocol/routes.ts';
import { readSubmit } from '../../protocol/submit.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Cluster } from '../cluster.ts';
import { readJson } from './body.ts';
import type { JobEvents } from './job-events.ts';
import type { LiveEvents } from './live-events.ts';
import { sendJson } from './replies.ts';

export interface RouteContext {
  readonly cluster: Cluster;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly events: JobEvents;
  readonly live: LiveEvents;
}

/** Answers the request, with the status that its route declares. */
export type Handler = (request: Request, response: Response, status: number) => Promise<void>;

/** By `method path`, as in ROUTES. */
export function routeHandlers({
  cluster,
  workloads,
  events,
  live,
}: RouteContext): ReadonlyMap<string, Handler> {
  const json =
    (answer: (request: Request) => unknown): Handler =>
    async (request, response, status) =>
      sendJson(response, status, await answer(request));
  const step = (change: (id: string) => Promise<unknown>): Handler =>
    json(async (request) => {
      parseOrRefuse(emptyBody, (await readJson(request)) ?? {});
      return change(jobIdOf(request));
    });

  return new Map<string, Handler>([
    ['post /api/submit', json((request) => submit(cluster, workloads, request))],
    ['get /api/status', json(() => cluster.overview())],
    ['get /api/status/:job_id', json((request) => cluster.status(jobIdOf(request)))],
    ['get /api/results/:job_id', json((request) => cluster.results(jobIdOf(request)))],
    ['get /api/jobs', json((request) => cluster.list(parseOrRefuse(jobListQuery, request.query)))],
    ['get /api/jobs/:job_id/events', (request, response) => events.open(jobIdOf(request), response)],
    ['get /api/jobs/:job_id/coverage', json((request) => cluster.coverage(jobIdOf(request)))],
    ['post /api/cancel/:job_id', step((id) => cluster.cancel(id))],
    ['post /api/jobs/:job_id/pause', step((id) => cluster.pause(id))],
    ['post /api/jobs/:job_id/resume', step((id) => cluster.resume(id))],
    [
      'post /api/hand-back',
      json(async (request) => cluster.handBack(parseOrRefuse(handBack, await readJson(request)))),
    ],
    ['get /api/nodes', json(() => ({ nodes: cluster.nodes() }))],
    ['get /api/nodes/:node_id', json((request) => cluster.node(nodeIdOf(request)))],
    [
      'get /api/cluster/throughput',
      json((request) => {
        const { window } = parseOrRefuse(throughputQuery, request.query);
        return cluster.throughput(windowSeconds(window));
      }),
    ],
    ['get /api/events', (request, response) => live.open(parseOrRefuse(liveQuery, request.query), response)],
    ['get /health', json(() => ({ status: 'ok' }))],
    ['get /ready', (_request, response) => ready(cluster, response)],
  ]);
}

async function submit(
  cluster: Cluster,
  workloads: ReadonlyMap<string, Workload>,
  request: Request,
): Promise<unknown> {
  const body = await readJson(request);
  if (body === undefined) throw new ClusterError('malformed', 'send the job as a JSON body');
  const key = request.get('Idempotency-Key');
  const read = readSubmit(body, workloads);
  const ofKey = key === undefined ? [] : problemsWith(idempotencyKey, key, ['Idempotency-Key']);
  if (read.body === undefined || read.problems.length + ofKey.length > 0) {
    return refuse([...read.problems, ...ofKey]);
  }
  return cluster.submit(read.body, key === undefined ? {} : { idempotencyKey: key });
}

async function ready(cluster: Cluster, response: Response): Promise<void> {
  const reason = cluster.notReady();
  sendJson(response, reason === null ? 200 : 503, {
    status: reason === null ? 'ready' : 'not_ready',
    reason,
  });
}

/** What can't be an id names nothing. */
function jobIdOf(request: Request): string {
  const parsed = jobId.safeParse(request.params['job_id']);
  if (parsed.success) return parsed.data;
  throw new ClusterError('not_found', 'no job has this id: GET /api/jobs lists them');
}

function nodeIdOf(request: Request): string {
  const parsed = nodeId.safeParse(request.params['node_id']);
  if (parsed.success) return parsed.data;
  throw new ClusterError('not_found', 'no worker has this id: GET /api/nodes lists them');
}
