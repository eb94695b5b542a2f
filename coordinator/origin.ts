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
  // Something between may have taken Origin away; this one no page can make up.
  if (origin === undefined) return !isOfAnotherOrigin(headers);
  if (allowed.includes(origin)) return true;
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && url.host === host?.toLowerCase();
}

/** What the browser says of the page that asks: of another site, or (`same-site`) another port of this machine. */
export function isOfAnotherOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  return site === 'cross-site' || site === 'same-site';
}
