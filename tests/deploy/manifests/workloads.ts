/** Whatever runs pods: its selector, its number, and what its volumes allow. */
import { at, fields, items, text, texts, selects, type Finding, type Manifest } from './manifest.ts';
import { ENDING, isWorkload, podsOf, type PodShape } from './pods.ts';

/** Scaled by hand or by an autoscaler: a number in the manifest would be set anew whenever it is applied. */
const SCALED_FROM_OUTSIDE = ['cpu-workers', 'gpu-workers'];
/** Every one of them would have a store of its own, unless it is told which one they share. */
const ALONE = ['coordinator'];

export function workloadFindings(manifests: readonly Manifest[]): Finding[] {
  const pods = podsOf(manifests).filter(
    ({ manifest }) => isWorkload(manifest) && !ENDING.includes(manifest.kind),
  );
  return pods.flatMap((pod) => [
    ...selector(pod, pods),
    ...number(pod),
    ...claims(pod),
    ...rolling(pod.manifest),
    ...statefulSet(pod, manifests),
  ]);
}

function selector({ manifest, labels }: PodShape, pods: readonly PodShape[]): Finding[] {
  const { title: where, body } = manifest;
  const wanted = at(body, 'spec', 'selector');
  if (texts(at(wanted, 'matchLabels')).size === 0) {
    return [{ rule: 'selector', where, what: 'spec.selector.matchLabels is empty' }];
  }
  if (!selects(wanted, labels)) {
    return [{ rule: 'selector', where, what: 'spec.selector does not match the labels of its own template' }];
  }
  return pods
    .filter((other) => other.manifest !== manifest && selects(wanted, other.labels))
    .map((other) => ({
      rule: 'selector-overlap',
      where,
      what: `selects pods of ${other.manifest.title} too`,
    }));
}

function number({ manifest: { name, kind, title: where, body }, containers }: PodShape): Finding[] {
  const replicas = at(body, 'spec', 'replicas');
  if (kind === 'Deployment' && SCALED_FROM_OUTSIDE.includes(name) && replicas !== undefined) {
    const what = 'spec.replicas would undo `kubectl scale` whenever this is applied';
    return [{ rule: 'replicas', where, what }];
  }
  const shared = containers.some((container) =>
    items(container.body['env']).some((entry) => text(at(entry, 'name')) === 'STORE_URL_FILE'),
  );
  if (ALONE.includes(name) && replicas !== 1 && !shared) {
    return [
      { rule: 'replicas', where, what: 'spec.replicas is not 1, and each would have a store of its own' },
    ];
  }
  return [];
}

/** A new pod can't mount what the old one still holds on another node. */
function claims({ manifest: { kind, title: where, body }, spec }: PodShape): Finding[] {
  const claimed = items(spec['volumes']).some((volume) => at(volume, 'persistentVolumeClaim') !== undefined);
  if (kind !== 'Deployment' || !claimed || at(body, 'spec', 'strategy', 'type') === 'Recreate') return [];
  return [
    { rule: 'strategy', where, what: 'has a volume of one node, so spec.strategy.type has to be Recreate' },
  ];
}

/** With neither a pod more nor a pod fewer nothing could ever be replaced. */
function rolling({ title: where, body }: Manifest): Finding[] {
  const { maxSurge, maxUnavailable } = fields(at(body, 'spec', 'strategy', 'rollingUpdate'));
  const none = (value: unknown) => value === 0 || value === '0%';
  if (!none(maxSurge) || !none(maxUnavailable)) return [];
  return [{ rule: 'strategy', where, what: 'maxSurge and maxUnavailable are both 0' }];
}

function statefulSet(
  { manifest: { kind, title: where, body } }: PodShape,
  manifests: readonly Manifest[],
): Finding[] {
  if (kind !== 'StatefulSet') return [];
  const name = text(at(body, 'spec', 'serviceName'));
  const service = manifests.find((other) => other.kind === 'Service' && other.name === name);
  const headless = service !== undefined && at(service.body, 'spec', 'clusterIP') === 'None';
  const shared = items(at(body, 'spec', 'volumeClaimTemplates')).filter((claim) =>
    items(at(claim, 'spec', 'accessModes')).some(
      (mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod',
    ),
  );
  return [
    ...(headless
      ? []
      : [{ rule: 'service-name', where, what: `spec.serviceName ${name} is no headless Service` }]),
    ...shared.map((claim) => ({
      rule: 'shared-volume',
      where,
      what: `volume ${text(at(claim, 'metadata', 'name'))} is for several nodes, as network file systems are`,
    })),
  ];
}
