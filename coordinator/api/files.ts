/** What is served as it stands: the built pages, the page to try the API, and kernels by their hash. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import type { RequestHandler, Response, Router } from 'express';
import { ClusterError } from '../../protocol/errors.ts';
import type { KernelLibrary } from '../kernels.ts';
import { pagesWithAddress } from './page-address.ts';
import { sendJson } from './replies.ts';

const ONE_YEAR = 'public, max-age=31536000, immutable';
const DOCS = new URL('docs/', import.meta.url);

/** `GET /kernels` and `GET /kernels/{sha256}`: the name is the content, so caches may keep it for good. */
export function kernelRoutes(kernels: KernelLibrary): Router {
  const router = express.Router();
  router.get('/', (_request, response) => sendJson(response, 200, kernels.index));
  router.get('/:sha256', (request, response) => {
    const { sha256 } = request.params;
    const kernel = kernels.find(sha256);
    if (kernel === undefined) {
      throw new ClusterError(
        'not_found',
        'no kernel of this coordinator has this hash: GET /kernels lists them',
      );
    }
    response.set({ 'Content-Type': kernel.contentType, 'Cache-Control': ONE_YEAR, ETag: `W/"${sha256}"` });
    if (request.fresh) response.status(304).end();
    else response.send(kernel.bytes);
  });
  return router;
}

/** `/docs`: a page of our own (12 KB) instead of Swagger UI (3 MB, and a looser policy for its styles). */
export function docsRoutes(): Router {
  const router = express.Router();
  const serve =
    (file: string, type: string): RequestHandler =>
    (_request, response) => {
      response.set({ 'Content-Type': type, 'Cache-Control': 'no-cache' });
      response.send(readFileSync(new URL(file, DOCS)));
    };
  router.get('/', serve('docs.html', 'text/html; charset=utf-8'));
  router.get('/docs.css', serve('docs.css', 'text/css; charset=utf-8'));
  router.get('/docs.js', serve('docs.js', 'text/javascript; charset=utf-8'));
  return router;
}

/**
 * The pages that `npm run build` makes. Their assets carry a hash in their name.
 * @param publicUrl an origin: the pages' previews then name it
 */
export function pageFiles(pagesDir: string, publicUrl?: string): RequestHandler[] {
  const assets = join(pagesDir, 'assets');
  const setHeaders = (response: Response, path: string) => {
    response.set('Cache-Control', path.startsWith(assets) ? ONE_YEAR : 'no-cache');
  };
  const files = express.static(pagesDir, { redirect: false, cacheControl: false, setHeaders });
  const isBuilt = () => existsSync(join(pagesDir, 'index.html'));
  return [
    ...(publicUrl === undefined ? [] : [pagesWithAddress(pagesDir, publicUrl, PAGES)]),
    files,
    (request, response, next) => {
      if (PAGES.has(request.path) && !isBuilt()) withoutPages(response);
      else next();
    },
  ];
}

const PAGES: ReadonlySet<string> = new Set([
  '/',
  '/index.html',
  '/collatz.html',
  '/cluster.html',
  '/device.html',
]);

function withoutPages(response: Response): void {
  response.status(503).set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  response.send(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Threads Cluster</title>' +
      '<h1>Threads Cluster</h1><p>This coordinator runs, but its pages are not built. ' +
      'Run <code>npm run build</code> in its folder and load this page again.</p>' +
      '<p>The API can be tried at <a href="/docs">/docs</a>.</p></html>',
  );
}
