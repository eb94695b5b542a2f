/** The people: they submit jobs, look at them, pause, resume and cancel them, and try again when nobody answers. */
import { submitBody } from '../../protocol/http.ts';
import type { JobStatus } from '../../protocol/http.ts';
import { ClusterError } from '../../protocol/errors.ts';
import type { Actor, Cluster } from '../../coordinator/cluster.ts';
import type { Chance } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import type { CoordinatorHost } from './coordinator-host.ts';
import type { Profile } from './faults.ts';
import { templates } from './jobs.ts';
import type { Template } from './jobs.ts';
import type { Ledger, Terms } from './ledger.ts';
import type { Trace } from './trace.ts';

/** A question that a dead coordinator never answers is given up after this time. */
const TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 15_000;

const USERS = ['ada', 'bob', null];

interface Plan {
  readonly template: Template;
  readonly key: string;
  readonly by: Actor;
  readonly terms: Terms;
  jobId: string | undefined;
  over: boolean;
  cancel: boolean;
}

class NoAnswer extends Error {}

const OVER: ReadonlySet<JobStatus['status']> = new Set(['completed', 'cancelled', 'failed']);

function personAndTerms(chance: Chance, profile: Profile): { by: Actor; terms: Terms } {
  const user = chance.pick(USERS);
  const by: Actor = { user, role: user === null ? 'admin' : 'submitter', keyId: null, address: null };
  // A job is some 50 s of one worker's work, and it fails after ten times what was expected.
  const expectedSeconds = chance.chance(profile.hurried) ? chance.between(1, 30) : undefined;
  const maxAttempts = chance.chance(profile.impatient) ? chance.whole(1, 3) : undefined;
  return { by, terms: { user, expectedSeconds, maxAttempts } };
}

function asked({ expectedSeconds, maxAttempts }: Terms) {
  return {
    ...(expectedSeconds === undefined ? {} : { expected_seconds: expectedSeconds }),
    ...(maxAttempts === undefined ? {} : { max_attempts: maxAttempts }),
  };
}

export class Operator {
  readonly #clock: VirtualClock;
  readonly #chance: Chance;
  readonly #coordinator: CoordinatorHost;
  readonly #ledger: Ledger;
  readonly #trace: Trace;
  readonly #pauses: boolean;
  readonly #plans: readonly Plan[];
  #healed = false;

  constructor(parts: {
    readonly clock: VirtualClock;
    readonly chance: Chance;
    readonly coordinator: CoordinatorHost;
    readonly ledger: Ledger;
    readonly trace: Trace;
    readonly profile: Profile;
  }) {
    const { clock, chance, coordinator, ledger, trace, profile } = parts;
    this.#clock = clock;
    this.#chance = chance;
    this.#coordinator = coordinator;
    this.#ledger = ledger;
    this.#trace = trace;
    this.#pauses = profile.pauses;
    this.#plans = Array.from({ length: profile.jobs }, (_, index) => ({
      ...personAndTerms(chance, profile),
      template: chance.pick(templates),
      key: `plan-${index}`,
      jobId: undefined,
      over: false,
      cancel: chance.chance(profile.cancelled),
    }));
  }

  get allOver(): boolean {
    return this.#plans.every((plan) => plan.over);
  }

  get unfinished(): string {
    const left = this.#plans.filter((plan) => !plan.over);
    return left.map(({ jobId, template }) => `${jobId ?? 'not submitted'} (${template.name})`).join(', ');
  }

  get unfinishedIds(): readonly string[] {
    return this.#plans.flatMap(({ over, jobId }) => (over || jobId === undefined ? [] : [jobId]));
  }

  start(): void {
    for (const plan of this.#plans) {
      this.#clock.setTimer(this.#chance.exponential(30_000), () => void this.#follow(plan));
    }
  }

  /** Paused jobs are resumed; nobody meddles any more. */
  heal(): void {
    this.#healed = true;
  }

  async #follow(plan: Plan): Promise<void> {
    const jobId = await this.#submit(plan);
    const deadline = this.#clock.now() + this.#chance.exponential(120_000);
    while (!plan.over && this.#ledger.violations.length === 0) {
      await this.#clock.sleep(this.#chance.between(0.1, 1) * LOOK_EVERY_MS);
      try {
        const status = await this.#look(jobId);
        if (plan.cancel && this.#clock.now() > deadline) await this.#cancel(plan, jobId);
        else if (status.status === 'paused' && (this.#healed || this.#chance.chance(0.2))) {
          await this.#ask((cluster) => cluster.resume(jobId, plan.by));
        } else if (!this.#healed && this.#pauses && this.#chance.chance(0.1)) {
          await this.#ask((cluster) => cluster.pause(jobId, plan.by));
        }
        if (OVER.has(status.status)) await this.#last(plan, jobId);
      } catch (error) {
        this.#excuse(error);
      }
    }
  }

  /** The same key until somebody answers, and now and then once more: it must stay one job. */
  async #submit(plan: Plan): Promise<string> {
    const { template, key, by, terms } = plan;
    const priority = this.#chance.pick(['low', 'normal', 'high'] as const);
    const body = submitBody.parse({
      type: template.type,
      parameters: template.body,
      priority,
      ...asked(terms),
    });
    for (;;) {
      try {
        const reply = await this.#ask((cluster) => cluster.submit(body, { by, idempotencyKey: key }));
        if (plan.jobId !== undefined && plan.jobId !== reply.job_id) {
          this.#ledger.violation(`the same submit made two jobs: ${plan.jobId} and ${reply.job_id}`);
        }
        plan.jobId = reply.job_id;
        this.#ledger.track(reply.job_id, template, terms);
        this.#trace.add(`submitted ${reply.job_id}: ${template.name}, ${priority}`);
        if (this.#chance.chance(0.8)) return reply.job_id;
      } catch (error) {
        this.#excuse(error);
      }
      await this.#clock.sleep(this.#chance.between(100, 5000));
    }
  }

  async #look(jobId: string): Promise<JobStatus> {
    const before = this.#ledger.jobs.get(jobId)?.covered.total ?? 0n;
    const status = await this.#ask((cluster) => cluster.status(jobId));
    this.#ledger.toldStatus(status, before);
    if (this.#chance.chance(0.2)) {
      const ranges = this.#ledger.jobs.get(jobId)?.covered.toArray() ?? [];
      this.#ledger.toldResults(await this.#ask((cluster) => cluster.results(jobId)), ranges);
    }
    if (this.#chance.chance(0.05)) await this.#ask((cluster) => cluster.coverage(jobId));
    return status;
  }

  async #cancel(plan: Plan, jobId: string): Promise<void> {
    try {
      const status = await this.#ask((cluster) => cluster.cancel(jobId, plan.by));
      const job = this.#ledger.jobs.get(jobId);
      if (job !== undefined) job.cancelled = status.status === 'cancelled';
      this.#trace.add(`cancelled ${jobId}`);
      plan.cancel = false;
    } catch (error) {
      // It was completed before.
      if (error instanceof ClusterError && error.code === 'state_conflict') plan.cancel = false;
      else throw error;
    }
  }

  async #last(plan: Plan, jobId: string): Promise<void> {
    if (!this.#healed) return;
    const status = await this.#ask((cluster) => cluster.status(jobId));
    const results = await this.#ask((cluster) => cluster.results(jobId));
    this.#ledger.final(status, results);
    this.#trace.add(`${jobId} is over: ${status.status}`);
    plan.over = true;
  }

  /** @throws NoAnswer if the coordinator is down or dies before it answers */
  #ask<T>(question: (cluster: Cluster) => Promise<T>): Promise<T> {
    const cluster = this.#coordinator.cluster;
    if (cluster === undefined) return Promise.reject(new NoAnswer());
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(TIMEOUT_MS, () => reject(new NoAnswer()));
      question(cluster).then(resolve, reject).finally(cancel);
    });
  }

  #excuse(error: unknown): void {
    if (error instanceof NoAnswer) return;
    if (error instanceof ClusterError) {
      switch (error.code) {
        case 'store_unavailable':
        case 'not_ready':
        case 'state_conflict':
          return;
        default:
          this.#ledger.violation(`an operator was answered ${error.code}: ${error.message}`);
          return;
      }
    }
    this.#ledger.violation(
      `an operator's question failed: ${error instanceof Error ? error.stack : String(error)}`,
    );
  }
}
