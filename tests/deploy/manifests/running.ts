/** How containers run: image, resources, probes. */
import { at, shown, fields, items, text, type Fields, type Finding } from './manifest.ts';
import { ENDING, portNamed, type Container, type PodShape } from './pods.ts';

const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;
const HANDLERS = ['httpGet', 'tcpSocket', 'exec', 'grpc'];
/** A busy process answers late: only after so long without any answer is it taken for dead. */
const LEAST_LIVENESS_S = 120;
const OWN_IMAGE = /(^|\/)threads-cluster\//;

export function runningFindings(pods: readonly PodShape[], version: string): Finding[] {
  return pods.flatMap((pod) =>
    pod.containers.flatMap((container) => [
      ...image(container, version),
      ...resources(container),
      ...(container.initial || ENDING.includes(pod.manifest.kind) ? [] : probes(container, pod)),
    ]),
  );
}

/** `registry:5000/name:tag@sha256:…`. */
function image({ title: where, body }: Container, version: string): Finding[] {
  const [name = '', digest] = text(body['image']).split('@');
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  const rule = 'image';
  if (digest !== undefined) return [];
  if (tag === undefined) return [{ rule, where, what: `${name} has no tag` }];
  if (tag === 'latest') return [{ rule, where, what: `${name} is another one every day` }];
  if (OWN_IMAGE.test(name) && tag !== version) {
    return [{ rule, where, what: `${name} is not of this version, ${version}` }];
  }
  return [];
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ...[
    ['m', 1e-3],
    ['', 1],
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
    ['T', 1e12],
  ].map(pair),
  ...['Ki', 'Mi', 'Gi', 'Ti'].map((unit, i) => pair([unit, 1024 ** (i + 1)])),
]);

function pair([unit, value]: readonly (string | number)[]): [string, number] {
  return [String(unit), Number(value)];
}

/** `500m` is 0.5, `1Gi` is 2^30; NaN for anything else. */
export function quantity(value: unknown): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(shown(value)) ?? [];
  return number === '' ? NaN : Number(number) * (UNITS.get(unit) ?? NaN);
}

function resources({ title: where, body }: Container): Finding[] {
  const requests = fields(at(body, 'resources', 'requests'));
  const limits = fields(at(body, 'resources', 'limits'));
  const names = new Set(['cpu', 'memory', ...Object.keys(requests), ...Object.keys(limits)]);
  const rule = 'resources';
  return [...names].flatMap((name): Finding[] => {
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) return [{ rule, where, what: `requests no ${name}` }];
    if (limit === undefined) return [{ rule, where, what: `has no limit of ${name}` }];
    if (!(quantity(request) <= quantity(limit))) {
      return [
        { rule, where, what: `requests ${shown(request)} of ${name}, more than its limit ${shown(limit)}` },
      ];
    }
    if (name.includes('/') && quantity(request) !== quantity(limit)) {
      return [{ rule, where, what: `${name} can't be shared: its request and limit have to be equal` }];
    }
    return [];
  });
}

function probes({ title: where, body }: Container, { ports }: PodShape): Finding[] {
  return PROBES.flatMap((field) => {
    const probe = body[field];
    const problem = probe === undefined ? 'is missing' : probeProblem(field, fields(probe), ports);
    return problem === undefined ? [] : [{ rule: 'probe', where, what: `${field} ${problem}` }];
  });
}

function probeProblem(
  field: (typeof PROBES)[number],
  probe: Fields,
  ports: PodShape['ports'],
): string | undefined {
  const handlers = HANDLERS.filter((name) => probe[name] !== undefined);
  const [handler = ''] = handlers;
  if (handlers.length !== 1) return `needs one of ${HANDLERS.join(', ')}`;
  const port = at(probe, handler, 'port');
  if (port !== undefined && portNamed(ports, port) === undefined)
    return `asks port ${shown(port)}, which it has not`;
  const period = Number(probe['periodSeconds'] ?? 10);
  if (Number(probe['timeoutSeconds'] ?? 1) > Math.max(period, 5)) return 'waits longer than its period';
  if (field !== 'readinessProbe' && Number(probe['successThreshold'] ?? 1) !== 1)
    return 'has a successThreshold other than 1';
  if (field !== 'livenessProbe') return undefined;
  if (text(at(probe, 'httpGet', 'path')) === '/ready') return 'kills what is only not ready';
  const patience = period * Number(probe['failureThreshold'] ?? 3);
  return patience < LEAST_LIVENESS_S ? `kills after ${patience} s what may only be busy` : undefined;
}

/** Every container's variables that stand there as a text. */
export const plainVariables = (body: Fields) =>
  items(body['env']).flatMap((entry): [string, unknown][] => [[text(at(entry, 'name')), at(entry, 'value')]]);
