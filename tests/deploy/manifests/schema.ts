/**
 * Objects against the schemas of Kubernetes, cert-manager and Prometheus Operator, and fields that no schema knows,
 * which an API server refuses and these schemas pass over. A validator looks at every field that its schema has: so it
 * is handed an object that notes what is looked at, and what never was is unknown.
 */
import { Issuer } from '@kubernetes-models/cert-manager/cert-manager.io/v1';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { DaemonSet, Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { CronJob, Job } from 'kubernetes-models/batch/v1';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import {
  ConfigMap,
  Namespace,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from 'kubernetes-models/v1';
import { at, items, text, type Finding, type Manifest } from './manifest.ts';

interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  readonly prototype: { validate(): void };
}

const CORE = [ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount];
const MODELS: readonly Model[] = [
  ...CORE,
  ...[DaemonSet, Deployment, StatefulSet, Job, CronJob, HorizontalPodAutoscaler],
  ...[Ingress, NetworkPolicy, PodDisruptionBudget, Issuer, ServiceMonitor],
];

export function schemaFindings(manifest: Manifest): Finding[] {
  const { apiVersion, kind, title, body } = manifest;
  const model = MODELS.find((known) => known.apiVersion === apiVersion && known.kind === kind);
  if (model === undefined) {
    return [{ rule: 'kind', where: title, what: `there is no ${kind || '(nothing)'} in ${apiVersion}` }];
  }
  const watched = watch(body);
  const wrong = validate(model, watched.value).map(({ path, what }): Finding => ({
    rule: 'schema',
    where: `${title} ${path}`,
    what,
  }));
  const unknown = watched
    .unseen()
    .map((path): Finding => ({ rule: 'unknown-field', where: `${title} ${path}`, what: 'no such field' }))
    // Below a wrong value nothing was looked at.
    .filter(({ where }) => !wrong.some((finding) => where.startsWith(finding.where)));
  return [...wrong, ...unknown];
}

function validate(model: Model, value: object): { path: string; what: string }[] {
  try {
    model.prototype.validate.call(value);
    return [];
  } catch (error) {
    const messages = new Map<string, string>();
    for (const entry of items(at({ error: asFields(error) }, 'error', 'errors'))) {
      const path = dotted(text(at(entry, 'instancePath')));
      const property = text(at(entry, 'params', 'missingProperty'));
      const what = property === '' ? text(at(entry, 'message')) : `${property} is missing`;
      messages.set(path, [messages.get(path), what].filter((part) => part !== undefined).join('; '));
    }
    if (messages.size === 0) throw error;
    return Array.from(messages, ([path, what]) => ({ path, what }));
  }
}

const asFields = (error: unknown) => (typeof error === 'object' && error !== null ? { ...error } : {});

/** `/spec/ports/0/name` is `spec.ports.0.name`. */
const dotted = (pointer: string) =>
  pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');

interface Watched {
  readonly value: object;
  /** Paths of the fields that nobody has asked for. */
  unseen(): string[];
}

function watch(root: object): Watched {
  const seen = new Map<
    object,
    { readonly path: string; readonly keys: Set<string>; readonly proxy: object }
  >();
  const watched = (target: object, path: string): object => {
    const known = seen.get(target);
    if (known !== undefined) return known.proxy;
    const keys = new Set<string>();
    const proxy = new Proxy(target, {
      get(object, key, receiver) {
        const value: unknown = Reflect.get(object, key, receiver);
        if (typeof key !== 'string') return value;
        keys.add(key);
        const inner = path === '' ? key : `${path}.${key}`;
        return typeof value === 'object' && value !== null ? watched(value, inner) : value;
      },
      // A map, such as labels: whoever lists its keys knows them all.
      ownKeys(object) {
        for (const key of Object.keys(object)) keys.add(key);
        return Reflect.ownKeys(object);
      },
    });
    seen.set(target, { path, keys, proxy });
    return proxy;
  };
  return {
    value: watched(root, ''),
    unseen: () =>
      Array.from(seen).flatMap(([target, { path, keys }]) =>
        Array.isArray(target)
          ? []
          : Object.keys(target)
              .filter((key) => !keys.has(key))
              .map((key) => (path === '' ? key : `${path}.${key}`)),
      ),
  };
}
