/**
 * Browsers tell in `Origin` which page speaks. Pages of other sites must not act through a visitor's browser
 * on a coordinator that listens on the visitor's own machine; programs send no Origin and are let through.
 */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Same origin is judged by host and port alone: behind a proxy that ends TLS the scheme differs.
 * @param allowed further origins, as browsers write them: `https://example.org`
 */
export function isAllowedOrigin(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && url.host === host?.toLowerCase();
}
