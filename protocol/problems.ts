/** What is wrong with a message or body, in words, from the schema that refused it. */
import type { z } from 'zod';
import { ClusterError } from './errors.ts';
import type { FieldProblem } from './errors.ts';
import type { ErrorBody } from './http.ts';
import type { WireError } from './messages.ts';

/** An answer to a hostile body must not be larger than the body: more problems than this are only counted. */
const MAX_PROBLEMS = 32;
const MAX_NAME_CHARACTERS = 64;

/**
 * One line per wrong field, in the order of the schema.
 * @param prefix path of the value within the request: `['parameters']`
 */
export function fieldProblems(error: z.ZodError, prefix: readonly PropertyKey[] = []): FieldProblem[] {
  const problems = error.issues.flatMap((issue) => problemsOf(issue, prefix));
  if (problems.length <= MAX_PROBLEMS) return problems;
  const more = problems.length - MAX_PROBLEMS;
  return [...problems.slice(0, MAX_PROBLEMS), { path: '', message: `${more} more problems are not listed` }];
}

function problemsOf(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FieldProblem[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: dotted([...path, key]), message: 'unknown field: remove it' }));
  }
  return [{ path: dotted(path), message: wording(issue) }];
}

/** A schema's own words stand; only zod's stock phrases are put into plainer ones. */
function wording(issue: z.core.$ZodIssue): string {
  if (!/^(?:Invalid (?:input|option)|Too (?:small|big)): /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type': {
      const missing = issue.message.endsWith('received undefined') ? 'missing: ' : '';
      return `${missing}expected ${TYPE_NAMES.get(issue.expected) ?? issue.expected}`;
    }
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `expected ${quantity('at least', issue.minimum, issue.origin)}`;
    case 'too_big':
      return `expected ${quantity('at most', issue.maximum, issue.origin)}`;
    default:
      return issue.message.replace(/^Invalid input: /, '');
  }
}

const TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a JSON object'],
  ['record', 'a JSON object'],
]);

function quantity(bound: string, amount: number | bigint, origin: string): string {
  switch (origin) {
    case 'string':
      return `${bound} ${amount} character${amount === 1 ? '' : 's'}`;
    case 'array':
      return `${bound} ${amount} entr${amount === 1 ? 'y' : 'ies'}`;
    default:
      return `a number of ${bound} ${amount}`;
  }
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map((part) => shortened(String(part))).join('.');
}

/** A stranger chose the name of an unknown field. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_CHARACTERS ? name : `${name.slice(0, MAX_NAME_CHARACTERS)}…`;
}

/** What is wrong with a value; empty if the schema takes it. */
export function problemsWith(
  schema: z.ZodType,
  value: unknown,
  prefix: readonly PropertyKey[] = [],
): FieldProblem[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : fieldProblems(parsed.error, prefix);
}

/** `parameters.start: expected …; name: …`, for where only a line of text can be shown. */
export function summary(problems: readonly FieldProblem[]): string {
  return problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}

/** @throws ClusterError invalid_request that names every wrong field */
export function refuse(problems: readonly FieldProblem[]): never {
  throw new ClusterError('invalid_request', summary(problems), { fields: problems });
}

/** @throws ClusterError invalid_request that names every wrong field */
export function parseOrRefuse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  return refuse(fieldProblems(parsed.error));
}

/** The error as it crosses HTTP. */
export function errorBodyOf(error: ClusterError): ErrorBody {
  const { code, message, fields } = error;
  return {
    error: {
      code,
      message,
      details: fields.length === 0 ? null : { fields: fields.map((field) => ({ ...field })) },
    },
  };
}

/** The error as it crosses a socket. */
export function wireErrorOf(error: ClusterError): WireError {
  return { code: error.code, message: error.message, retry: error.retry };
}
