/** The parameters of a collatz job: two spellings on the way in, one form inside. */
import { z } from 'zod';
import { decimalInput } from '../../protocol/decimal.ts';

/** Past the largest number that may be asked for. */
export const MAX_END = 1n << 96n;

export type Mode = 'statistics' | 'verify';

export interface CollatzParameters {
  readonly start: bigint;
  readonly end: bigint;
  readonly mode: Mode;
  readonly batchHint: bigint | undefined;
}

const batchMessage = `expected a whole number from 1 to ${Number.MAX_SAFE_INTEGER} (2^53 - 1)`;

const written = z.strictObject({
  start: decimalInput(1n, MAX_END - 1n).optional(),
  end: decimalInput(2n, MAX_END).optional(),
  start_number: decimalInput(1n, MAX_END - 1n).optional(),
  number_count: decimalInput(1n, MAX_END).optional(),
  mode: z.enum(['statistics', 'verify'], { error: 'expected "statistics" or "verify"' }).optional(),
  batch_size: z.int({ error: batchMessage }).min(1, { error: batchMessage }).optional(),
});

/** Accepts `start` + `end` or `start_number` + `number_count`; 1 ≤ start < end ≤ 2^96. */
export const parametersSchema: z.ZodType<CollatzParameters> = written.transform((body, context) => {
  const problem = (field: string, message: string) => {
    context.issues.push({ code: 'custom', path: [field], message, input: body });
    return z.NEVER;
  };
  const older = body.start_number !== undefined || body.number_count !== undefined;
  const newer = body.start !== undefined || body.end !== undefined;
  if (older && newer) {
    return problem(
      body.start_number !== undefined ? 'start_number' : 'number_count',
      'give either start and end, or start_number and number_count, not both',
    );
  }
  const [startField, endField] = older ? ['start_number', 'number_count'] : ['start', 'end'];
  const start = older ? body.start_number : body.start;
  if (start === undefined) return problem(startField ?? '', 'missing: the first number of the range');
  let end: bigint;
  if (older) {
    if (body.number_count === undefined) return problem('number_count', 'missing: how many numbers');
    end = start + body.number_count;
    if (end > MAX_END)
      return problem('number_count', 'the range must end at 2^96 or before: lower number_count');
  } else {
    if (body.end === undefined) return problem('end', 'missing: the number after the last of the range');
    end = body.end;
  }
  if (end <= start) {
    return problem(
      endField ?? '',
      `the range is empty: end must be greater than start (${start}); it is exclusive`,
    );
  }
  return {
    start,
    end,
    mode: body.mode ?? 'statistics',
    batchHint: body.batch_size === undefined ? undefined : BigInt(body.batch_size),
  };
});

/** The canonical JSON form; `parametersSchema` reads it back. */
export function encodeParameters(p: CollatzParameters): Record<string, string | number> {
  return {
    start: p.start.toString(),
    end: p.end.toString(),
    mode: p.mode,
    ...(p.batchHint === undefined ? {} : { batch_size: Number(p.batchHint) }),
  };
}
