/** What an API server says of names, labels and keys, and no schema does. */
import { at, fields, isFields, items, text, type Finding, type Manifest } from './manifest.ts';
import { isWorkload, podsOf } from './pods.ts';

const LABEL_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const QUALIFIED = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Of an object: `kubectl apply` keeps a copy of it in an annotation, and annotations are limited. */
const MAX_BYTES = 262_144;
/** Of the pod's name, which a StatefulSet makes a label of: `-10` and a revision come after it. */
const MAX_STATEFUL_NAME = 52;
const NO_NAMESPACE = ['Namespace'];

export function nameFindings(manifests: readonly Manifest[], namespace: string): Finding[] {
  const findings = manifests.flatMap((manifest) => [
    ...objectName(manifest),
    ...place(manifest, namespace),
    ...labels(manifest.body, manifest.title),
    ...configMap(manifest),
    ...size(manifest),
    ...expressions(manifest.body, manifest.title),
  ]);
  return [...findings, ...repeated(manifests), ...podNames(manifests)];
}

function objectName({ kind, name, title }: Manifest): Finding[] {
  const form = kind === 'Service' ? SERVICE_NAME : kind === 'Namespace' ? LABEL_NAME : DOMAIN;
  const long = kind === 'StatefulSet' && name.length > MAX_STATEFUL_NAME;
  const ok =
    form.test(name) &&
    !long &&
    (!isWorkload({ kind, name, title, apiVersion: '', body: {} }) || name.length <= 63);
  return ok ? [] : [{ rule: 'name', where: title, what: `no name of a ${kind}: "${name}"` }];
}

function place({ kind, title, body }: Manifest, namespace: string): Finding[] {
  const named = at(body, 'metadata', 'namespace');
  const expected = NO_NAMESPACE.includes(kind) ? undefined : namespace;
  if (named === expected) return [];
  return [
    {
      rule: 'namespace',
      where: title,
      what: `is in ${text(named) || 'no namespace'}, not in ${expected ?? 'none'}`,
    },
  ];
}

function repeated(manifests: readonly Manifest[]): Finding[] {
  const titles = manifests.map(({ title }) => title);
  return titles
    .filter((title, i) => titles.indexOf(title) !== i)
    .map((title) => ({ rule: 'twice', where: title, what: 'there are two of this kind and name' }));
}

/** Every `labels`, `matchLabels` and `annotations`, wherever it stands. */
function labels(value: unknown, where: string): Finding[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => labels(item, `${where}.${i}`));
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = `${where} ${key}`;
    if (key === 'labels' || key === 'matchLabels' || key === 'nodeSelector')
      return pairs(inner, place, LABEL_VALUE);
    if (key === 'annotations') return pairs(inner, place, /^/);
    return key === 'data' ? [] : labels(inner, where);
  });
}

/** Every `matchExpressions`, wherever it stands: how many values its operator takes, and of which kind. */
function expressions(value: unknown, where: string): Finding[] {
  if (Array.isArray(value)) return value.flatMap((item) => expressions(item, where));
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key !== 'matchExpressions') return key === 'data' ? [] : expressions(inner, where);
    return items(inner)
      .filter((term) => !isExpression(term))
      .map((term) => ({ rule: 'expression', where, what: `no such term: ${JSON.stringify(term)}` }));
  });
}

function isExpression(term: unknown): boolean {
  const values = items(at(term, 'values'));
  switch (text(at(term, 'operator'))) {
    case 'In':
    case 'NotIn':
      return values.length > 0;
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0;
    case 'Gt':
    case 'Lt':
      return values.length === 1 && /^-?\d+$/.test(text(values[0]));
    default:
      return false;
  }
}

function pairs(map: unknown, where: string, valueForm: RegExp): Finding[] {
  return Object.entries(fields(map)).flatMap(([key, value]) => {
    const [name = '', prefix] = key.split('/').toReversed();
    const keyOk =
      QUALIFIED.test(name) && (prefix === undefined || DOMAIN.test(prefix)) && key.split('/').length <= 2;
    const wrongKey = keyOk ? [] : [{ rule: 'label', where, what: `"${key}" is no key of a label` }];
    const valueOk = typeof value === 'string' && valueForm.test(value);
    const inJson = JSON.stringify(value);
    return valueOk
      ? wrongKey
      : [...wrongKey, { rule: 'label', where, what: `${key}: ${inJson} is no value of a label` }];
  });
}

function configMap({ kind, title, body }: Manifest): Finding[] {
  if (kind !== 'ConfigMap' && kind !== 'Secret') return [];
  const data = { ...fields(body['data']), ...fields(body['stringData']) };
  return Object.keys(data)
    .filter((key) => !CONFIG_KEY.test(key))
    .map((key) => ({ rule: 'config-key', where: title, what: `"${key}" is no key` }));
}

function size({ title, body }: Manifest): Finding[] {
  const bytes = Buffer.byteLength(JSON.stringify(body));
  return bytes <= MAX_BYTES
    ? []
    : [{ rule: 'size', where: title, what: `${bytes} bytes, and ${MAX_BYTES} fit` }];
}

function podNames(manifests: readonly Manifest[]): Finding[] {
  return podsOf(manifests).flatMap(({ manifest: { title }, spec, containers, ports }) => {
    const form = (rule: string, names: readonly string[], pattern: RegExp, what: string): Finding[] => [
      ...names
        .filter((name) => !pattern.test(name))
        .map((name) => ({ rule, where: title, what: `"${name}" is no name of ${what}` })),
      ...names
        .filter((name, i) => names.indexOf(name) !== i)
        .map((name) => ({ rule: `${rule}-twice`, where: title, what: `two are named "${name}"` })),
    ];
    const volumes = items(spec['volumes']).map((volume) => text(at(volume, 'name')));
    const numbers = ports.map(({ number, protocol }) => `${number} ${protocol}`);
    return [
      ...form(
        'container-name',
        containers.map(({ name }) => name),
        LABEL_NAME,
        'a container',
      ),
      ...form('volume-name', volumes, LABEL_NAME, 'a volume'),
      ...form(
        'port-name',
        ports.map(({ name }) => name).filter((name) => name !== ''),
        PORT_NAME,
        'a port',
      ),
      ...form(
        'port',
        numbers,
        /^([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]) (TCP|UDP|SCTP)$/,
        'a port and its protocol',
      ),
      ...containers.flatMap(({ body }) =>
        form(
          'variable',
          items(body['env']).map((entry) => text(at(entry, 'name'))),
          VARIABLE,
          'a variable',
        ),
      ),
    ];
  });
}
