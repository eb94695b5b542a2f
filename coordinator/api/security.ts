/** Headers that every answer carries, and the check of who may change something. */
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { ClusterError } from '../../protocol/errors.ts';
import { isAllowedOrigin } from '../origin.ts';

/**
 * Everything comes from this origin; WebAssembly may be compiled, no script text evaluated. No upgrade to
 * HTTPS and no HSTS: a coordinator on a private network speaks HTTP, and a proxy in front adds its own.
 */
export function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'", "'wasm-unsafe-eval'"],
        'worker-src': ["'self'"],
        'connect-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        'manifest-src': ["'self'"],
        'form-action': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  });
}

/** Refuses what a page of another origin makes a visitor's browser send. Reading stays with CORS: none is given. */
export function ownOriginOnly(allowed: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    const reads = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
    if (!reads && !isAllowedOrigin(request.headers, allowed)) {
      throw new ClusterError('origin_refused', 'pages of another origin may not change anything here');
    }
    next();
  };
}
