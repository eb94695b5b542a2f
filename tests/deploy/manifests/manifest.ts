/** Kubernetes objects as they are read from YAML: unknown until a check has looked. */
import { parseAllDocuments } from 'yaml';

export type Fields = Readonly<Record<string, unknown>>;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** `Deployment/cpu-workers`. */
  readonly title: string;
  readonly body: Fields;
}

/** What a check found wrong. */
export interface Finding {
  /** Which check: `unknown-field`. */
  readonly rule: string;
  /** The object, and where in it: `Deployment/cpu-workers spec.replicas`. */
  readonly where: string;
  readonly what: string;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Empty where there is no object. */
export const fields = (value: unknown): Fields => (isFields(value) ? value : {});
/** Empty where there is no list. */
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
/** Empty where there is no text. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** For messages, and to compare what may be a text or a number. */
export const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** `at(body, 'spec', 'template')`; a number takes a place of a list. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof key === 'number' ? items(inner)[key] : fields(inner)[key]),
    value,
  );
}

/** Only entries whose value is a text. */
export function texts(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(fields(value));
  return new Map(entries.flatMap(([key, inner]) => (typeof inner === 'string' ? [[key, inner]] : [])));
}

export const labelsOf = (manifest: Manifest) => texts(at(manifest.body, 'metadata', 'labels'));

/** Every object in the text of one YAML file. @throws Error if it is no YAML, or says a key twice */
export function readManifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw new Error(problem.message);
    const body: unknown = document.toJS();
    return isFields(body) ? [manifestOf(body)] : [];
  });
}

function manifestOf(body: Fields): Manifest {
  const kind = text(body['kind']);
  const name = text(at(body, 'metadata', 'name'));
  return { apiVersion: text(body['apiVersion']), kind, name, title: `${kind}/${name}`, body };
}

/** `matchLabels` and `matchExpressions` against labels. An absent or empty selector matches all. */
export function selects(selector: unknown, labels: ReadonlyMap<string, string>): boolean {
  const equal = [...texts(at(selector, 'matchLabels'))].every(([key, value]) => labels.get(key) === value);
  return equal && items(at(selector, 'matchExpressions')).every((term) => expressionHolds(term, labels));
}

function expressionHolds(term: unknown, labels: ReadonlyMap<string, string>): boolean {
  const value = labels.get(text(at(term, 'key')));
  const values = items(at(term, 'values'));
  switch (text(at(term, 'operator'))) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
