/**
 * Requests made from the schemas of every route, good ones and spoilt ones: each refusal is a closed kind of error
 * with its own status, nothing breaks, nothing leaks, and honest users go on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { ROUTES } from '../../protocol/routes.ts';
import type { Route } from '../../protocol/routes.ts';
import { submitBody, submitReply } from '../../protocol/http.ts';
import { createdKey } from '../../protocol/access.ts';
import { readSubmit } from '../../protocol/submit.ts';
import type { Workload } from '../../protocol/workload.ts';
import { workloads } from '../../shaders/registry.ts';
import { mutated } from './hostile.ts';
import { honestUsers } from './honest.ts';
import { bearer } from './keys.ts';
import { observe } from './observed.ts';
import type { Observed } from './observed.ts';
import { refusalIn, requestText, sendRaw } from './raw-http.ts';
import type { RawReply } from './raw-http.ts';
import { valuesOf } from './schema-arbitrary.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 10_000 : 1000;
/** Of the heap of a process that has served thousands of requests; a leak of one body each would be more. */
const MOST_GROWN_MB = 300;

/** Its name stands for a route, so that a counterexample can be read. */
const DOORS = new Map(ROUTES.map((route) => [`${route.method} ${route.path}`, route]));
const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

function routeOf({ door }: Shot): Route {
  const route = DOORS.get(door);
  assert.ok(route !== undefined);
  return route;
}

interface Shot {
  /** `post /api/submit` */
  readonly door: string;
  readonly query: string;
  readonly id: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** In place of the route's own. */
  readonly path?: string;
  readonly method?: string;
}

/** Ids of what a shot has made, so that later ones find something. */
interface Known {
  readonly jobs: string[];
  readonly keys: string[];
}

const submits = fc.oneof(
  ...[...workloads.values()].map((workload) =>
    fc
      .tuple(valuesOf(submitBody), fc.oneof(valuesOf(workload.parameters), samplesOf(workload)))
      .map(([body, parameters]) => ({ ...fieldsOf(body), type: workload.type, parameters })),
  ),
);

/** Most values that the schema takes field by field contradict each other: these are whole. */
function samplesOf({ samples }: Workload): fc.Arbitrary<unknown> {
  return fc.constantFrom(...samples).map(({ parameters }) => parameters);
}

function fieldsOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

function bodyOf(route: Route): fc.Arbitrary<unknown> {
  if (route.body === submitBody) return submits;
  return route.body === undefined ? fc.constant({}) : valuesOf(route.body);
}

function queryOf(route: Route): fc.Arbitrary<string> {
  if (route.query === undefined) return fc.constant('');
  return valuesOf(route.query).map((query) => {
    const text = new URLSearchParams(z.record(z.string(), z.string()).parse(query)).toString();
    return text === '' ? '' : `?${text}`;
  });
}

const anId = fc.oneof(
  fc.constantFrom('@job', '@key', 'honest-not', '0'.repeat(12)),
  fc.stringMatching(/^[a-z0-9-]{1,40}$/),
);

const good: fc.Arbitrary<Shot> = fc.constantFrom(...ROUTES).chain((route) =>
  fc.record({
    door: fc.constant(nameOf(route)),
    query: queryOf(route),
    id: anId,
    body:
      route.method === 'post' ? bodyOf(route).map((body) => JSON.stringify(body)) : fc.constant(undefined),
    headers: fc
      .constantFrom({}, { 'Content-Type': 'application/json' }, { 'Accept-Encoding': 'gzip' })
      .map((more) => ({
        ...(route.method === 'post' ? { 'Content-Type': 'application/json' } : {}),
        ...more,
      })),
  }),
);

const BAD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'Content-Type': 'text/plain' },
  { 'Content-Type': 'multipart/form-data; boundary=x' },
  { 'Content-Type': 'application/x-www-form-urlencoded' },
  { 'Content-Type': 'application/json; charset=utf-16' },
  { 'Content-Type': 'APPLICATION/JSON;;; charset' },
  { 'Content-Type': '' },
  { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' },
  { 'Idempotency-Key': 'x'.repeat(201), 'Content-Type': 'application/json' },
  { 'Idempotency-Key': 'a b', 'Content-Type': 'application/json' },
  { 'Idempotency-Key': '', 'Content-Type': 'application/json' },
  { Authorization: 'Basic eDp5' },
  { Authorization: 'Bearer' },
  { Authorization: `Bearer ${'x'.repeat(5000)}` },
  { Authorization: 'Bearer tc_000000000000_<script>' },
  { Origin: 'null' },
  { Origin: 'https://evil.example' },
  { Origin: '%%%' },
  { Host: 'evil.example' },
  { Host: '' },
  { Host: 'a b' },
  { 'X-Forwarded-For': "'; DROP TABLE keys; --" },
  { 'Transfer-Encoding': 'chunked' },
  { 'Content-Length': '-1' },
  { 'Content-Length': '99999999999999999999' },
  { 'Content-Length': '70000' },
  { Expect: 'nonsense' },
  { Upgrade: 'h2c', Connection: 'Upgrade' },
  { Range: 'bytes=0-0,1-1,2-2' },
  { 'If-None-Match': '*' },
  { 'Accept-Encoding': 'gzip;q=nan' },
  { 'Last-Event-ID': 'end' },
  { 'X-HTTP-Method-Override': 'DELETE' },
  { Cookie: '__proto__=1' },
];

const ODD_PATHS = [
  '/..%2f..%2fetc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '//api//keys',
  '/api/status/%00',
  '/api/status/%ff%fe',
  '/api/status/%zz',
  '/api/status/..%2f..%2f',
  '/api/../api/keys',
  '/api/submit/',
  '/API/KEYS',
  '/api/keys/__proto__/revoke',
  '/api/nodes/constructor',
  '/kernels/__proto__',
  '/kernels/..%2f..%2fpackage.json',
  '/.env',
  '/.git/config',
  '/docs/../../package.json',
  '/socket.io/?EIO=4&transport=websocket&key=tc_x',
  '/api/jobs?__proto__=1&__proto__[a]=2',
  '/api/jobs?limit=1&limit=2',
  '/api/jobs?limit=1e3&cursor=%00',
  '/api/audit?before=99999999999999999999',
  '/api/audit?user[]=x',
  '/api/events?topics=__proto__',
  '/api/cluster/throughput?window=999999d',
  `/api/status/${'a'.repeat(8000)}`,
  `/${'a/'.repeat(4000)}`,
  '/api/status?' + 'a=1&'.repeat(2000),
  '*',
  'http://evil.example/api/keys',
  'http://localhost/api/status',
  '/api/\u0000',
  '/\u00ff',
  '/api/status\\..\\keys',
  '/;/api/keys',
  '/api/keys;x=1',
  '/api/keys%20',
  '/api/keys%2f',
] as const;

const spoilt: fc.Arbitrary<Shot> = fc.oneof(
  // A body with one thing in it wrong.
  {
    weight: 8,
    arbitrary: fc.constantFrom(...ROUTES.filter(({ method }) => method === 'post')).chain((route) =>
      fc.tuple(mutated(bodyOf(route)), anId).map(([body, id]) => ({
        door: nameOf(route),
        query: '',
        id,
        body,
        headers: { 'Content-Type': 'application/json' },
      })),
    ),
  },
  // Headers that lie.
  {
    weight: 3,
    arbitrary: fc.tuple(good, fc.constantFrom(...BAD_HEADERS)).map(([shot, headers]) => ({
      ...shot,
      headers: { ...shot.headers, ...headers },
    })),
  },
  // Addresses that lead elsewhere, and methods that are not served.
  {
    weight: 2,
    arbitrary: fc.tuple(good, fc.constantFrom(...ODD_PATHS)).map(([shot, path]) => ({ ...shot, path })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        good,
        fc.constantFrom('PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT', 'HEAD', 'OPTIONS', 'BREW', 'PRI'),
      )
      .map(([shot, method]) => ({ ...shot, method })),
  },
  // Values of a query that its schema does not take.
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...ROUTES.filter(({ query }) => query !== undefined)),
        fc.string({ unit: 'binary', maxLength: 60 }),
        anId,
      )
      .map(([route, text, id]) => ({
        door: nameOf(route),
        id,
        query: `?${encoded(text)}`,
        body: undefined,
        headers: {},
      })),
  },
);

/** As a client writes it: what can't be said in UTF-8 becomes what stands for it. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%3D', '=').replaceAll('%26', '&');
}

async function fire(coordinator: Observed, adminKey: string, known: Known, shot: Shot): Promise<RawReply> {
  const id =
    shot.id === '@job'
      ? (known.jobs.at(-1) ?? 'none')
      : shot.id === '@key'
        ? (known.keys.at(-1) ?? 'none')
        : shot.id;
  const path = (shot.path ?? routeOf(shot).path.replace(/:\w+/, id)) + shot.query;
  const method = shot.method ?? routeOf(shot).method.toUpperCase();
  const headers = { ...bearer(adminKey), ...shot.headers };
  return sendRaw(coordinator, requestText(method, path, headers, shot.body));
}

/** Everything that an answer must hold to, whatever was asked. */
function assertDecent(shot: Shot, reply: RawReply): void {
  const about = JSON.stringify([
    shot.method ?? routeOf(shot).method,
    shot.path ?? routeOf(shot).path,
    reply.status,
    reply.text.slice(0, 300),
  ]);
  assert.ok(reply.status >= 200, `no answer: ${about}`);
  assert.doesNotMatch(reply.text, /node_modules|node:internal|\n\s+at \w|file:\/\/|\.ts:\d/, about);
  if (reply.status < 400 || shot.method === 'HEAD') {
    assert.ok(reply.status < 500, about);
    return;
  }
  if (reply.status === 503 && shot.path === undefined && routeOf(shot).path === '/ready') return;
  // The handshake of sockets is answered by Socket.IO itself.
  if (shot.path?.startsWith('/socket.io/') === true) return;
  assert.notEqual(refusalIn(reply), 'internal', about);
}

function remember(known: Known, { text }: RawReply): void {
  if (!text.startsWith('{')) return;
  const body: unknown = JSON.parse(text);
  const job = submitReply.safeParse(body).data;
  if (job !== undefined) known.jobs.push(job.job_id);
  const key = createdKey.safeParse(body).data;
  if (key !== undefined) known.keys.push(key.key_id);
}

/** Why a request that is right may be refused: for what there is at the moment. */
const AT_THE_MOMENT: ReadonlySet<string> = new Set(['not_found', 'state_conflict', 'limit_reached']);

/** A good request is never refused for its form, and answered in the form that its route has. */
function assertTaken(shot: Shot, reply: RawReply): void {
  const { query, reply: form, body: taken } = routeOf(shot);
  const isOk = query?.safeParse(Object.fromEntries(new URLSearchParams(shot.query))).success ?? true;
  const isJob =
    taken !== submitBody || readSubmit(JSON.parse(shot.body ?? ''), workloads).problems.length === 0;
  if (!isOk || !isJob) {
    // What a JSON Schema can't say: that a job ends after its start, or a window is no longer than a year.
    assert.equal(refusalIn(reply), 'invalid_request');
  } else if (reply.status >= 400) {
    const code = refusalIn(reply);
    // A cursor is made by the coordinator alone.
    const isMadeUp = code === 'invalid_request' && shot.query.includes('cursor=');
    assert.ok(isMadeUp || AT_THE_MOMENT.has(code), `${shot.door} ${shot.body ?? ''} ${reply.text}`);
  } else if (form !== undefined) {
    assert.equal(form.safeParse(JSON.parse(reply.text)).error, undefined, shot.door);
  }
}

test(`requests made from the schemas, ${numRuns} good and ${numRuns} spoilt (TEST_SEED=${seed})`, async (t) => {
  const coordinator = await observe(t);
  const honest = await honestUsers(t, coordinator);
  const mallory = await coordinator.key('admin', 'mallory');
  const known: Known = { jobs: [], keys: [] };
  const before = coordinator.memory_mb();
  const codes = new Map<string, number>();
  const shoot = async (shot: Shot): Promise<RawReply> => {
    const reply = await fire(coordinator, mallory.key, known, shot);
    assertDecent(shot, reply);
    const kind =
      reply.status < 400
        ? String(reply.status)
        : shot.method === 'HEAD' || !reply.text.startsWith('{"error')
          ? `${reply.status} (no body)`
          : refusalIn(reply);
    codes.set(kind, (codes.get(kind) ?? 0) + 1);
    remember(known, reply);
    return reply;
  };
  await fc.assert(
    fc.asyncProperty(good, async (shot) => assertTaken(shot, await shoot(shot))),
    { seed, numRuns },
  );
  await fc.assert(
    fc.asyncProperty(spoilt, async (shot) => void (await shoot(shot))),
    { seed, numRuns },
  );
  const after = coordinator.memory_mb();
  t.diagnostic(`answers: ${[...codes].map(([code, n]) => `${code} ${n}`).join(', ')}`);
  t.diagnostic(
    `memory ${before} MB before, ${after} MB after; exact jobs of the honest user meanwhile: ${await honest.end()}`,
  );
  assert.ok(after - before < MOST_GROWN_MB, `${before} MB grew to ${after} MB`);
  await coordinator.stop();
  coordinator.assertNothingBroke();
});
