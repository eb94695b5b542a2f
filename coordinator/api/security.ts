/** Headers that every answer carries, and the check of who may change something. */
import type { RequestHandler } from 'express';
import cors from 'cors';
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

/**
 * Lets pages of the listed origins read what they ask for. No cookies are ever used here, so none are allowed: who
 * a caller is, its key says.
 */
export function sharedWith(allowed: readonly string[]): RequestHandler {
  return cors({
    // One that is not listed gets no header at all, and its browser keeps the answer from the page.
    origin: (origin, decide) => decide(null, origin !== undefined && allowed.includes(origin)),
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
    exposedHeaders: ['Retry-After'],
    maxAge: 600,
    // The route answers OPTIONS itself, with what it takes.
    preflightContinue: true,
  });
}

/** Refuses what a page of another origin makes a visitor's browser send. Reading is for CORS to refuse. */
export function ownOriginOnly(allowed: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    const reads = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
    if (!reads && !isAllowedOrigin(request.headers, allowed)) {
      throw new ClusterError('origin_refused', 'pages of another origin may not change anything here');
    }
    next();
  };
}
