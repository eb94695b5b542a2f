/** How answers leave: JSON that no cache keeps, and errors in one shape whatever went wrong. */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { ClusterError } from '../../protocol/errors.ts';
import { errorBodyOf } from '../../protocol/problems.ts';
import type { Log } from '../log.ts';

export function sendJson(response: Response, status: number, body: unknown): void {
  response.status(status).set('Cache-Control', 'no-store').json(body);
}

export const notFound: RequestHandler = (request) => {
  throw new ClusterError('not_found', `nothing is at ${request.path}: see /docs for what is`);
};

/** @param methods what the path does serve */
export function onlyMethods(methods: readonly string[]): RequestHandler {
  const allow = [...new Set([...methods.map((method) => method.toUpperCase()), 'OPTIONS'])];
  if (allow.includes('GET')) allow.push('HEAD');
  return (request, response) => {
    response.set('Allow', allow.join(', '));
    if (request.method === 'OPTIONS') {
      response.status(204).end();
      return;
    }
    throw new ClusterError('method_not_allowed', `${request.path} takes ${allow.join(', ')}`);
  };
}

/** The last handler: four parameters are how Express knows it. */
export function errorReplies(log: Log): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = clusterErrorOf(thrown);
    if (error.code === 'internal') {
      log.error({ err: thrown, method: request.method, path: request.path }, 'a request failed');
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.retry) response.set('Retry-After', String(error.retryAfterSeconds ?? 5));
    // RFC 6750: says how to show a key, and that the one that was shown is not taken.
    if (error.status === 401) {
      response.set(
        'WWW-Authenticate',
        error.code === 'key_refused' ? 'Bearer error="invalid_token"' : 'Bearer',
      );
    }
    sendJson(response, error.status, errorBodyOf(error));
  };
}

/** Express and its file server throw http-errors, which carry a status; all else is our own fault. */
function clusterErrorOf(thrown: unknown): ClusterError {
  if (thrown instanceof ClusterError) return thrown;
  const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined;
  if (status === 404 || status === 403) return new ClusterError('not_found', 'nothing is at this address');
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new ClusterError('malformed', 'the request cannot be read: check its address and headers');
  }
  return new ClusterError('internal', 'the coordinator failed at this request; its log says why');
}
