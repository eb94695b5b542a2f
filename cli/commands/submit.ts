/** submit TYPE: a flag for each parameter of the workload, from the schema that the coordinator reads it by. */
import { workloads } from '../../shaders/registry.ts';
import type { SubmitBody } from '../../protocol/http.ts';
import { parameterFields, type ParameterField } from '../../protocol/parameter-fields.ts';
import { fieldProblems } from '../../protocol/problems.ts';
import type { Workload } from '../../protocol/workload.ts';
import {
  CLIENT_OPTIONS,
  apiClient,
  EXIT,
  jobOf,
  note,
  print,
  printJson,
  wantsJson,
  type Command,
  type Context,
  type ExitCode,
} from '../command.ts';
import { suggestion, UsageError, type Option } from '../option.ts';
import { parseNumber } from '../number.ts';
import * as options from '../options.ts';
import { resultText } from '../result-text.ts';
import { watchJob } from '../watch.ts';

const COMMON = [
  options.NAME,
  options.PRIORITY,
  options.GPU_PREFERRED,
  options.ON_NODE,
  options.REQUIRE_GPU,
  options.MIN_GPU_MEMORY_MB,
  options.REQUIRE_TAGS,
  options.EXPECTED_SECONDS,
  options.BATCH_ATTEMPTS,
  options.IDEMPOTENCY_KEY,
  options.WATCH,
  ...CLIENT_OPTIONS,
];

/** The command for one workload. @throws UsageError if there is no such workload */
export function submitCommand(type: string | undefined): Command {
  const workload = workloads.get(type ?? '');
  if (workload === undefined) {
    const known = [...workloads.keys()];
    if (type === undefined || type === '--help' || type === '-h') return submitOverview(known);
    throw new UsageError(
      `there is no workload ${type}: submit takes ${known.join(' or ')}${suggestion(type, known, '')}`,
    );
  }
  const fields = parameterFields(workload.parameters);
  const flags = new Map(fields.map((field) => [field.name, parameterOption(field)]));
  return {
    usage: `submit ${workload.type} [option…]`,
    about: `Submits a ${workload.type} job and prints its id.`,
    options: [...flags.values(), ...COMMON],
    takes: [0, 0],
    examples: EXAMPLES.get(workload.type) ?? [],
    run: (context) => submit(context, workload, flags),
  };
}

const EXAMPLES: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'collatz',
    [
      'submit collatz --start 1 --end 1e9 --watch',
      'submit collatz --start 2^68 --end 2^68+10^12 --mode verify --gpu-preferred',
    ],
  ],
  ['thread', ['submit thread --thread-count 20000 --max-depth 14 --max-children 3 --seed 42 --watch']],
]);

function submitOverview(known: readonly string[]): Command {
  return {
    usage: `submit ${known.join('|')} [option…]`,
    about: `Submits a job. \`submit ${known[0] ?? ''} --help\` lists that workload’s options.`,
    options: COMMON,
    takes: [0, 0],
    run: () => Promise.reject(new UsageError(`which workload? submit takes ${known.join(' or ')}`)),
  };
}

/** A parameter as a flag; undefined: left to the coordinator's default. */
function parameterOption(field: ParameterField): Option<string | number | undefined> {
  const flag = field.name.replaceAll('_', '-');
  const choices = field.choices.length === 0 ? field.description : `one of ${field.choices.join(', ')}`;
  return {
    flag,
    value: field.kind === 'text' ? 'TEXT' : 'N',
    help: choices,
    fallback: undefined,
    parse(text) {
      if (field.kind === 'text') return text;
      const value = parseNumber(typedNumber(text));
      if (field.kind === 'decimal') return String(value);
      // Beyond 2^53 it is out of every such parameter's range, which the schema says better.
      return Number(value);
    },
  };
}

/** parseNumber's message already says what is wrong with the text; this one is for an empty one. */
function typedNumber(text: string): string {
  if (text.trim() === '') throw new Error('a whole number, such as 1000000, 1e9 or 2^68+1');
  return text;
}

async function submit(
  context: Context,
  workload: Workload,
  flags: ReadonlyMap<string, Option<string | number | undefined>>,
): Promise<ExitCode> {
  const { settings } = context;
  const parameters: Record<string, string | number> = {};
  for (const [name, option] of flags) {
    const value = settings.get(option);
    if (value !== undefined) parameters[name] = value;
  }
  checkParameters(workload, parameters);

  const api = apiClient(context);
  const reply = await api.submit(
    body(context, workload.type, parameters),
    settings.get(options.IDEMPOTENCY_KEY),
  );
  const { job_id, status, queue_position } = reply.value;
  if (!settings.get(options.WATCH)) {
    if (wantsJson(context)) printJson(context, reply.json);
    else {
      print(context, job_id);
      const position = queue_position === null ? '' : `, number ${queue_position + 1} in the queue`;
      note(
        context,
        `Submitted (${status}${position}). Follow it with: ${context.self} status ${job_id} --watch`,
      );
    }
    return EXIT.done;
  }
  return watchAndPrint(context, job_id);
}

/** Follows the job, then prints its result. */
export async function watchAndPrint(context: Context, jobId = jobOf(context)): Promise<ExitCode> {
  const api = apiClient(context);
  const code = await watchJob(context, api, jobId);
  if (code === EXIT.interrupted) return code;
  const results = await api.results(jobId);
  if (wantsJson(context)) printJson(context, results.json);
  else print(context, resultText(results.value));
  return code;
}

/** Wrong parameters are wrong usage, found before anybody is asked. The coordinator checks them again. */
function checkParameters(workload: Workload, parameters: Record<string, unknown>): void {
  const checked = workload.parameters.safeParse(parameters);
  if (checked.success) return;
  const lines = fieldProblems(checked.error).map(({ path, message }) => {
    const name = path === '' ? '' : `--${path.replaceAll('_', '-')}: `;
    return `${name}${message}`;
  });
  throw new UsageError(lines.join('\n'));
}

function body({ settings }: Context, type: string, parameters: Record<string, unknown>): SubmitBody {
  const name = settings.get(options.NAME);
  const node_id = settings.get(options.ON_NODE);
  const min_gpu_memory_mb = settings.get(options.MIN_GPU_MEMORY_MB);
  const tags = settings.get(options.REQUIRE_TAGS);
  const expected_seconds = settings.get(options.EXPECTED_SECONDS);
  const max_attempts = settings.get(options.BATCH_ATTEMPTS);
  return {
    type,
    ...(name === undefined ? {} : { name }),
    priority: settings.get(options.PRIORITY),
    gpu_preferred: settings.get(options.GPU_PREFERRED),
    placement: {
      ...(node_id === undefined ? {} : { node_id }),
      ...(settings.get(options.REQUIRE_GPU) ? { require_gpu: true } : {}),
      ...(min_gpu_memory_mb === undefined ? {} : { min_gpu_memory_mb }),
      ...(tags.length === 0 ? {} : { tags: [...tags] }),
    },
    ...(expected_seconds === undefined ? {} : { expected_seconds }),
    ...(max_attempts === undefined ? {} : { max_attempts }),
    parameters,
  };
}
