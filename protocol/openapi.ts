/** The OpenAPI 3.1 description of the HTTP face, built from the schemas that validate. */
import { z } from 'zod';
import { ERROR_KINDS } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { MAX_BODY_BYTES, errorBody, idempotencyKey, submitBody } from './http.ts';
import { ACCESS_ERRORS, ROUTES } from './routes.ts';
import type { Route } from './routes.ts';
import type { Workload } from './workload.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * @param version of the software
 * @param workloads whose parameters a submit takes
 */
export function openApi(version: string, workloads: Iterable<Workload>): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const types = [...workloads];
  for (const route of ROUTES) {
    const path = route.path.replace(/:([a-z_]+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operation(route, types);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Threads Cluster',
      version,
      description:
        'Exact results over ranges of work, computed by browsers and servers. JSON is snake_case; times are ISO 8601 UTC; ' +
        'whole numbers that may pass 2^53 are decimal strings. Unknown fields are refused.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Error: schemaOf(errorBody, 'output') },
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A key that an admin makes: tc_… Without one, a caller may do what the operator leaves open.',
        },
      },
    },
  };
}

function operation(route: Route, workloads: readonly Workload[]): Json {
  const parameters = [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)];
  return {
    summary: route.summary,
    operationId: operationId(route),
    // The empty one: where the operator leaves it open, no key is needed.
    security: route.need === 'nothing' ? [] : [{ key: [] }, {}],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body, workloads) }),
    responses: {
      ...Object.fromEntries(
        [route.status, ...(route.alsoStatus ?? [])].map((status) => [String(status), reply(route)]),
      ),
      ...errors(route),
    },
  };
}

function operationId(route: Route): string {
  const words = route.path
    .split('/')
    .filter((part) => part !== '' && part !== 'api')
    .map((part) => part.replace(':', 'by_'));
  return [route.method, ...words].join('_');
}

function pathParameters(route: Route): Json[] {
  return [...route.path.matchAll(/:([a-z_]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: Route): Json[] {
  if (route.query === undefined) return [];
  const { properties } = z
    .object({ properties: z.record(z.string(), z.unknown()) })
    .parse(schemaOf(route.query, 'input'));
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function headerParameters(route: Route): Json[] {
  if (route.body !== submitBody) return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'The same key with the same body gives the same job; with another body, 409.',
      schema: schemaOf(idempotencyKey, 'input'),
    },
  ];
}

/** A submit body is spelled out per workload, so that its parameters are described too. */
function requestBody(body: z.ZodType, workloads: readonly Workload[]): Json {
  const schema =
    body === submitBody && workloads.length > 0
      ? { oneOf: workloads.map((workload) => schemaOf(submitOf(workload), 'input')) }
      : schemaOf(body, 'input');
  return {
    required: true,
    description: `at most ${MAX_BODY_BYTES} bytes`,
    content: { 'application/json': { schema } },
  };
}

function submitOf(workload: Workload) {
  return submitBody.extend({
    type: z.literal(workload.type),
    parameters: workload.parameters,
  });
}

function reply(route: Route): Json {
  if (route.events !== undefined) {
    const { events } = route;
    const schema = {
      type: 'string',
      description: `Each event’s data is one line of JSON. ${'end' in events ? 'The stream closes after `end`.' : 'The stream stays open.'}`,
      'x-events': Object.fromEntries(
        Object.entries(events).map(([name, schema]) => [name, schemaOf(schema, 'output')]),
      ),
    };
    return { description: route.summary, content: { 'text/event-stream': { schema } } };
  }
  if (route.reply === undefined) return { description: route.summary };
  return {
    description: route.summary,
    content: { 'application/json': { schema: schemaOf(route.reply, 'output') } },
  };
}

/** One response per HTTP status: several kinds may share one. */
function errors(route: Route): Record<string, Json> {
  const byStatus = new Map<number, ErrorCode[]>();
  const ofAccess = route.need === 'nothing' ? [] : ACCESS_ERRORS;
  for (const code of new Set<ErrorCode>([...route.errors, ...ofAccess, 'internal'])) {
    const { status } = ERROR_KINDS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes
          .map((code) => (ERROR_KINDS[code].retry ? `${code} (may be retried)` : code))
          .join(', '),
        content,
      },
    ]),
  );
}

/** What JSON Schema can't say (a transform to bigint) is described by the side that it can. */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
