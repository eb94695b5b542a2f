/** What answers each of ROUTES. The table is checked at the start: a route without a handler does not start. */
import type { Request, Response } from 'express';
import { z } from 'zod';
import { ClusterError } from '../../protocol/errors.ts';
import type { FieldProblem } from '../../protocol/errors.ts';
import {
  emptyBody,
  idempotencyKey,
  jobId,
  jobListQuery,
  submitBody,
  throughputQuery,
  windowSeconds,
} from '../../protocol/http.ts';
import type { SubmitBody } from '../../protocol/http.ts';
import { nodeId } from '../../protocol/messages.ts';
import { fieldProblems, parseOrRefuse, refuse } from '../../protocol/problems.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Cluster } from '../cluster.ts';
import { readJson } from './body.ts';
import type { JobEvents } from './job-events.ts';
import { sendJson } from './replies.ts';

export interface RouteContext {
  readonly cluster: Cluster;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly events: JobEvents;
}

/** Answers the request, with the status that its route declares. */
export type Handler = (request: Request, response: Response, status: number) => Promise<void>;

/** By `method path`, as in ROUTES. */
export function routeHandlers({ cluster, workloads, events }: RouteContext): ReadonlyMap<string, Handler> {
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
    ['get /api/nodes', json(() => ({ nodes: cluster.nodes() }))],
    ['get /api/nodes/:node_id', json((request) => cluster.node(nodeIdOf(request)))],
    [
      'get /api/cluster/throughput',
      json((request) => {
        const { window } = parseOrRefuse(throughputQuery, request.query);
        return cluster.throughput(windowSeconds(window));
      }),
    ],
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
  const problems: FieldProblem[] = [];
  if (key !== undefined) problems.push(...problemsWith(idempotencyKey, key, ['Idempotency-Key']));
  const parsed = readSubmit(body, workloads, problems);
  return cluster.submit(parsed, key === undefined ? {} : { idempotencyKey: key });
}

/** The body, or a refusal that names what is wrong with it and with its parameters at once. */
function readSubmit(
  body: unknown,
  workloads: ReadonlyMap<string, Workload>,
  problems: FieldProblem[],
): SubmitBody {
  const parsed = submitBody.safeParse(body);
  if (!parsed.success) problems.push(...fieldProblems(parsed.error));
  const stated = z.looseObject({ type: z.string(), parameters: z.unknown() }).safeParse(body);
  if (stated.success) {
    const workload = workloads.get(stated.data.type);
    if (workload === undefined) {
      problems.push({ path: 'type', message: `expected one of ${[...workloads.keys()].join(', ')}` });
    } else if (z.record(z.string(), z.unknown()).safeParse(stated.data.parameters).success) {
      problems.push(...problemsWith(workload.parameters, stated.data.parameters, ['parameters']));
    }
  }
  return parsed.success && problems.length === 0 ? parsed.data : refuse(problems);
}

function problemsWith(schema: z.ZodType, value: unknown, prefix: readonly string[]): FieldProblem[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : fieldProblems(parsed.error, prefix);
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
