/** How long the HTTP face takes for an answer. */
import { Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** One request whose answer is over. All texts are of closed sets: together at most some 150 of them. */
export interface AnsweredRequest {
  /** As in ROUTES, `/api/status/:job_id`; else `/kernels`, `/docs`, `/openapi.json`, `pages`, or `none`. */
  readonly route: string;
  /** `GET`, `HEAD`, `POST`, `OPTIONS` or `other`. */
  readonly method: string;
  /** `2xx` … `5xx`, or `aborted`: the caller left before the answer's end. */
  readonly status: string;
  readonly seconds: number;
}

export function httpRequests(registry: Registry): (request: AnsweredRequest) => void {
  const seconds = new Histogram({
    name: 'cluster_http_request_seconds',
    help: 'From the headers of a request to the end of its answer, the caller’s network included; event streams left out.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return ({ route, method, status, seconds: taken }) => seconds.observe({ route, method, status }, taken);
}
