/** What acts on pods or on whatever runs them: autoscalers, disruption budgets, network policies. */
import { at, shown, fields, items, selects, text, texts, type Finding, type Manifest } from './manifest.ts';
import { podsOf, portNamed, type PodShape } from './pods.ts';

/** Labels of pods that others make: cert-manager's, which answers a challenge. */
const LABELS_OF_OTHERS = ['acme.cert-manager.io/http01-solver'];

export function targetFindings(manifests: readonly Manifest[]): Finding[] {
  const pods = podsOf(manifests);
  return manifests.flatMap((manifest) => {
    switch (manifest.kind) {
      case 'HorizontalPodAutoscaler':
        return autoscaler(manifest, manifests);
      case 'PodDisruptionBudget':
        return disruptionBudget(manifest, pods);
      case 'NetworkPolicy':
        return networkPolicy(manifest, pods);
      default:
        return [];
    }
  });
}

function autoscaler({ title: where, body }: Manifest, manifests: readonly Manifest[]): Finding[] {
  const rule = 'autoscaler';
  const target = fields(at(body, 'spec', 'scaleTargetRef'));
  const { kind, name, apiVersion } = target;
  const found = manifests.find(
    (other) => other.kind === kind && other.name === name && other.apiVersion === apiVersion,
  );
  if (found === undefined) return [{ rule, where, what: `there is no ${text(kind)} ${text(name)}` }];
  const least = Number(at(body, 'spec', 'minReplicas') ?? 1);
  const most = Number(at(body, 'spec', 'maxReplicas'));
  const resources = items(at(body, 'spec', 'metrics')).map((metric) => text(at(metric, 'resource', 'name')));
  const unrequested = podsOf([found])
    .flatMap(({ containers }) => containers)
    .flatMap((container) =>
      resources
        .filter((name) => name !== '' && at(container.body, 'resources', 'requests', name) === undefined)
        .map((name) => `${container.title} requests no ${name}, of which this takes a share`),
    );
  return [
    ...(least <= most
      ? []
      : [{ rule, where, what: `minReplicas ${least} is more than maxReplicas ${most}` }]),
    ...(at(found.body, 'spec', 'replicas') === undefined
      ? []
      : [
          { rule, where, what: `${found.title} has spec.replicas, which fights this whenever it is applied` },
        ]),
    ...unrequested.map((what) => ({ rule, where, what })),
  ];
}

function disruptionBudget({ title: where, body }: Manifest, pods: readonly PodShape[]): Finding[] {
  const rule = 'disruption-budget';
  const selector = at(body, 'spec', 'selector');
  const bounds = ['minAvailable', 'maxUnavailable'].filter((field) => at(body, 'spec', field) !== undefined);
  const selected = pods.some(({ labels }) => selects(selector, labels));
  return [
    ...(selected && texts(at(selector, 'matchLabels')).size > 0
      ? []
      : [{ rule, where, what: 'selects no pod' }]),
    ...(bounds.length === 1 ? [] : [{ rule, where, what: 'needs one of minAvailable and maxUnavailable' }]),
    ...(at(body, 'spec', 'maxUnavailable') === 0
      ? [{ rule, where, what: 'blocks every drain of a node' }]
      : []),
  ];
}

function networkPolicy({ title: where, body }: Manifest, pods: readonly PodShape[]): Finding[] {
  const rule = 'network-policy';
  const selector = at(body, 'spec', 'podSelector');
  if (ofOthers(selector)) return [];
  const selected = pods.filter(({ labels }) => selects(selector, labels));
  const types = items(at(body, 'spec', 'policyTypes'));
  const untyped = (['ingress', 'egress'] as const).filter(
    (field) =>
      at(body, 'spec', field) !== undefined && !types.includes(field === 'ingress' ? 'Ingress' : 'Egress'),
  );
  return [
    ...(selected.length > 0 ? [] : [{ rule, where, what: 'selects no pod' }]),
    ...untyped.map((field) => ({
      rule,
      where,
      what: `has rules of ${field}, which policyTypes does not name`,
    })),
    ...items(at(body, 'spec', 'ingress')).flatMap((entry) => [
      ...peers(where, items(at(entry, 'from')), pods),
      ...portsOf(where, at(entry, 'ports'), selected),
    ]),
    ...items(at(body, 'spec', 'egress')).flatMap((entry) => {
      const to = items(at(entry, 'to'));
      const inside = to.filter(
        (peer) => at(peer, 'podSelector') !== undefined && at(peer, 'namespaceSelector') === undefined,
      );
      const reached = pods.filter(({ labels }) =>
        inside.some((peer) => selects(at(peer, 'podSelector'), labels)),
      );
      return [...peers(where, to, pods), ...portsOf(where, at(entry, 'ports'), reached)];
    }),
  ];
}

const ofOthers = (selector: unknown) =>
  [...texts(at(selector, 'matchLabels')).keys()].some((key) => LABELS_OF_OTHERS.includes(key));

function peers(where: string, list: readonly unknown[], pods: readonly PodShape[]): Finding[] {
  return list
    .filter((peer) => at(peer, 'namespaceSelector') === undefined && at(peer, 'ipBlock') === undefined)
    .filter((peer) => !pods.some(({ labels }) => selects(at(peer, 'podSelector'), labels)))
    .map((peer) => ({
      rule: 'network-policy',
      where,
      what: `a peer selects no pod: ${JSON.stringify(at(peer, 'podSelector') ?? {})}`,
    }));
}

/** Every port has to be one of a pod that is reached; ports of pods elsewhere are not known. */
function portsOf(where: string, ports: unknown, reached: readonly PodShape[]): Finding[] {
  return items(ports)
    .map((port) => at(port, 'port'))
    .filter((port) => reached.length > 0 && !reached.some((pod) => portNamed(pod.ports, port) !== undefined))
    .map((port) => ({
      rule: 'network-policy',
      where,
      what: `no pod that it is about has a port ${shown(port)}`,
    }));
}
