/** Measures each request, and names it by a closed set of routes: what strangers send must make no new series. */
import type { Request, RequestHandler, Response } from 'express';
import type { Route } from '../../protocol/routes.ts';
import type { AnsweredRequest } from '../metrics/http-requests.ts';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);
const FOLDERS: readonly string[] = ['/kernels', '/docs', '/openapi.json'];

export class RequestWatch {
  readonly #answered: (request: AnsweredRequest) => void;
  readonly #routes = new WeakMap<Request, Route>();

  constructor(answered: (request: AnsweredRequest) => void) {
    this.#answered = answered;
  }

  /** Express middleware; the first one, so that all that a request costs is in its time. */
  readonly measure: RequestHandler = (request, response, next) => {
    const started = performance.now();
    // As it was sent: a folder's own handlers see the rest of it.
    const { path } = request;
    response.once('close', () => {
      const route = this.#routes.get(request);
      // A stream lasts as long as its reader likes.
      if (route?.events !== undefined && response.statusCode < 400) return;
      this.#answered({
        route: route?.path ?? placeOf(path, response.statusCode),
        method: METHODS.has(request.method) ? request.method : 'other',
        status: statusOf(response),
        seconds: (performance.now() - started) / 1000,
      });
    });
    next();
  };

  /** The route of ROUTES that takes the request. */
  taken(request: Request, route: Route): void {
    this.#routes.set(request, route);
  }
}

function statusOf(response: Response): string {
  return response.writableFinished ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted';
}

/** Where no route took it: refused before one was looked for, or nothing is there, or a file. */
function placeOf(path: string, status: number): string {
  const folder = FOLDERS.find((name) => path === name || path.startsWith(`${name}/`));
  if (folder !== undefined) return folder;
  return status >= 400 || path.startsWith('/api/') ? 'none' : 'pages';
}
