/** What leads to pods by labels and ports: Services, and what is built on them. */
import {
  at,
  shown,
  fields,
  items,
  labelsOf,
  selects,
  text,
  texts,
  type Finding,
  type Manifest,
} from './manifest.ts';
import { podsOf, portNamed, type PodShape } from './pods.ts';

const PORT_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function serviceFindings(manifests: readonly Manifest[]): Finding[] {
  const pods = podsOf(manifests);
  return manifests.flatMap((manifest) => {
    switch (manifest.kind) {
      case 'Service':
        return service(manifest, pods);
      case 'Ingress':
        return ingress(manifest, manifests);
      case 'ServiceMonitor':
        return serviceMonitor(manifest, manifests);
      default:
        return [];
    }
  });
}

function service({ title: where, body }: Manifest, pods: readonly PodShape[]): Finding[] {
  const selector = at(body, 'spec', 'selector');
  const selected = pods.filter(({ labels }) => selects({ matchLabels: selector }, labels));
  const ports = items(at(body, 'spec', 'ports'));
  const none = texts(selector).size === 0 || selected.length === 0;
  const missing = ports.flatMap((port) => {
    const target = at(port, 'targetPort') ?? at(port, 'port');
    return selected
      .filter((pod) => portNamed(pod.ports, target) === undefined)
      .map((pod) => `targetPort ${shown(target)} is no port of ${pod.manifest.title}`);
  });
  return [
    ...(none ? [{ rule: 'service-selector', where, what: 'selects no pod' }] : []),
    ...missing.map((what) => ({ rule: 'service-port', where, what })),
    ...servicePorts(where, ports),
    ...nodePorts(where, body, ports),
  ];
}

function servicePorts(where: string, ports: readonly unknown[]): Finding[] {
  const names = ports.map((port) => text(at(port, 'name')));
  const numbers = ports.map((port) => `${shown(at(port, 'port'))} ${text(at(port, 'protocol')) || 'TCP'}`);
  const twice = (list: readonly string[]) =>
    list.filter((entry, i) => entry !== '' && list.indexOf(entry) !== i);
  const unnamed = ports.length > 1 && names.includes('');
  const wrong = names.filter((name) => name !== '' && !PORT_NAME.test(name));
  return [
    ...(ports.length === 0 ? [{ rule: 'service-ports', where, what: 'has no port' }] : []),
    ...(unnamed ? [{ rule: 'service-ports', where, what: 'has several ports, and one without a name' }] : []),
    ...wrong.map((name) => ({ rule: 'service-ports', where, what: `"${name}" is no name of a port` })),
    ...[...twice(names), ...twice(numbers)].map((what) => ({
      rule: 'service-ports',
      where,
      what: `has two ports ${what}`,
    })),
  ];
}

function nodePorts(where: string, body: unknown, ports: readonly unknown[]): Finding[] {
  const type = text(at(body, 'spec', 'type')) || 'ClusterIP';
  const open = type === 'NodePort' || type === 'LoadBalancer';
  const asked = ports.map((port) => at(port, 'nodePort')).filter((port) => port !== undefined);
  const outside = asked.filter((port) => typeof port !== 'number' || port < 30_000 || port > 32_767);
  const policy = at(body, 'spec', 'externalTrafficPolicy') !== undefined;
  return [
    ...(asked.length > 0 && !open
      ? [{ rule: 'node-port', where, what: `a ${type} Service has no nodePort` }]
      : []),
    ...(policy && !open
      ? [{ rule: 'node-port', where, what: `a ${type} Service has no externalTrafficPolicy` }]
      : []),
    ...outside.map((port) => ({
      rule: 'node-port',
      where,
      what: `nodePort ${shown(port)} is not of 30000 to 32767`,
    })),
  ];
}

const named = (manifests: readonly Manifest[], kind: string, name: string) =>
  manifests.find((other) => other.kind === kind && other.name === name);

function ingress({ title: where, body }: Manifest, manifests: readonly Manifest[]): Finding[] {
  const paths = items(at(body, 'spec', 'rules')).flatMap((rule) => items(at(rule, 'http', 'paths')));
  const defaultBackend = at(body, 'spec', 'defaultBackend');
  const backends = [
    ...paths.map((path) => at(path, 'backend')),
    ...(defaultBackend === undefined ? [] : [defaultBackend]),
  ];
  const hosts = items(at(body, 'spec', 'rules')).map((rule) => at(rule, 'host'));
  const untold = items(at(body, 'spec', 'tls'))
    .flatMap((tls) => items(at(tls, 'hosts')))
    .filter((host) => !hosts.includes(host));
  return [
    ...backends.flatMap((backend) => ingressBackend(where, fields(at(backend, 'service')), manifests)),
    ...untold.map((host) => ({ rule: 'ingress', where, what: `tls names ${text(host)}, which no rule has` })),
  ];
}

function ingressBackend(where: string, backend: unknown, manifests: readonly Manifest[]): Finding[] {
  const name = text(at(backend, 'name'));
  const service = named(manifests, 'Service', name);
  if (service === undefined) return [{ rule: 'ingress', where, what: `there is no Service ${name}` }];
  const wanted = at(backend, 'port', 'name') ?? at(backend, 'port', 'number');
  const ports = items(at(service.body, 'spec', 'ports'));
  const found = ports.some((port) => at(port, 'name') === wanted || at(port, 'port') === wanted);
  return found ? [] : [{ rule: 'ingress', where, what: `Service ${name} has no port ${shown(wanted)}` }];
}

function serviceMonitor({ title: where, body }: Manifest, manifests: readonly Manifest[]): Finding[] {
  const services = manifests.filter(
    (other) => other.kind === 'Service' && selects(at(body, 'spec', 'selector'), labelsOf(other)),
  );
  if (services.length === 0) return [{ rule: 'service-monitor', where, what: 'selects no Service' }];
  const wanted = items(at(body, 'spec', 'endpoints')).map((endpoint) => at(endpoint, 'port'));
  return services.flatMap((service) => {
    const ports = items(at(service.body, 'spec', 'ports')).map((port) => at(port, 'name'));
    return wanted
      .filter((port) => !ports.includes(port))
      .map((port) => ({
        rule: 'service-monitor',
        where,
        what: `${service.title} has no port named ${shown(port)}`,
      }));
  });
}
