/**
 * Who may open a connection to whom, by the NetworkPolicies: as a network plugin decides it that enforces them. Both
 * ends have to allow it, and an end that no policy is about allows all.
 */
import { BlockList, isIPv6 } from 'node:net';
import { at, items, selects, text, type Manifest } from './manifest.ts';
import { podsOf, portNamed, type PodShape } from './pods.ts';

/** A pod of these manifests, a pod of another namespace, or an address outside the cluster. */
export type Party =
  | { readonly kind: 'own'; readonly pod: PodShape }
  | { readonly kind: 'other'; readonly namespace: string; readonly labels: ReadonlyMap<string, string> }
  | { readonly kind: 'address'; readonly address: string };

type Direction = 'Ingress' | 'Egress';

export class Traffic {
  readonly #policies: readonly Manifest[];
  readonly #namespace: string;

  constructor(manifests: readonly Manifest[], namespace: string) {
    this.#policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
    this.#namespace = namespace;
  }

  /** @param port of `to`; TCP */
  allows(from: Party, to: Party, port: number): boolean {
    return this.#end('Egress', from, to, port) && this.#end('Ingress', to, from, port);
  }

  #end(direction: Direction, self: Party, peer: Party, port: number): boolean {
    if (self.kind !== 'own') return true;
    const about = this.#policies.filter(
      ({ body }) =>
        items(at(body, 'spec', 'policyTypes')).includes(direction) &&
        selects(at(body, 'spec', 'podSelector'), self.pod.labels),
    );
    if (about.length === 0) return true;
    const [field, side] =
      direction === 'Ingress' ? (['ingress', 'from'] as const) : (['egress', 'to'] as const);
    const target = direction === 'Ingress' ? self : peer;
    return about
      .flatMap(({ body }) => items(at(body, 'spec', field)))
      .some((rule) => this.#isPeer(at(rule, side), peer) && hasPort(at(rule, 'ports'), target, port));
  }

  #isPeer(list: unknown, peer: Party): boolean {
    return list === undefined || items(list).some((entry) => this.#matches(entry, peer));
  }

  #matches(entry: unknown, peer: Party): boolean {
    const block = at(entry, 'ipBlock');
    if (block !== undefined) return peer.kind === 'address' && contains(block, peer.address);
    if (peer.kind === 'address') return false;
    const labels = peer.kind === 'own' ? peer.pod.labels : peer.labels;
    const namespace = peer.kind === 'own' ? this.#namespace : peer.namespace;
    const selector = at(entry, 'namespaceSelector');
    const there =
      selector === undefined
        ? peer.kind === 'own'
        : selects(selector, new Map([['kubernetes.io/metadata.name', namespace]]));
    return there && selects(at(entry, 'podSelector'), labels);
  }
}

function hasPort(list: unknown, target: Party, port: number): boolean {
  if (list === undefined) return true;
  return items(list).some((entry) => {
    if ((text(at(entry, 'protocol')) || 'TCP') !== 'TCP') return false;
    const wanted = at(entry, 'port');
    if (typeof wanted === 'number') return wanted === port;
    return target.kind === 'own' && portNamed(target.pod.ports, wanted)?.number === port;
  });
}

function contains(block: unknown, address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const inside = (cidr: unknown) => {
    const [network = '', bits = ''] = text(cidr).split('/');
    if (isIPv6(network) !== (family === 'ipv6')) return false;
    const range = new BlockList();
    range.addSubnet(network, Number(bits), family);
    return range.check(address, family);
  };
  return inside(at(block, 'cidr')) && !items(at(block, 'except')).some(inside);
}

/** Every connection between pods of these manifests that is allowed: `cpu-workers → coordinator:3000`. */
export function allowedInside(manifests: readonly Manifest[], namespace: string): string[] {
  const traffic = new Traffic(manifests, namespace);
  const pods = podsOf(manifests);
  return pods.flatMap((from) =>
    pods.flatMap((to) =>
      to.ports
        .filter(
          ({ number }) =>
            from !== to && traffic.allows({ kind: 'own', pod: from }, { kind: 'own', pod: to }, number),
        )
        .map(({ number }) => `${from.manifest.name} → ${to.manifest.name}:${number}`),
    ),
  );
}
