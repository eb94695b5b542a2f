/** Reading a submit body: its own fields and its workload's parameters, all problems at once. */
import { z } from 'zod';
import type { FieldProblem } from './errors.ts';
import { submitBody } from './http.ts';
import type { SubmitBody } from './http.ts';
import { problemsWith } from './problems.ts';
import type { Workload } from './workload.ts';

const statedType = z.looseObject({ type: z.string() });
const statedParameters = z.looseObject({ parameters: z.record(z.string(), z.unknown()) });

export interface ReadSubmit {
  /** Undefined if the body has problems of its own; parameters are still as they were sent. */
  readonly body: SubmitBody | undefined;
  /** Every wrong field, `parameters.*` included. */
  readonly problems: readonly FieldProblem[];
}

/** @param workloads by type */
export function readSubmit(body: unknown, workloads: ReadonlyMap<string, Workload>): ReadSubmit {
  const parsed = submitBody.safeParse(body);
  const problems = problemsWith(submitBody, body);
  const type = statedType.safeParse(body).data?.type;
  if (type !== undefined) {
    const workload = workloads.get(type);
    const parameters = statedParameters.safeParse(body).data?.parameters;
    if (workload === undefined) {
      problems.push({ path: 'type', message: `expected one of ${[...workloads.keys()].join(', ')}` });
    } else if (parameters !== undefined) {
      problems.push(...problemsWith(workload.parameters, parameters, ['parameters']));
    }
  }
  return { body: parsed.data, problems };
}
