/** The pods that objects make: of a Pod, or of the template of whatever runs several. */
import { at, fields, items, text, texts, type Fields, type Manifest } from './manifest.ts';

export const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'] as const;
/** Their pods end by themselves. */
export const ENDING = ['Job', 'CronJob'];

export interface Container {
  readonly name: string;
  /** `Deployment/cpu-workers container worker`. */
  readonly title: string;
  readonly initial: boolean;
  readonly body: Fields;
}

export interface Port {
  readonly name: string;
  readonly number: number;
  readonly protocol: string;
}

export interface PodShape {
  readonly manifest: Manifest;
  readonly labels: ReadonlyMap<string, string>;
  readonly spec: Fields;
  readonly containers: readonly Container[];
  readonly ports: readonly Port[];
}

export const isWorkload = ({ kind }: Manifest) => WORKLOADS.some((known) => known === kind);

export function podsOf(manifests: readonly Manifest[]): PodShape[] {
  return manifests.flatMap((manifest) => {
    if (manifest.kind === 'Pod') return [podShape(manifest, manifest.body)];
    if (manifest.kind === 'CronJob')
      return [podShape(manifest, at(manifest.body, 'spec', 'jobTemplate', 'spec', 'template'))];
    if (isWorkload(manifest)) return [podShape(manifest, at(manifest.body, 'spec', 'template'))];
    return [];
  });
}

function podShape(manifest: Manifest, pod: unknown): PodShape {
  const spec = fields(at(pod, 'spec'));
  const containersIn = (field: string) =>
    items(spec[field]).map((body): Container => {
      const name = text(at(body, 'name'));
      const initial = field === 'initContainers';
      return { name, title: `${manifest.title} container ${name}`, initial, body: fields(body) };
    });
  const containers = [...containersIn('initContainers'), ...containersIn('containers')];
  const ports = containers.flatMap(({ body }) => items(body['ports']).map(portOf));
  return { manifest, labels: texts(at(pod, 'metadata', 'labels')), spec, containers, ports };
}

function portOf(port: unknown): Port {
  const number = at(port, 'containerPort');
  return {
    name: text(at(port, 'name')),
    number: typeof number === 'number' ? number : 0,
    protocol: text(at(port, 'protocol')) || 'TCP',
  };
}

/** A port by its name or number, as Services, probes and policies name it. */
export function portNamed(ports: readonly Port[], wanted: unknown): Port | undefined {
  return ports.find(({ name, number }) => (typeof wanted === 'string' ? name === wanted : number === wanted));
}
