/** Who asks, and how often: the first thing that is found out about a request, before its route is looked for. */
import type { Request, RequestHandler } from 'express';
import type { AuditAction } from '../../protocol/access.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Route } from '../../protocol/routes.ts';
import { actorOf, bearerOf, REFUSED } from '../access/access.ts';
import type { Access, Visitor } from '../access/access.ts';

/** Refusals that the audit log tells of: somebody wanted what is not theirs. A typing error is no such thing. */
const AUDITED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'key_needed',
  'key_refused',
  'forbidden',
  'origin_refused',
  'limit_reached',
  'state_conflict',
]);

export class Doors {
  readonly #access: Access;
  readonly #known = new WeakMap<Request, Visitor | ClusterError>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** Express middleware: finds out who asks, and counts the request. */
  readonly identify: RequestHandler = (request, _response, next) => {
    let visitor: Visitor;
    try {
      visitor = this.#access.identify(request, bearerOf(request.get('authorization')));
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      // Told by the route, where it asks for a key at all: health is open to whoever shows a wrong one, too.
      this.#known.set(request, error);
      visitor = this.#access.identify(request, undefined);
      this.#access.limit(visitor, 'requests');
      next();
      return;
    }
    this.#known.set(request, visitor);
    this.#access.limit(visitor, 'requests');
    next();
  };

  /** Who asks, as far as it was found out. @throws ClusterError key_refused, limit_reached */
  visitor(request: Request): Visitor {
    const known = this.#known.get(request);
    if (known instanceof ClusterError) throw known;
    return known ?? this.#access.identify(request, undefined);
  }

  /**
   * Who asks for a route, if it may be asked. Whose job is to be steered is looked at by the route.
   * @throws ClusterError key_needed, key_refused, forbidden, limit_reached
   */
  admit(request: Request, { need }: Route): Visitor {
    if (need === 'nothing') return this.#access.identify(request, undefined);
    const visitor = this.visitor(request);
    if (need !== 'steer') this.#access.require(visitor, need);
    if (need === 'submit') this.#access.limit(visitor, 'submits');
    return visitor;
  }

  /** Writes a refusal into the audit log. */
  refused(request: Request, audit: AuditAction | undefined, target: string | null, error: unknown): void {
    if (!(error instanceof ClusterError) || !AUDITED.has(error.code)) return;
    // Reading too often, or a job that is over already when it is looked at, is nobody's concern.
    if (audit === undefined && (error.code === 'limit_reached' || error.code === 'state_conflict')) return;
    const known = this.#known.get(request);
    const visitor =
      known === undefined || known instanceof ClusterError
        ? this.#access.identify(request, undefined)
        : known;
    this.#access.audit.refused(actorOf(visitor), audit ?? REFUSED, target, error.code);
  }
}
