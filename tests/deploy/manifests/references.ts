/** What pods and others name and do not bring themselves: it is there, or made by somebody who is named here. */
import { at, fields, items, text, texts, type Finding, type Manifest } from './manifest.ts';
import { podsOf, type Container, type PodShape } from './pods.ts';

/** Not in git, with their keys: made by deploy-cluster.sh, by cert-manager, or by the operator (k8s/README.md). */
const FROM_OUTSIDE: ReadonlyMap<string, readonly string[]> = new Map([
  ['Secret/worker-key', ['worker.key']],
  ['Secret/admin-key', ['admin.key']],
  ['Secret/store-url', ['url']],
  ['Secret/postgres-password', ['password']],
  ['Secret/grafana-admin', ['admin-password']],
  ['Secret/alertmanager-receivers', ['alertmanager.yml']],
  ['Secret/threads-cluster-tls', ['tls.crt', 'tls.key']],
  ['ConfigMap/cluster-size', ['cluster-size']],
]);
/** May be missing, so their references have to say so. */
const OPTIONAL_FROM_OUTSIDE = ['ConfigMap/cluster-size'];
const RUNTIME_CLASSES = ['nvidia'];

export function referenceFindings(manifests: readonly Manifest[]): Finding[] {
  const there = new Map(manifests.map((manifest) => [manifest.title, manifest]));
  const exists: Exists = (where, title, reference) => {
    const sure = FROM_OUTSIDE.has(title) && !OPTIONAL_FROM_OUTSIDE.includes(title);
    if (there.has(title) || sure) return [];
    if (OPTIONAL_FROM_OUTSIDE.includes(title) && at(reference, 'optional') === true) return [];
    return [{ rule: 'reference', where, what: `there is no ${title}` }];
  };
  return [
    ...podsOf(manifests).flatMap((pod) => [
      ...identity(pod, exists),
      ...volumes(pod, exists),
      ...pod.containers.flatMap((container) => [
        ...mounts(container, pod),
        ...variables(container, there, exists),
        ...files(container, pod, there),
      ]),
    ]),
    ...manifests
      .filter(({ kind }) => kind === 'Ingress')
      .flatMap(({ title, body }) =>
        items(at(body, 'spec', 'tls')).flatMap((tls) =>
          exists(title, `Secret/${text(at(tls, 'secretName'))}`, {}),
        ),
      ),
  ];
}

type Exists = (where: string, title: string, reference: unknown) => Finding[];

function identity({ manifest: { title }, spec }: PodShape, exists: Exists): Finding[] {
  const account = text(spec['serviceAccountName']);
  const runtime = spec['runtimeClassName'];
  const unknown = runtime !== undefined && !RUNTIME_CLASSES.some((known) => known === runtime);
  return [
    ...exists(title, `ServiceAccount/${account}`, {}),
    ...(unknown
      ? [{ rule: 'reference', where: title, what: `nobody has a RuntimeClass ${text(runtime)}` }]
      : []),
  ];
}

function volumes({ manifest: { title }, spec, containers }: PodShape, exists: Exists): Finding[] {
  const mounted = containers.flatMap(({ body }) =>
    items(body['volumeMounts']).map((mount) => at(mount, 'name')),
  );
  return items(spec['volumes']).flatMap((volume) => {
    const name = text(at(volume, 'name'));
    const { configMap, secret, persistentVolumeClaim: claim } = fields(volume);
    return [
      ...(mounted.includes(name)
        ? []
        : [{ rule: 'volume', where: title, what: `nothing mounts volume ${name}` }]),
      ...(configMap === undefined
        ? []
        : exists(title, `ConfigMap/${text(at(configMap, 'name'))}`, configMap)),
      ...(secret === undefined ? [] : exists(title, `Secret/${text(at(secret, 'secretName'))}`, secret)),
      ...(claim === undefined
        ? []
        : exists(title, `PersistentVolumeClaim/${text(at(claim, 'claimName'))}`, claim)),
    ];
  });
}

function mounts({ title: where, body }: Container, { manifest, spec }: PodShape): Finding[] {
  const claims = items(at(manifest.body, 'spec', 'volumeClaimTemplates')).map((claim) =>
    at(claim, 'metadata', 'name'),
  );
  const known = [...items(spec['volumes']).map((volume) => at(volume, 'name')), ...claims];
  const list = items(body['volumeMounts']);
  const paths = list.map((mount) => text(at(mount, 'mountPath')));
  return [
    ...list
      .filter((mount) => !known.includes(at(mount, 'name')))
      .map((mount) => ({ rule: 'volume', where, what: `there is no volume ${text(at(mount, 'name'))}` })),
    ...paths
      .filter((path, i) => paths.indexOf(path) !== i || !path.startsWith('/'))
      .map((path) => ({
        rule: 'volume',
        where,
        what: `mountPath ${path} is there twice, or is not absolute`,
      })),
  ];
}

function variables(
  { title: where, body, name }: Container,
  there: ReadonlyMap<string, Manifest>,
  exists: Exists,
): Finding[] {
  const whole = items(body['envFrom']).flatMap((source) => [
    ...named('ConfigMap', at(source, 'configMapRef')),
    ...named('Secret', at(source, 'secretRef')),
  ]);
  const entries = items(body['env']);
  const single = entries.flatMap((entry) => [
    ...named('ConfigMap', at(entry, 'valueFrom', 'configMapKeyRef')),
    ...named('Secret', at(entry, 'valueFrom', 'secretKeyRef')),
  ]);
  const keyless = single.filter(({ title, reference }) => {
    const keys = keysOf(title, there);
    return keys !== undefined && !keys.includes(text(at(reference, 'key')));
  });
  return [
    ...[...whole, ...single].flatMap(({ title, reference }) => exists(where, title, reference)),
    ...keyless.map(({ title, reference }) => ({
      rule: 'reference',
      where,
      what: `${title} has no key ${text(at(reference, 'key'))}`,
    })),
    ...entries.flatMap((entry, i) => expansions(where, entry, entries.slice(0, i))),
    ...entries.flatMap((entry) => ownResources(where, name, entry)),
    ...entries.flatMap((entry) => address(where, entry, there)),
  ];
}

/** Undefined where there is no such object, which is said elsewhere. */
function keysOf(title: string, there: ReadonlyMap<string, Manifest>): readonly string[] | undefined {
  const object = there.get(title);
  return object === undefined ? FROM_OUTSIDE.get(title) : [...texts(at(object.body, 'data')).keys()];
}

/** `API_KEY_FILE=/run/threads/worker.key`: a key of what is mounted there. */
function files(container: Container, { spec }: PodShape, there: ReadonlyMap<string, Manifest>): Finding[] {
  return items(container.body['env']).flatMap((entry) => {
    const name = text(at(entry, 'name'));
    const [, folder, file] = /^(\/.*)\/([^/]+)$/.exec(text(at(entry, 'value'))) ?? [];
    if (!name.endsWith('_FILE') || folder === undefined || file === undefined) return [];
    const mount = items(container.body['volumeMounts']).find((other) => at(other, 'mountPath') === folder);
    const volume = items(spec['volumes']).find((other) => at(other, 'name') === at(mount, 'name'));
    const secret = text(at(volume, 'secret', 'secretName'));
    const title = secret === '' ? `ConfigMap/${text(at(volume, 'configMap', 'name'))}` : `Secret/${secret}`;
    if (mount !== undefined && keysOf(title, there)?.includes(file) === true) return [];
    return [{ rule: 'file', where: container.title, what: `${name}: nothing brings ${folder}/${file}` }];
  });
}

const named = (kind: string, reference: unknown) =>
  reference === undefined ? [] : [{ title: `${kind}/${text(at(reference, 'name'))}`, reference }];

/** `$(NAME)` stays as it stands where NAME comes later, or never. */
function expansions(where: string, entry: unknown, before: readonly unknown[]): Finding[] {
  const used = Array.from(text(at(entry, 'value')).matchAll(/(?<!\$)\$\((\w+)\)/g), ([, name = '']) => name);
  return used
    .filter((name) => !before.some((other) => at(other, 'name') === name))
    .map((name) => ({
      rule: 'expansion',
      where,
      what: `${text(at(entry, 'name'))} uses $(${name}), which does not stand before it`,
    }));
}

function ownResources(where: string, container: string, entry: unknown): Finding[] {
  const source = at(entry, 'valueFrom', 'resourceFieldRef');
  const of = text(at(source, 'containerName')) || container;
  if (source === undefined || of === container) return [];
  return [
    { rule: 'reference', where, what: `${text(at(entry, 'name'))} reads the resources of container ${of}` },
  ];
}

/** `http://coordinator-service:3000`: a Service of the same namespace. */
function address(where: string, entry: unknown, there: ReadonlyMap<string, Manifest>): Finding[] {
  const value = text(at(entry, 'value'));
  const [, host, port] = /^https?:\/\/([a-z0-9-]+):(\d+)$/.exec(value) ?? [];
  if (host === undefined || port === undefined || hasPort(there.get(`Service/${host}`), Number(port)))
    return [];
  const what = `${text(at(entry, 'name'))}=${value}: there is no Service ${host} with a port ${port}`;
  return [{ rule: 'address', where, what }];
}

/** Whether it is a Service with that port. */
export const hasPort = (service: Manifest | undefined, port: number): boolean =>
  items(at(service?.body, 'spec', 'ports')).some((entry) => at(entry, 'port') === port);
