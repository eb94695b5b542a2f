/**
 * Forgeries of a JSON value: every field in turn missing, of the wrong type, misspelled, off by one, swapped,
 * doubled, endless. The conformance suite hands them to `decode` and `check`.
 */

/** `shape`: no honest worker could have sent it. `value`: right in form, but another number. */
export interface Forgery {
  /** Dotted path of the field, '' for the whole; `x.swap` for neighbours exchanged in the array x. */
  readonly path: string;
  readonly what: string;
  readonly kind: 'shape' | 'value';
  readonly json: unknown;
}

type Replace = (value: unknown) => unknown;

/** Of a long array these many entries at each end and in the middle are forged: the others are alike. */
const ENTRIES = 3;
const ENDLESS = 200_000;

/** All forgeries of `json`, about 20 per field. Those that change nothing are left out. */
export function* forgeries(json: unknown): Generator<Forgery> {
  yield* forge(json, '', (value) => value);
}

function* forge(value: unknown, path: string, replace: Replace): Generator<Forgery> {
  const make = (kind: Forgery['kind'], what: string, json: unknown): Forgery => ({
    path,
    what,
    kind,
    json: replace(json),
  });
  for (const other of [null, true, 'x', -1, 0.5, NaN, Infinity, {}, [], [[]], { length: 1 }, undefined]) {
    if (JSON.stringify(other) !== JSON.stringify(value)) {
      yield make('shape', `is ${JSON.stringify(other) ?? 'undefined'}`, other);
    }
  }
  if (typeof value === 'string') yield* forgeText(value, make);
  else if (typeof value === 'number') yield* forgeNumber(value, make);
  else if (Array.isArray(value)) yield* forgeArray(value, path, replace, make);
  else if (isRecord(value)) yield* forgeRecord(value, path, replace, make);
}

type Make = (kind: Forgery['kind'], what: string, json: unknown) => Forgery;

function* forgeText(value: string, make: Make): Generator<Forgery> {
  yield make('shape', 'is empty', '');
  if (!/^[0-9]+$/.test(value)) return;
  for (const text of [`0${value}`, ` ${value}`, `${value}\n`, `+${value}`, `-${value}`, `${value}.0`]) {
    yield make('shape', `is ${JSON.stringify(text)}`, text);
  }
  for (const text of ['1e3', '0x10', 'NaN', '１', '1_000', '9'.repeat(65), '9'.repeat(100_000)]) {
    yield make('shape', `is ${text.slice(0, 12)}`, text);
  }
  yield make('shape', 'is a number', Number(value));
  const number = BigInt(value);
  yield make('value', 'one more', String(number + 1n));
  if (number > 0n) yield make('value', 'one less', String(number - 1n));
  if (number > 0n) yield make('value', 'doubled', String(number * 2n));
  if (number > 0n) yield make('value', 'zero', '0');
  yield make('value', 'past 2^64', String(number + 2n ** 64n));
}

function* forgeNumber(value: number, make: Make): Generator<Forgery> {
  for (const other of [value + 0.5, -value - 1, 2 ** 53, 1e300, String(value), [value]]) {
    yield make('shape', `is ${JSON.stringify(other)}`, other);
  }
  yield make('value', 'one more', value + 1);
  if (value > 0) yield make('value', 'one less', value - 1);
  if (value > 0) yield make('value', 'doubled', value * 2);
  if (value > 0) yield make('value', 'zero', 0);
}

function* forgeArray(
  value: readonly unknown[],
  path: string,
  replace: Replace,
  make: Make,
): Generator<Forgery> {
  const last = value.at(-1);
  yield make('shape', 'has a hole at the end', [...value, null]);
  yield make('shape', 'is endless', new Array<unknown>(ENDLESS).fill(last ?? '1'));
  yield make('value', 'has a zero at the end', [...value, '0']);
  if (value.length > 0) {
    yield make('value', 'lacks its last entry', value.slice(0, -1));
    yield make('value', 'lacks its first entry', value.slice(1));
    yield make('value', 'has its last entry twice', [...value, last]);
  }
  const middle = value.length >> 1;
  for (const [index, entry] of value.entries()) {
    if (index >= ENTRIES && index < value.length - ENTRIES && Math.abs(index - middle) > 1) continue;
    const next = value[index + 1];
    if (next !== undefined && JSON.stringify(entry) !== JSON.stringify(next)) {
      const swapped = replace([...value.slice(0, index), next, entry, ...value.slice(index + 2)]);
      const what = `is entry ${index} with ${index + 1}`;
      yield { path: joined(path, 'swap'), what, kind: 'value', json: swapped };
    }
    yield* forge(entry, joined(path, String(index)), (changed) => replace(value.with(index, changed)));
  }
}

function* forgeRecord(
  value: Readonly<Record<string, unknown>>,
  path: string,
  replace: Replace,
  make: Make,
): Generator<Forgery> {
  yield make('shape', 'has a field too many', { ...value, extra: '1' });
  // As JSON.parse makes it; an object literal would set the prototype.
  const polluted: unknown = JSON.parse(
    `{"__proto__": {}, ${JSON.stringify(value).slice(1)}`.replace(/, }$/, '}'),
  );
  yield make('shape', 'has a field __proto__', polluted);
  for (const [name, field] of Object.entries(value)) {
    const without = Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
    yield make('shape', `lacks ${name}`, without);
    yield* forge(field, joined(path, name), (changed) => replace({ ...value, [name]: changed }));
  }
}

/** The same value with the fields of every object in reverse order. */
export function reordered(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(reordered);
  if (!isRecord(json)) return json;
  return Object.fromEntries(
    Object.entries(json)
      .toReversed()
      .map(([name, value]) => [name, reordered(value)]),
  );
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
