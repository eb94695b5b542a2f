/** Finds the command, reads its options, runs it, and turns what goes wrong into one line and an exit code. */
import manifest from '../package.json' with { type: 'json' };
import { RefusedError, UnreachableError } from './api-client.ts';
import {
  allOptions,
  checkPositionals,
  commandHelp,
  CommandError,
  EXIT,
  printJson,
  wantsJson,
  type Command,
  type Context,
  type ExitCode,
  type Output,
} from './command.ts';
import { HELP, NODE_TYPE, environment, selfName } from './options.ts';
import { parseArguments, Settings, suggestion, UsageError, type Environment } from './option.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loaded only when it is called: the coordinator's libraries take longer to load than a status request. */
  readonly load: (first: string | undefined) => Promise<Command>;
  /** The word behind it says which command it is: `submit collatz`. */
  readonly takesAction?: true;
}

const COMMANDS: readonly Entry[] = [
  {
    name: 'up',
    summary: 'a coordinator and this machine’s workers',
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    name: 'coordinator',
    summary: 'a coordinator alone',
    load: async () => (await import('./commands/services.ts')).coordinator,
  },
  {
    name: 'worker',
    summary: 'workers for a coordinator elsewhere',
    load: async () => (await import('./commands/services.ts')).worker,
  },
  {
    name: 'submit',
    summary: 'submit collatz|thread: a job',
    load: async (first) => (await import('./commands/submit.ts')).submitCommand(first),
    takesAction: true,
  },
  {
    name: 'status',
    summary: 'a job’s state, or the cluster’s',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'results',
    summary: 'a job’s result, or what is known so far',
    load: async () => (await import('./commands/status.ts')).results,
  },
  { name: 'cancel', summary: 'end a job', load: async () => (await import('./commands/status.ts')).cancel },
  {
    name: 'pause',
    summary: 'let a job rest',
    load: async () => (await import('./commands/status.ts')).pause,
  },
  {
    name: 'resume',
    summary: 'let a paused job go on',
    load: async () => (await import('./commands/status.ts')).resume,
  },
  { name: 'jobs', summary: 'all jobs', load: async () => (await import('./commands/lists.ts')).jobs },
  { name: 'nodes', summary: 'all workers', load: async () => (await import('./commands/lists.ts')).nodes },
  {
    name: 'token',
    summary: 'token create|list|revoke: keys',
    load: async (first) => (await import('./commands/token.ts')).tokenCommand(first),
    takesAction: true,
  },
  { name: 'audit', summary: 'who did what', load: async () => (await import('./commands/audit.ts')).audit },
  {
    name: 'report',
    summary: 'what the cluster did over some time, and advice',
    load: async () => (await import('./commands/report.ts')).report,
  },
  {
    name: 'backup',
    summary: 'a copy of a coordinator’s store, running or not',
    load: async () => (await import('./commands/backup.ts')).backup,
  },
  {
    name: 'restore',
    summary: 'a backup, into an empty DATA_DIR',
    load: async () => (await import('./commands/backup.ts')).restore,
  },
  {
    name: 'move',
    summary: 'an embedded store, into PostgreSQL',
    load: async () => (await import('./commands/move.ts')).move,
  },
  {
    name: 'bench',
    summary: 'how fast this machine computes',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
  {
    name: 'load',
    summary: 'how much a coordinator can take',
    load: async () => (await import('./commands/load.ts')).load,
  },
  {
    name: 'doctor',
    summary: 'what this machine has and lacks',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'quickstart',
    summary: 'the whole way once: a cluster, a job, its result',
    load: async () => (await import('./commands/quickstart.ts')).quickstart,
  },
];

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment?: Environment;
}

/** Runs one command line; never rejects. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stdout, stderr } = surroundings;
  const variables = surroundings.environment ?? environment;
  const self = selfName(variables);
  const [first, ...rest] = args;
  let context: Context | undefined;
  try {
    if (first === 'help' && rest.length > 0) return await run([...rest, '--help'], surroundings);
    if (first === '--help' || first === '-h' || first === 'help') {
      stdout.write(`${overview(self)}\n`);
      return EXIT.done;
    }
    if (first === '--version' || first === '-v' || first === 'version') {
      stdout.write(`${manifest.version}\n`);
      return EXIT.done;
    }
    const [name, own] =
      first === undefined || first.startsWith('-') ? [role(variables), args] : [first, rest];
    if (name === undefined) {
      stderr.write(`${overview(self)}\n`);
      return EXIT.usage;
    }
    const entry = COMMANDS.find((command) => command.name === name);
    if (entry === undefined) {
      const names = COMMANDS.map((command) => command.name);
      throw new UsageError(
        `there is no command ${name}${suggestion(name, names, '')}. ${self} --help lists them`,
      );
    }
    const hasAction = entry.takesAction === true;
    const command = await entry.load(own[0]);
    const { flags, positionals } = parseArguments(hasAction ? own.slice(1) : own, allOptions(command));
    if (flags.has(HELP.flag) || (hasAction && /^(--help|-h)$/.test(own[0] ?? ''))) {
      stdout.write(`${commandHelp(command, self)}\n`);
      return EXIT.done;
    }
    checkPositionals(command, positionals, self);
    context = { settings: new Settings(flags, variables), positionals, stdout, stderr, self };
    return await command.run(context);
  } catch (error) {
    return explain(error, context, stderr);
  }
}

/** A bare `threads`, with flags or without, takes the role that NODE_TYPE names. */
function role(variables: Environment): string | undefined {
  return new Settings(new Map(), variables).get(NODE_TYPE);
}

function explain(error: unknown, context: Context | undefined, stderr: Output): ExitCode {
  if (error instanceof UsageError) {
    stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof UnreachableError) {
    stderr.write(`${error.message}\n`);
    return EXIT.unreachable;
  }
  if (error instanceof RefusedError) {
    if (context !== undefined && wantsJson(context)) printJson(context, JSON.stringify(error.body));
    const fields = error.body.error.details?.fields ?? [];
    const hint =
      error.code === 'key_needed' ? ['Here: set API_KEY, or name a file with the key by --key-file.'] : [];
    stderr.write(
      `${[error.message, ...hint, ...fields.map(({ path, message }) => `  ${path}: ${message}`)].join('\n')}\n`,
    );
    return EXIT.failed;
  }
  if (error instanceof CommandError) {
    stderr.write(`${error.message}\n`);
    return EXIT.failed;
  }
  // What is left is a defect of this program: the stack is what its report needs.
  stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}

function overview(self: string): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    `Usage: ${self} COMMAND [option…]`,
    '',
    'A compute cluster: exact results over ranges of work, from browsers, GPUs and CPUs.',
    '',
    ...lines,
    '',
    `${self} COMMAND --help lists a command’s options; many can be given as environment variables.`,
    'Without a command, NODE_TYPE=worker or NODE_TYPE=coordinator says what is started (for containers).',
    'Exit codes: 0 done; 1 the job failed or was cancelled, or something was refused or could not start;',
    '2 wrong usage; 3 the coordinator, or for report Prometheus, cannot be reached.',
  ].join('\n');
}

/** For tests and documentation. */
export const COMMAND_NAMES: readonly string[] = COMMANDS.map(({ name }) => name);
