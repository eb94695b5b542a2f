/** The public HTTP face: the API, its description, kernels and pages, from one origin. */
import express from 'express';
import type { Express, Request, RequestHandler } from 'express';
import { openApi } from '../../protocol/openapi.ts';
import { ROUTES } from '../../protocol/routes.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Access } from '../access/access.ts';
import type { Cluster } from '../cluster.ts';
import type { KernelLibrary } from '../kernels.ts';
import type { Log } from '../log.ts';
import type { AnsweredRequest } from '../metrics/http-requests.ts';
import { compressed } from './compressed.ts';
import { EventStreams, STREAM_LIMITS } from './event-streams.ts';
import type { StreamLimits } from './event-streams.ts';
import { Doors } from './doors.ts';
import { docsRoutes, kernelRoutes, pageFiles } from './files.ts';
import { JobEvents } from './job-events.ts';
import { LiveEvents } from './live-events.ts';
import { errorReplies, notFound, onlyMethods, sendJson } from './replies.ts';
import { RequestWatch } from './request-watch.ts';
import { routeHandlers } from './routes.ts';
import { ownOriginOnly, securityHeaders, sharedWith } from './security.ts';

export interface ApiOptions {
  readonly cluster: Cluster;
  readonly kernels: KernelLibrary;
  readonly workloads: ReadonlyMap<string, Workload>;
  /** Of the software, told in /openapi.json. */
  readonly version: string;
  readonly pagesDir: string;
  readonly access: Access;
  readonly allowedOrigins: readonly string[];
  /** An origin, for the pages' previews. */
  readonly publicUrl?: string | undefined;
  readonly log: Log;
  /** Told of each request once its answer is over. */
  readonly answered?: ((request: AnsweredRequest) => void) | undefined;
  readonly limits?: Partial<StreamLimits>;
}

export interface Api {
  /** Serves a node:http server's requests. */
  readonly app: Express;
  /** Open event streams. */
  streams(): number;
  /** Ends the event streams. */
  close(): void;
}

export function createApi(options: ApiOptions): Api {
  const { cluster, workloads, kernels, log, access, allowedOrigins } = options;
  const limits = { ...STREAM_LIMITS, ...options.limits };
  const streams = new EventStreams(limits, (visitor) => access.stillGood(visitor));
  const doors = new Doors(access);
  const forget = access.keys.onEnded((keyId) => streams.endOf(keyId));
  const events = new JobEvents(cluster, streams, log, limits);
  const live = new LiveEvents(cluster, streams, log, limits);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  const watch = new RequestWatch(options.answered ?? (() => undefined));
  app.use(watch.measure, requestLog(log), securityHeaders(), sharedWith(allowedOrigins), doors.identify);
  app.use(ownOriginOnly(allowedOrigins), compressed());

  addRoutes(app, doors, watch, routeHandlers({ cluster, workloads, events, live, access }));
  const description = openApi(options.version, workloads.values());
  app.get('/openapi.json', (_request, response) => sendJson(response, 200, description));
  app.use('/docs', docsRoutes());
  app.use('/kernels', kernelRoutes(kernels));
  app.all(['/openapi.json', '/docs', '/kernels', '/kernels/:sha256'], onlyMethods(['get']));
  app.use(...pageFiles(options.pagesDir, options.publicUrl));
  app.use(notFound, errorReplies(log));
  const close = () => {
    forget();
    events.close();
    live.close();
    streams.close();
  };
  return { app, streams: () => streams.count, close };
}

function addRoutes(
  app: Express,
  doors: Doors,
  watch: RequestWatch,
  handlers: ReturnType<typeof routeHandlers>,
): void {
  const methods = new Map<string, string[]>();
  for (const route of ROUTES) {
    const { method, path, status, audit } = route;
    const handler = handlers.get(`${method} ${path}`);
    if (handler === undefined) throw new Error(`no handler for ${method} ${path}`);
    app[method](path, async (request, response) => {
      watch.taken(request, route);
      try {
        await handler(request, response, status, doors.admit(request, route));
      } catch (error) {
        doors.refused(request, audit, targetOf(request), error);
        throw error;
      }
    });
    methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  for (const [path, served] of methods) app.all(path, onlyMethods(served));
}

/** The job, node or key that a request names, as far as it can be one. */
function targetOf(request: Request): string | null {
  const named = request.params['job_id'] ?? request.params['node_id'] ?? request.params['key_id'];
  return typeof named === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(named) ? named : null;
}

function requestLog(log: Log): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.once('finish', () => {
      const ms = Math.round(performance.now() - started);
      log.debug({ method: request.method, path: request.path, status: response.statusCode, ms }, 'request');
    });
    next();
  };
}
