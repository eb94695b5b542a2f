/** What one option is, and how the command line and the environment are read into options. */

/** Wrong usage: `message` names the flag or variable, what is wrong and what to enter. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface Option<T> {
  /** Without dashes: `coordinator-port`. */
  readonly flag: string;
  /** Taken from the environment alone, and never shown: what is typed can be read in the list of processes. */
  readonly secret?: true;
  /** Environment variable that is read when the flag is not given; an empty one counts as not set. */
  readonly env?: string;
  /** What stands for the value in help texts; a switch has none. */
  readonly value?: string;
  readonly help: string;
  /** The default as help shows it. */
  readonly shown?: string;
  readonly fallback: T;
  /** @throws Error whose message is what is expected: `a whole number from 1 to 5` */
  readonly parse: (text: string) => T;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags as typed, by name; a switch has the text `true`. */
export type Flags = ReadonlyMap<string, string>;

export interface Arguments {
  readonly flags: Flags;
  readonly positionals: readonly string[];
}

/**
 * Splits arguments into flags (`--name value`, `--name=value`, `--switch`) and the rest. `--` ends the flags.
 * @throws UsageError for an unknown flag, a missing value or a repeated flag
 */
export function parseArguments(args: readonly string[], options: readonly Option<unknown>[]): Arguments {
  const byFlag = new Map(
    options.filter(({ secret }) => secret !== true).map((option) => [option.flag, option]),
  );
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  const rest = args.values();
  for (const arg of rest) {
    if (arg === '--') {
      positionals.push(...rest);
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      positionals.push(arg);
      continue;
    }
    const [, name = '', inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const option = byFlag.get(name === 'h' ? 'help' : name);
    if (option === undefined || (!arg.startsWith('--') && name !== 'h')) {
      throw new UsageError(
        `there is no option ${arg.split('=')[0] ?? arg}${suggestion(name, byFlag.keys())}`,
      );
    }
    if (flags.has(option.flag)) throw new UsageError(`--${option.flag} is given twice: give it once`);
    flags.set(option.flag, inline ?? (option.value === undefined ? 'true' : next(rest, option)));
  }
  return { flags, positionals };
}

function next(rest: Iterator<string>, option: Option<unknown>): string {
  const result = rest.next();
  const value: unknown = result.value;
  if (result.done === true || typeof value !== 'string' || /^--[a-z]/.test(value)) {
    throw new UsageError(`--${option.flag} needs a value: --${option.flag} ${option.value ?? ''}`);
  }
  return value;
}

/** `; did you mean --start?` for a slip of at most two letters. */
export function suggestion(typed: string, known: Iterable<string>, prefix = '--'): string {
  let best: string | undefined;
  let least = 3;
  for (const name of known) {
    const distance = name.startsWith(typed) && typed.length >= 3 ? 1 : editDistance(typed, name);
    if (distance < least && distance < name.length) {
      best = name;
      least = distance;
    }
  }
  return best === undefined ? '' : `; did you mean ${prefix}${best}?`;
}

/** Levenshtein's, by rows. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}

/** Options of one call: a flag wins over the environment, that over the default. */
export class Settings {
  readonly #flags: Flags;
  readonly environment: Environment;

  constructor(flags: Flags, environment: Environment) {
    this.#flags = flags;
    this.environment = environment;
  }

  /** @throws UsageError that names the flag or the variable */
  get<T>(option: Option<T>): T {
    const flag = this.#flags.get(option.flag);
    if (flag !== undefined) return read(option, flag, `--${option.flag}`);
    const variable = option.env === undefined ? undefined : this.environment[option.env];
    if (option.env === undefined || variable === undefined || variable === '') return option.fallback;
    return read(option, variable, option.env);
  }

  /** The text that was given, unread: to hand it on to another process. */
  text(option: Option<unknown>): string | undefined {
    const variable = option.env === undefined ? undefined : this.environment[option.env];
    return this.#flags.get(option.flag) ?? (variable === '' ? undefined : variable);
  }
}

function read<T>(option: Option<T>, text: string, source: string): T {
  try {
    return option.parse(text);
  } catch (error) {
    const expected = error instanceof Error ? error.message : String(error);
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
    const what = option.secret === true ? source : `${source}=${JSON.stringify(shown)}`;
    throw new UsageError(`${what} is not usable: expected ${expected}`);
  }
}

const COLUMN = 34;

/** One line of help: `  --flag VALUE   what it is (VARIABLE; default)`. */
export function helpLine(option: Option<unknown>): string {
  const value = option.value === undefined ? '' : ` ${option.value}`;
  const left =
    option.secret === true ? `  ${option.env ?? ''}=${option.value ?? ''}` : `  --${option.flag}${value}`;
  const notes = [
    option.secret === true ? 'environment only' : option.env,
    option.shown === undefined ? undefined : `default ${option.shown}`,
  ]
    .filter((note) => note !== undefined)
    .join('; ');
  const right = notes === '' ? option.help : `${option.help} [${notes}]`;
  return left.length < COLUMN - 1
    ? `${left.padEnd(COLUMN)}${right}`
    : `${left}\n${' '.repeat(COLUMN)}${right}`;
}
