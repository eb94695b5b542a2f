/** What strangers make of a good message: one thing of it turned into what nobody should send. */
import fc from 'fast-check';

/** Text of JSON for a value that JSON.stringify would not write so: put in by its mark. */
const RAW = [
  '1e400',
  '-1e400',
  '-0',
  '0.1e-400',
  '9007199254740993',
  '1e308',
  '-1',
  '0',
  '1.5',
  'NaN',
  'Infinity',
  '-Infinity',
  'undefined',
  '01',
  '+1',
  '0x10',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"a":1,"a":2}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  `"${'x'.repeat(30_000)}"`,
  `[${'0,'.repeat(10_000)}0]`,
] as const;

const PLAIN: readonly unknown[] = [
  null,
  true,
  false,
  '',
  [],
  {},
  [[]],
  Number.MAX_SAFE_INTEGER,
  Number.MIN_VALUE,
  -1,
  '\u0000',
  'a\u001b[2J\u009b31m\u202e\r\n{"level":"error","msg":"forged"}',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  "'; DROP TABLE jobs; --",
  '../../etc/passwd',
  '..%2f..%2f',
  '\u{1f600}'.repeat(500),
  '%00%ff',
  '__proto__',
  'constructor',
  'toString',
  'x'.repeat(5000),
];

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  'a.b',
  '<b>',
  '\u0000',
  'x'.repeat(3000),
] as const;

const mark = (i: number): string => `\u0001raw ${i}\u0001`;

type Path = readonly (string | number)[];

/** Every place in a value, the value itself first. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, each]) =>
    placesIn(each, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return [path, ...inner];
}

/** A copy with what is at `path` replaced by what `change` gives; undefined takes it away. */
function changed(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...value.map((each: unknown) => each)]
    : { ...asObject(value) };
  const inner: unknown = Reflect.get(copy, step);
  const now = changed(inner, rest, change);
  if (now === undefined) Reflect.deleteProperty(copy, step);
  else
    Object.defineProperty(copy, step, { value: now, enumerable: true, configurable: true, writable: true });
  return copy;
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

/** The JSON of a value with one thing in it wrong, or the JSON itself broken. */
export function mutated(values: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const spoilt = fc.oneof(
    { weight: 3, arbitrary: fc.nat(RAW.length - 1).map((i) => () => mark(i)) },
    { weight: 4, arbitrary: fc.constantFrom(...PLAIN).map((bad) => () => bad) },
    { weight: 2, arbitrary: fc.constant(() => undefined) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...NAMES).map((name) => (old: unknown) => {
        const wider = { ...asObject(old) };
        Object.defineProperty(wider, name, { value: 'more', enumerable: true, configurable: true });
        return wider;
      }),
    },
    { weight: 1, arbitrary: fc.constant((old: unknown) => [old]) },
    { weight: 1, arbitrary: fc.constant((old: unknown) => ({ value: old })) },
  );
  const text = fc.tuple(values, fc.nat(), spoilt).map(([value, at, spoil]) => {
    const places = placesIn(value);
    return textOf(changed(value, places[at % places.length] ?? [], spoil) ?? null);
  });
  return fc.oneof(
    { weight: 8, arbitrary: text },
    {
      weight: 1,
      arbitrary: fc.tuple(text, fc.nat()).map(([json, at]) => json.slice(0, at % (json.length + 1))),
    },
    { weight: 1, arbitrary: fc.tuple(text, fc.string()).map(([json, more]) => json + more) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
}

function textOf(value: unknown): string {
  return RAW.reduce(
    (json, raw, i) => json.replaceAll(JSON.stringify(mark(i)), () => raw),
    JSON.stringify(value),
  );
}
