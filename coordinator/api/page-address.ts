/**
 * Pages that say where they are: sites that show a preview of a link take an image by its whole address alone, which
 * a build can't know.
 */
import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestHandler } from 'express';

const IMAGE = /(<meta property="og:image" content=")(\/[^"]*">)/;

/** The page with its preview's image by its whole address, and with its own; unchanged if it has no preview. */
export function withAddress(html: string, publicUrl: string, path: string): string {
  // By functions: a `$` of an address has no meaning.
  return html.replace(
    IMAGE,
    (_all, before: string, image: string) =>
      `<meta property="og:url" content="${publicUrl}${path}">\n    ${before}${publicUrl}${image}`,
  );
}

/** @param paths of pages; the others, and those that are not built, are left to what follows */
export function pagesWithAddress(
  pagesDir: string,
  publicUrl: string,
  paths: ReadonlySet<string>,
): RequestHandler {
  return (request, response, next) => {
    const { method, path } = request;
    const file = join(pagesDir, path === '/' ? 'index.html' : path);
    if ((method !== 'GET' && method !== 'HEAD') || !paths.has(path) || !existsSync(file)) {
      next();
      return;
    }
    const html = withAddress(readFileSync(file, 'utf8'), publicUrl, path === '/index.html' ? '/' : path);
    response.set({
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      ETag: `W/"${hash('sha256', html, 'base64url')}"`,
    });
    if (request.fresh) response.status(304).end();
    else response.send(html);
  };
}
