/** Variables of containers against what reads them: the options of the product, and the settings of other images. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as options from '../../../cli/options.ts';
import { at, isFields, items, text, texts, type Finding, type Manifest } from './manifest.ts';
import { podsOf, type Container } from './pods.ts';
import { plainVariables } from './running.ts';

const NGINX_ENTRY = join(import.meta.dirname, '..', '..', '..', 'nginx', 'entrypoint.sh');

interface Read {
  readonly name: string;
  readonly parse: (value: string) => unknown;
}

const OPTIONS: readonly Read[] = Object.values<unknown>(options).flatMap((option) => {
  if (!isFields(option)) return [];
  const { env, parse } = option;
  return typeof env === 'string' && isParser(parse) ? [{ name: env, parse }] : [];
});

function isParser(value: unknown): value is (text: string) => unknown {
  return typeof value === 'function';
}

const anything = (name: string): Read => ({ name, parse: (value) => value });
/** Every variable that the entry point of nginx's image has a default for. */
const OF_NGINX = Array.from(
  readFileSync(NGINX_ENTRY, 'utf8').matchAll(/\$\{([A-Z_]+):[-=]/g),
  ([, name = '']) => anything(name),
);
/** Read by NVIDIA's container runtime. */
const OF_NVIDIA = ['NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES'].map(anything);
/** Every container is handed it whole, and takes what is its own. */
const SHARED_MAP = 'ConfigMap/cluster-settings';

export function environmentFindings(manifests: readonly Manifest[]): Finding[] {
  const settings = manifests
    .filter(({ title }) => title === SHARED_MAP)
    .flatMap(({ title, body }) =>
      [...texts(body['data'])].flatMap((entry) => variable(title, entry, [...OPTIONS, ...OF_NGINX])),
    );
  return [...settings, ...podsOf(manifests).flatMap(({ containers }) => containers.flatMap(container))];
}

function container({ title, body }: Container): Finding[] {
  const known = readBy(text(body['image']));
  const variables = plainVariables(body);
  const expanded = variables.map(([, value]) => text(value)).join(' ');
  const twofold = items(body['env']).filter(
    (entry) => (at(entry, 'value') === undefined) === (at(entry, 'valueFrom') === undefined),
  );
  return [
    ...variables
      // Used by another variable, and read by nobody else.
      .filter(([name]) => !expanded.includes(`$(${name})`))
      .flatMap(([name, value]) => variable(title, [name, text(value)], known)),
    ...twofold.map((entry) => ({
      rule: 'environment',
      where: title,
      what: `${text(at(entry, 'name'))} needs one of value and valueFrom`,
    })),
  ];
}

/** What an image reads; undefined: it is not known. */
function readBy(image: string): readonly Read[] | undefined {
  if (/(^|\/)threads-cluster\/nginx[:@]/.test(image)) return OF_NGINX;
  if (/(^|\/)threads-cluster\/gpu-worker[:@]/.test(image)) return [...OPTIONS, ...OF_NVIDIA];
  if (/(^|\/)threads-cluster\//.test(image)) return OPTIONS;
  return undefined;
}

function variable(
  where: string,
  [name, value]: readonly [string, string],
  known: readonly Read[] | undefined,
): Finding[] {
  if (known === undefined) return [];
  const option = known.find((other) => other.name === name);
  if (option === undefined) return [{ rule: 'environment', where, what: `nothing reads ${name}` }];
  // An empty one counts as not set; what is put together from others is known only in the pod.
  if (value === '' || value.includes('$(')) return [];
  try {
    option.parse(value);
    return [];
  } catch (error) {
    const expected = error instanceof Error ? error.message : String(error);
    return [{ rule: 'environment', where, what: `${name}=${value}: expected ${expected}` }];
  }
}
