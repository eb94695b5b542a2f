/** Bodies leave by gzip or Brotli where the reader takes it. Events do not: each must go out at once. */
import compression from 'compression';
import type { RequestHandler } from 'express';

export function compressed(): RequestHandler {
  return compression({
    filter: (request, response) => {
      const type = response.getHeader('Content-Type');
      if (typeof type === 'string' && type.startsWith('text/event-stream')) return false;
      return compression.filter(request, response);
    },
  });
}
