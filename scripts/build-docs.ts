/**
 * Writes the message tables of docs/protocol.md from the schemas, and the truth table of docs/access.md from the rule
 * that decides. A test fails when they are out of date.
 *
 *     node scripts/build-docs.ts
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { CASES, DOORS, verdict } from '../protocol/access-table.ts';
import { ERROR_CODES, ERROR_KINDS } from '../protocol/errors.ts';
import { NOTICES, REQUESTS, hello, lease, wireError } from '../protocol/messages.ts';
import { PROTOCOL_HISTORY } from '../protocol/version.ts';
import { schemaOf } from '../protocol/openapi.ts';

export const PROTOCOL_PAGE = fileURLToPath(new URL('../docs/protocol.md', import.meta.url));

type Json = Readonly<Record<string, unknown>>;
type Schema = Parameters<typeof schemaOf>[0];

export const ACCESS_PAGE = fileURLToPath(new URL('../docs/access.md', import.meta.url));

/** Every page with generated parts, as it should be. */
export async function generatedPages(): Promise<
  readonly { readonly path: string; readonly now: string; readonly due: string }[]
> {
  const pages = [
    { path: PROTOCOL_PAGE, parts: protocolParts() },
    { path: ACCESS_PAGE, parts: { doors: accessTable() } },
  ];
  return Promise.all(
    pages.map(async ({ path, parts }) => {
      const now = await readFile(path, 'utf8');
      return { path, now, due: await withParts(path, now, parts) };
    }),
  );
}

/** One row for each door, one column for each kind of caller. */
function accessTable(): string {
  const cell = (code: string | null) => (code === null ? 'yes' : `\`${code}\``);
  return table(
    ['door', 'needs', ...CASES.map(({ name }) => name)],
    DOORS.map((door) => [`\`${door.name}\``, door.need, ...CASES.map((each) => cell(verdict(door, each)))]),
  );
}

function protocolParts(): Readonly<Record<string, string>> {
  return {
    hello: fields(hello),
    requests: requests(),
    lease: fields(lease),
    notices: notices(),
    'wire-error': fields(wireError),
    errors: errorTable(),
    history: history(),
  };
}

/** The page with every generated part written anew, formatted as the project's other pages are. */
async function withParts(
  path: string,
  page: string,
  parts: Readonly<Record<string, string>>,
): Promise<string> {
  let text = page;
  for (const [name, part] of Object.entries(parts)) text = replacePart(text, name, part);
  return format(text, { ...(await resolveConfig(path)), parser: 'markdown' });
}

function replacePart(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`a page has no place for ${name}: add ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${part}\n\n${page.slice(to)}`;
}

function requests(): string {
  return Object.entries(REQUESTS)
    .map(([name, { request, reply }]) =>
      [`### \`${name}\``, fields(request), 'Reply:', fields(reply)].join('\n\n'),
    )
    .join('\n\n');
}

function notices(): string {
  return Object.entries(NOTICES)
    .map(([name, schema]) => [`### \`${name}\``, fields(schema)].join('\n\n'))
    .join('\n\n');
}

function fields(schema: Schema): string {
  const rows = rowsOf(schemaOf(schema, 'input'), '');
  return rows.length === 0 ? 'Empty.' : table(['field', 'type', 'meaning'], rows);
}

function errorTable(): string {
  const rows = ERROR_CODES.map((code) => {
    const { status, retry } = ERROR_KINDS[code];
    return [`\`${code}\``, String(status), retry ? 'yes, later' : 'no'];
  });
  return table(['code', 'HTTP status', 'send again unchanged'], rows);
}

function history(): string {
  return table(
    ['version', 'date', 'change'],
    PROTOCOL_HISTORY.map(({ version, date, change }) => [String(version), date, change]),
  );
}

function rowsOf(schema: Json, prefix: string): string[][] {
  return Object.entries(objectAt(schema, 'properties')).flatMap(([name, value]) => {
    const field = objectAt({ value }, 'value');
    const items = objectAt(field, 'items');
    const isList = Object.keys(items).length > 0;
    const description = field['description'];
    return [
      [`\`${prefix}${name}\``, typeOf(field), typeof description === 'string' ? description : ''],
      ...rowsOf(isList ? items : field, `${prefix}${name}${isList ? '[]' : ''}.`),
    ];
  });
}

/** In words, with the bounds that a sender must keep. */
function typeOf(field: Json): string {
  const variants = field['anyOf'];
  if (Array.isArray(variants)) {
    return variants.map((variant: unknown) => typeOf(objectAt({ variant }, 'variant'))).join(' or ');
  }
  const { enum: values, type, maxLength, maxItems, minimum, maximum, pattern } = field;
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(', ');
  switch (type) {
    case 'string':
      if (field['format'] === 'date-time') return 'time, ISO 8601';
      if (pattern === '^(0|[1-9][0-9]*)$') return 'decimal string';
      if (typeof pattern === 'string') return `text like \`${pattern.replaceAll('|', '\\|')}\``;
      return typeof maxLength === 'number' ? `text (at most ${maxLength} characters)` : 'text';
    case 'array': {
      const most = typeof maxItems === 'number' ? ` (at most ${maxItems})` : '';
      const of = typeOf(objectAt(field, 'items'));
      return `list${most}${of === 'object' ? '' : ` of ${of}`}`;
    }
    case 'integer':
    case 'number': {
      const word = type === 'integer' ? 'whole number' : 'number';
      const bounded = typeof minimum === 'number' && typeof maximum === 'number' && maximum < 2 ** 53 - 1;
      return bounded ? `${word}, ${minimum} … ${maximum}` : word;
    }
    case 'boolean':
      return '`true` or `false`';
    case 'null':
      return '`null`';
    case 'object':
      return 'object';
    default:
      return 'any JSON';
  }
}

function objectAt(parent: Json, key: string): Json {
  const value = parent[key];
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

if (import.meta.main) {
  for (const { path, due } of await generatedPages()) await writeFile(path, due);
}
