/** A headless worker's own /health and /metrics, for operators and their Prometheus. */
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import type { WorkerStatus } from '../worker-status.ts';
import type { WorkerMetrics } from './worker-metrics.ts';
import { NodeWorkerError } from './node-worker-error.ts';

export interface HealthServer {
  /** `http://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface HealthParts {
  metrics(): WorkerMetrics;
  statuses(): readonly WorkerStatus[];
}

/** @param port 0 takes a free one. @throws NodeWorkerError if it can't listen there */
export async function startHealthServer(
  host: string,
  port: number,
  parts: HealthParts,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const json = (status: number, body: unknown) => send(status, 'application/json', toJson(body));
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      json(405, error('method_not_allowed', 'only GET and HEAD are taken here'));
    } else if (path === '/health') {
      const workers = parts.statuses();
      const alive = workers.some(({ state }) => state !== 'ended');
      json(alive ? 200 : 503, {
        status: alive ? 'ok' : 'ended',
        uptime_seconds: Math.round(process.uptime()),
        workers,
      });
    } else if (path === '/metrics') {
      const { registry } = parts.metrics();
      registry.metrics().then(
        (text) => send(200, registry.contentType, text),
        (reason: unknown) => json(500, error('internal', String(reason))),
      );
    } else json(404, error('not_found', 'there are /health and /metrics here'));
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.maxConnections = 64;
  await listen(server, host, port);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${reachable(host)}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const code = 'code' in cause ? String(cause.code) : '';
      const why =
        code === 'EADDRINUSE'
          ? 'the port is in use: set WORKER_PORT to another, or to 0 for a free one'
          : `${cause.message}: set HOST and WORKER_PORT to an address of this machine`;
      reject(new NodeWorkerError('port', `the worker can't listen on ${host}:${port}: ${why}`));
    });
    server.listen(port, host, () => resolve());
  });
}

/** An address that listens everywhere is no address to go to. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}

function error(code: string, message: string) {
  return { error: { code, message } };
}

function toJson(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
