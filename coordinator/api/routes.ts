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
import { auditQuery, createKeyBody, keyId, userOf } from '../../protocol/access.ts';
import { actorOf, callerStatus } from '../access/access.ts';
import type { Access, Visitor } from '../access/access.ts';
import type { Actor, Cluster } from '../cluster.ts';
import { readJson } from './body.ts';
import type { JobEvents } from './job-events.ts';
import type { LiveEvents } from './live-events.ts';
import { sendJson } from './replies.ts';

export interface RouteContext {
  readonly cluster: Cluster;
  readonly workloads: ReadonlyMap<string, Workload>;
  readonly events: JobEvents;
  readonly live: LiveEvents;
  readonly access: Access;
}

/** Answers the request, with the status that its route declares. */
export type Handler = (
  request: Request,
  response: Response,
  status: number,
  visitor: Visitor,
) => Promise<void>;

/** By `method path`, as in ROUTES. */
export function routeHandlers({
  cluster,
  workloads,
  events,
  live,
  access,
}: RouteContext): ReadonlyMap<string, Handler> {
  const json =
    (answer: (request: Request, visitor: Visitor) => unknown): Handler =>
    async (request, response, status, visitor) =>
      sendJson(response, status, await answer(request, visitor));
  /** A body may take half a minute: a key that was revoked meanwhile is good for nothing. */
  const body = async (request: Request, visitor: Visitor): Promise<unknown> => {
    const read = await readJson(request);
    access.stillGood(visitor);
    return read;
  };
  const step = (change: (id: string, by: Actor) => Promise<unknown>): Handler =>
    json(async (request, visitor) => {
      // Before the job is looked for: who may steer none at all learns nothing of which there are.
      if (!access.allows(visitor, 'steer', userOf(visitor.caller))) access.require(visitor, 'steer');
      parseOrRefuse(emptyBody, (await body(request, visitor)) ?? {});
      const id = jobIdOf(request);
      const owner = await cluster.owner(id);
      access.stillGood(visitor);
      access.require(visitor, 'steer', owner);
      return change(id, actorOf(visitor));
    });

  return new Map<string, Handler>([
    [
      'post /api/submit',
      json(async (request, visitor) =>
        submit(cluster, workloads, request, await body(request, visitor), actorOf(visitor)),
      ),
    ],
    ['get /api/status', json(() => cluster.overview())],
    ['get /api/status/:job_id', json((request) => cluster.status(jobIdOf(request)))],
    ['get /api/results/:job_id', json((request) => cluster.results(jobIdOf(request)))],
    ['get /api/jobs', json((request) => cluster.list(parseOrRefuse(jobListQuery, request.query)))],
    [
      'get /api/jobs/:job_id/events',
      (request, response, _status, visitor) => events.open(jobIdOf(request), response, visitor),
    ],
    ['get /api/jobs/:job_id/coverage', json((request) => cluster.coverage(jobIdOf(request)))],
    ['post /api/cancel/:job_id', step((id, by) => cluster.cancel(id, by))],
    ['post /api/jobs/:job_id/pause', step((id, by) => cluster.pause(id, by))],
    ['post /api/jobs/:job_id/resume', step((id, by) => cluster.resume(id, by))],
    [
      'post /api/hand-back',
      json(async (request) => cluster.handBack(parseOrRefuse(handBack, await readJson(request)))),
    ],
    ['get /api/nodes', json(async () => ({ nodes: (await cluster.allNodes()).nodes }))],
    ['get /api/nodes/:node_id', json((request) => cluster.findNode(nodeIdOf(request)))],
    [
      'get /api/cluster/throughput',
      json((request) => {
        const { window } = parseOrRefuse(throughputQuery, request.query);
        return cluster.throughput(windowSeconds(window));
      }),
    ],
    [
      'get /api/events',
      (request, response, _status, visitor) =>
        live.open(parseOrRefuse(liveQuery, request.query), response, visitor),
    ],
    ['get /api/caller', json((_request, visitor) => callerStatus(access, visitor))],
    [
      'post /api/keys',
      json(async (request, visitor) => createKey(access, await body(request, visitor), actorOf(visitor))),
    ],
    ['get /api/keys', json(() => ({ keys: access.keys.list() }))],
    [
      'post /api/keys/:key_id/revoke',
      json(async (request, visitor) => {
        parseOrRefuse(emptyBody, (await body(request, visitor)) ?? {});
        return access.keys.revoke(keyIdOf(request), actorOf(visitor));
      }),
    ],
    ['get /api/audit', json((request) => access.audit.list(parseOrRefuse(auditQuery, request.query)))],
    ['get /health', json(() => ({ status: 'ok' }))],
    ['get /ready', (_request, response) => ready(cluster, response)],
  ]);
}

async function submit(
  cluster: Cluster,
  workloads: ReadonlyMap<string, Workload>,
  request: Request,
  body: unknown,
  by: Actor,
): Promise<unknown> {
  if (body === undefined) throw new ClusterError('malformed', 'send the job as a JSON body');
  const key = request.get('Idempotency-Key');
  const read = readSubmit(body, workloads);
  const ofKey = key === undefined ? [] : problemsWith(idempotencyKey, key, ['Idempotency-Key']);
  if (read.body === undefined || read.problems.length + ofKey.length > 0) {
    return refuse([...read.problems, ...ofKey]);
  }
  return cluster.submit(read.body, { by, idempotencyKey: key });
}

async function createKey(access: Access, body: unknown, by: Actor): Promise<unknown> {
  if (body === undefined) throw new ClusterError('malformed', 'send user and role as a JSON body');
  const { status, key } = await access.keys.create(parseOrRefuse(createKeyBody, body), by);
  return { ...status, key };
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

function keyIdOf(request: Request): string {
  const parsed = keyId.safeParse(request.params['key_id']);
  if (parsed.success) return parsed.data;
  throw new ClusterError('not_found', 'no key has this id: GET /api/keys lists them');
}
