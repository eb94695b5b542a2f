/** The part of Prometheus' HTTP API that the report asks. Every reply is read by a schema. */
import { z } from 'zod';
import { UnreachableError } from '../api-client.ts';
import { CommandError } from '../command-error.ts';

/** Prometheus gives up a question after two minutes by default, and says so. */
const TIMEOUT_MS = 150_000;

/** Time in Unix seconds, and the value as text: `NaN`, `+Inf`. */
const point = z.tuple([z.number(), z.string()]);
const labels = z.record(z.string(), z.string());

const vectorReply = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('vector'),
    result: z.array(z.object({ metric: labels, value: point })),
  }),
});
const alertsReply = z.object({
  status: z.literal('success'),
  data: z.object({
    alerts: z.array(
      z.object({
        labels,
        annotations: labels,
        state: z.enum(['pending', 'firing', 'inactive']),
        activeAt: z.string().optional(),
      }),
    ),
  }),
});
const refusal = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() });

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Never NaN: such samples are left out. */
  readonly value: number;
}

export type Alert = z.infer<typeof alertsReply>['data']['alerts'][number];

export class Prometheus {
  readonly url: string;

  /** @param url without a slash at its end */
  constructor(url: string) {
    this.url = url;
  }

  /**
   * The series that an expression gives at a moment.
   * @throws UnreachableError; CommandError if Prometheus refuses the expression
   */
  async query(expression: string, at: Date): Promise<readonly Sample[]> {
    const body = new URLSearchParams({ query: expression, time: String(at.getTime() / 1000) });
    const { data } = await this.#ask(vectorReply, '/api/v1/query', { method: 'POST', body });
    return data.result
      .map(({ metric, value: [, text] }) => ({ labels: metric, value: numberOf(text) }))
      .filter(({ value }) => !Number.isNaN(value));
  }

  /** @throws UnreachableError */
  async alerts(): Promise<readonly Alert[]> {
    return (await this.#ask(alertsReply, '/api/v1/alerts')).data.alerts;
  }

  async #ask<T extends z.ZodType>(schema: T, path: string, init: RequestInit = {}): Promise<z.output<T>> {
    let text: string;
    try {
      const response = await fetch(`${this.url}${path}`, {
        ...init,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UnreachableError(
        `Prometheus at ${this.url} cannot be reached (${why}): start it, or name it by --prometheus or PROMETHEUS_URL`,
        error,
      );
    }
    const reply = jsonOf(text);
    const parsed = schema.safeParse(reply);
    if (parsed.success) return parsed.data;
    const refused = refusal.safeParse(reply);
    if (refused.success) throw new CommandError(`Prometheus at ${this.url} refused: ${refused.data.error}`);
    throw new UnreachableError(
      `what answers at ${this.url} is no Prometheus: name it by --prometheus or PROMETHEUS_URL`,
    );
  }
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
