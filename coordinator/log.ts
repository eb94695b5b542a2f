/**
 * The coordinator's log: JSON lines on stderr, or one readable line each where stderr is a terminal. stdout
 * is left to the results of commands. The only home of pino.
 */
import { pino } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** What the rest of the coordinator knows of logging. An Error belongs in the field `err`. */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  fatal(fields: Fields, message: string): void;
}

/** Where lines go. Writing must be synchronous: the line of a crash has to be out before the process is. */
export interface LogSink {
  write(line: string): void;
}

/**
 * @param part which program of several that share a terminal: coordinator, worker
 * @param pretty one readable line instead of JSON; by default where stderr is a terminal
 * @param sink by default stderr
 */
export function createLog(
  level: LogLevel,
  options: { readonly part?: string; readonly pretty?: boolean; readonly sink?: LogSink } = {},
): Log {
  const sink = options.sink ?? pino.destination({ fd: 2, sync: true });
  const pretty = options.pretty ?? (options.sink === undefined && process.stderr.isTTY);
  return pino(
    {
      level,
      base: { part: options.part ?? 'coordinator' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err },
    },
    pretty ? { write: (line: string) => sink.write(readable(line)) } : sink,
  );
}

/** `12:00:00 warn  message  key=value …`, from pino's JSON line. Multi-line values stay on one line. */
export function readable(line: string): string {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null) return line;
  const record = new Map<string, unknown>(Object.entries(parsed));
  const text = (key: string): string => {
    const value = record.get(key);
    return typeof value === 'string' ? value : '';
  };
  const fields = [...record]
    .filter(([key]) => !LINE_KEYS.has(key))
    .map(([key, value]) => `  ${key}=${plain(value)}`);
  return `${text('time').slice(11, 19)} ${text('level').padEnd(5)} ${text('msg')}${fields.join('')}\n`;
}

const LINE_KEYS: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'part']);

function plain(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=\p{C}]+$/u.test(value) ? value : quoted(value);
  if (typeof value === 'object' && value !== null && 'stack' in value) return quoted(value.stack);
  return quoted(value);
}

/** JSON leaves alone what steers a terminal: C1 controls, and those that turn the direction of writing. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\p{C}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
