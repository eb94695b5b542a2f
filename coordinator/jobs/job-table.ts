/** The jobs in memory, and every change of a job's state: decided by transitions.ts, durable before it shows. */
import { createHash } from 'node:crypto';
import { ClusterError } from '../../protocol/errors.ts';
import type { FieldProblem } from '../../protocol/errors.ts';
import { DEFAULT_MAX_ATTEMPTS } from '../../protocol/http.ts';
import type { JobState, SubmitBody } from '../../protocol/http.ts';
import { fieldProblems } from '../../protocol/problems.ts';
import type { Range } from '../../protocol/range.ts';
import type { Workload } from '../../protocol/workload.ts';
import type { Actor } from '../cluster.ts';
import type { Change, JobCount, JobProgress, JobRecord, StoredJob, StoredJobError } from '../store/store.ts';
import { audited } from './audit.ts';
import type { Core } from './core.ts';
import { Job } from './job.ts';
import { JobIds } from './job-id.ts';
import { ranMs } from './running-time.ts';
import { isOver, nextState } from './transitions.ts';
import type { JobEvent } from './transitions.ts';
import { WaitingLimits } from './waiting-limits.ts';
import { WaitingLine } from './waiting-line.ts';
import type { Waker } from './waker.ts';

export interface Submitted {
  readonly jobId: string;
  /** The job is new; undefined: an earlier submit with the same key made it. */
  readonly job: Job | undefined;
}

/** A submit whose parameters were read. */
interface Order {
  readonly body: SubmitBody;
  readonly by: Actor;
  readonly workload: Workload;
  readonly p: unknown;
  readonly parameters: Record<string, string | number>;
}

export class JobTable {
  readonly line = new WaitingLine();
  /** Running jobs that said how long they should run. */
  readonly limited = new Set<Job>();
  readonly running = new Set<Job>();
  readonly #core: Core;
  readonly #waker: Waker;
  readonly #ids: JobIds;
  readonly #jobs = new Map<string, Job>();
  /** Jobs that were over when they went out of memory: a late bell must not count them once more. */
  readonly #over = new Set<string>();
  readonly #counts = new Map<string, Map<JobState, number>>();
  readonly #submits = new Map<string, Promise<Submitted>>();
  #nextSeq = 1;
  readonly #waiting: WaitingLimits;

  constructor(core: Core, waker: Waker, randomBytes: (length: number) => Uint8Array) {
    this.#core = core;
    this.#waker = waker;
    this.#ids = new JobIds(randomBytes);
    this.#waiting = new WaitingLimits(core.rules, this.line);
  }

  get counts(): ReadonlyMap<string, ReadonlyMap<JobState, number>> {
    return this.#counts;
  }

  get all(): Iterable<Job> {
    return this.#jobs.values();
  }

  get(jobId: string): Job | undefined {
    return this.#jobs.get(jobId);
  }

  /** At the start, before anything else. */
  load(jobs: readonly Job[], counts: readonly JobCount[], nextSeq: number): void {
    this.#nextSeq = nextSeq;
    this.adjust(counts);
    for (const job of jobs) {
      this.#jobs.set(job.id, job);
      if (job.state === 'pending') this.line.add(job);
      if (!isOver(job.state)) this.#core.queue.add(job);
      this.#limit(job);
    }
  }

  /** How many more of each type and state there are in `counts` than are counted here; what is equal is left out. */
  differences(counts: readonly JobCount[]): readonly JobCount[] {
    const differ: JobCount[] = counts.map(({ type, state, jobs }) => ({
      ...{ type, state },
      jobs: jobs - (this.#counts.get(type)?.get(state) ?? 0),
    }));
    for (const [type, states] of this.#counts) {
      for (const [state, jobs] of states) {
        const isCounted = counts.some((count) => count.type === type && count.state === state);
        if (!isCounted) differ.push({ type, state, jobs: -jobs });
      }
    }
    return differ.filter(({ jobs }) => jobs !== 0);
  }

  adjust(differences: readonly JobCount[]): void {
    for (const { type, state, jobs } of differences) this.#count(type, state, jobs);
  }

  /** A job of another coordinator that this one has not seen before it was over: counted once. */
  countOver({ record, progress }: StoredJob): void {
    if (this.#over.has(record.id)) return;
    this.#rememberOver(record.id);
    this.#nextSeq = Math.max(this.#nextSeq, record.seq + 1);
    this.#count(record.type, progress.state, 1);
  }

  /** They were over for long and are in the store no more. */
  forgotten(jobs: readonly JobCount[]): void {
    for (const { type, state, jobs: number } of jobs) this.#count(type, state, -number);
  }

  /** Counts the time that the job ran, durably. A failure is no harm: it is tried again. */
  writeDown(job: Job): void {
    void job
      .exclusive(() =>
        this.#change(job, () => {
          const now = this.#core.now();
          if (job.progress.runningSince === null) return undefined;
          const clock = { ranMs: ranMs(job.progress, now), runningSince: now };
          const progress = { ...job.progress, ...clock };
          const apply = () => {
            job.progress = { ...job.progress, ...clock };
          };
          return { changes: [{ kind: 'job_changed', jobId: job.id, progress }], apply };
        }),
      )
      .catch(() => undefined);
  }

  /** The row of a job as the store has it, after another coordinator has changed it. Call within `job.exclusive`. */
  async refresh(job: Job): Promise<void> {
    const stored = await this.#core.dependencies.store.findJob(job.id);
    if (stored === undefined || stored.revision <= job.revision) return;
    job.revision = stored.revision;
    job.cursor = stored.cursor;
    this.#enter(job, stored.progress);
    if (!isOver(job.state)) this.#core.queue.refresh(job);
  }

  /** A job that is over and counted, of which something is to be folded still. */
  addOver(job: Job): void {
    if (!this.#jobs.has(job.id)) this.#jobs.set(job.id, job);
  }

  /** A job that another coordinator has added. */
  add(job: Job): void {
    if (this.#jobs.has(job.id)) return;
    this.#nextSeq = Math.max(this.#nextSeq, job.seq + 1);
    this.#jobs.set(job.id, job);
    this.#count(job.record.type, job.state, 1);
    if (job.state === 'pending') this.line.add(job);
    if (!isOver(job.state)) this.#core.queue.add(job);
    this.#limit(job);
    this.#core.watchers.changed(job.id);
    this.#waker.wake(job);
  }

  /** Only when it is over and nothing of it can change any more. */
  evict(job: Job): void {
    this.#jobs.delete(job.id);
    this.#rememberOver(job.id);
  }

  #rememberOver(jobId: string): void {
    this.#over.add(jobId);
    if (this.#over.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#over) {
      this.#over.delete(oldest);
      return;
    }
  }

  /** @throws ClusterError invalid_request, limit_reached, idempotency_conflict, store_unavailable */
  async submit(body: SubmitBody, by: Actor, key: string | undefined): Promise<Submitted> {
    const order = this.#read(body, by);
    if (key === undefined) {
      const created = await this.#create(order, null);
      if (created !== undefined) return created;
      throw new ClusterError('internal', 'a submit without a key was refused as a repeated one');
    }
    const digest = bodyDigest(body, order.parameters);
    // The same key once more while the first is on its way: one after the other. Users' keys never meet.
    const line = JSON.stringify([by.user, key]);
    const before = this.#submits.get(line) ?? Promise.resolve();
    const submitted = before
      .catch(() => undefined)
      .then(async () => {
        const known = await this.#submittedBefore(by, key, digest);
        if (known !== undefined) return known;
        const created = await this.#create(order, { key, digest });
        // Undefined: at this very moment another coordinator was asked the same.
        const submitted = created ?? (await this.#submittedBefore(by, key, digest));
        if (submitted !== undefined) return submitted;
        throw new ClusterError(
          'store_unavailable',
          'the job with this Idempotency-Key has just gone: try again',
        );
      });
    this.#submits.set(line, submitted);
    try {
      return await submitted;
    } finally {
      if (this.#submits.get(line) === submitted) this.#submits.delete(line);
    }
  }

  /**
   * Claims the first or next segment; a pending job runs from then on. Call within `job.exclusive`.
   * @param next what to claim of the job as it is then; undefined: nothing any more
   */
  begin(job: Job, next: () => Range | undefined, apply: (range: Range) => void): Promise<boolean> {
    return this.#change(job, () => {
      const range = next();
      if (range === undefined) return undefined;
      const changes: Change[] = [{ kind: 'segment_claimed', jobId: job.id, range }];
      if (job.state === 'running') return { changes, apply: () => apply(range) };
      const progress = this.#after(job, 'leased');
      changes.push({ kind: 'job_changed', jobId: job.id, progress });
      const enter = () => {
        apply(range);
        this.#enter(job, progress);
      };
      return { changes, apply: enter };
    });
  }

  /**
   * Call within `job.exclusive`.
   * @param also further changes of the same transaction
   * @returns whether anything was written: not if the job was in that state already, by another coordinator's word
   * @throws ClusterError state_conflict, store_unavailable
   */
  transition(
    job: Job,
    event: JobEvent,
    options: { readonly also?: readonly Change[]; readonly error?: StoredJobError } = {},
  ): Promise<boolean> {
    return this.#change(job, () => {
      const progress = this.#after(job, event, options.error);
      if (progress.state === job.state) return undefined;
      const change: Change = { kind: 'job_changed', jobId: job.id, progress };
      return { changes: [...(options.also ?? []), change], apply: () => this.#enter(job, progress) };
    });
  }

  /**
   * Changes the job's row as it is now; if another coordinator has changed it meanwhile, as it is then.
   * @param plan called once for each try; undefined: nothing is to be changed any more
   * @returns whether anything was changed
   * @throws ClusterError store_unavailable
   */
  async #change(
    job: Job,
    plan: () => { readonly changes: readonly Change[]; readonly apply: () => void } | undefined,
  ): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const planned = plan();
      if (planned === undefined) return false;
      const { revision } = job;
      const condition = { of: 'revision', jobId: job.id, revision } as const;
      const change: Change = { kind: 'conditional', condition, changes: planned.changes };
      const made = await this.#core.committer.write([change], ({ refused }) => {
        if (refused.has(change)) return false;
        job.revision = revision + 1;
        planned.apply();
        return true;
      });
      if (made) return true;
      await this.refresh(job);
    }
    throw new ClusterError(
      'store_unavailable',
      `job ${job.id} is being changed by others all the time: try again`,
    );
  }

  /** Whether the event changes the state. @throws ClusterError state_conflict if it is refused */
  changes(job: Job, event: JobEvent): boolean {
    return this.#after(job, event).state !== job.state;
  }

  /** For a job that is over: nothing changes it any more, but what was done already may be asked for again. */
  refuseUnlessSame(state: JobState, event: JobEvent): void {
    if (nextState(state, event, true) !== state) throw refused(state, event);
  }

  #after(job: Job, event: JobEvent, error: StoredJobError | null = null): JobProgress {
    const { state, startedAt, finishedAt, runningSince } = job.progress;
    const next = nextState(state, event, startedAt !== null);
    if (next === undefined) throw refused(state, event);
    const now = this.#core.now();
    const running = next === 'running';
    return {
      state: next,
      startedAt: startedAt ?? (running ? now : null),
      updatedAt: now,
      finishedAt: finishedAt ?? (isOver(next) ? now : null),
      error,
      ranMs: running ? job.progress.ranMs : ranMs(job.progress, now),
      runningSince: running ? (runningSince ?? now) : null,
    };
  }

  #enter(job: Job, progress: JobProgress): void {
    const { type } = job.record;
    const from = job.state;
    job.progress = progress;
    if (from === progress.state) return;
    this.#limit(job);
    this.#count(type, from, -1);
    this.#count(type, progress.state, 1);
    if (from === 'pending') this.line.remove(job);
    if (progress.state === 'pending') this.line.add(job);
    if (isOver(progress.state)) this.#core.queue.remove(job);
    else this.#core.queue.refresh(job);
    this.#core.dependencies.observer.jobChanged(type, from, progress.state);
    this.#core.watchers.changed(job.id);
    this.#waker.wake(job);
  }

  #limit(job: Job): void {
    if (job.state === 'running') this.running.add(job);
    else this.running.delete(job);
    if (job.state === 'running' && job.record.expectedSeconds !== null) this.limited.add(job);
    else this.limited.delete(job);
  }

  #read(body: SubmitBody, by: Actor): Order {
    const { workloads } = this.#core.dependencies;
    const workload = workloads.get(body.type);
    if (workload === undefined) {
      const known = [...workloads.keys()].join(' or ');
      throw invalid([{ path: 'type', message: `no such workload: enter ${known}` }]);
    }
    const parsed = workload.parameters.safeParse(body.parameters);
    if (!parsed.success) throw invalid(fieldProblems(parsed.error, ['parameters']));
    const p = parsed.data;
    return { body, by, workload, p, parameters: workload.encodeParameters(p) };
  }

  async #submittedBefore(by: Actor, key: string, digest: string): Promise<Submitted | undefined> {
    const known = await this.#core.dependencies.store.findByIdempotencyKey(by.user, key);
    if (known === undefined) return undefined;
    if (known.digest === digest) return { jobId: known.jobId, job: undefined };
    throw new ClusterError(
      'idempotency_conflict',
      'this Idempotency-Key was used for another body: take a new key for a new job',
    );
  }

  /** Undefined: the key is that of another job. */
  async #create(order: Order, idempotency: JobRecord['idempotency']): Promise<Submitted | undefined> {
    const arrived = this.#waiting.admit(order.by);
    try {
      return await this.#add(order, idempotency);
    } finally {
      arrived();
    }
  }

  #add(
    { body, by, workload, p, parameters }: Order,
    idempotency: JobRecord['idempotency'],
  ): Promise<Submitted | undefined> {
    const now = this.#core.now();
    const seq = this.#nextSeq++;
    const record: JobRecord = {
      id: this.#ids.next(now),
      seq,
      type: body.type,
      workloadVersion: workload.version,
      parameters,
      name: body.name ?? null,
      priority: body.priority,
      gpuPreferred: body.gpu_preferred,
      placement: body.placement,
      range: workload.range(p),
      createdAt: now,
      idempotency,
      userId: by.user,
      expectedSeconds: body.expected_seconds ?? null,
      maxAttempts: body.max_attempts ?? DEFAULT_MAX_ATTEMPTS,
    };
    const progress: JobProgress = {
      state: 'pending',
      startedAt: null,
      updatedAt: now,
      finishedAt: null,
      error: null,
      ranMs: 0,
      runningSince: null,
    };
    const job = new Job(record, progress, workload, p);
    const added: readonly Change[] = [
      { kind: 'job_added', record },
      audited(now, by, 'job.submit', record.id),
    ];
    const unused = { of: 'unused_key', userId: by.user, key: idempotency?.key ?? '' } as const;
    const change: Change = { kind: 'conditional', condition: unused, changes: added };
    return this.#core.committer.write(idempotency === null ? added : [change], ({ refused }) => {
      if (refused.has(change)) return undefined;
      // The bell of this very commit may have come before its answer.
      const rung = this.#jobs.get(job.id);
      if (rung !== undefined) return { jobId: job.id, job: rung };
      this.#jobs.set(job.id, job);
      this.#count(record.type, 'pending', 1);
      this.line.add(job);
      this.#core.queue.add(job);
      this.#core.dependencies.observer.jobChanged(record.type, null, 'pending');
      this.#core.watchers.changed(job.id);
      this.#waker.wake(job);
      return { jobId: job.id, job };
    });
  }

  #count(type: string, state: JobState, difference: number): void {
    const states = this.#counts.get(type) ?? new Map<JobState, number>();
    states.set(state, (states.get(state) ?? 0) + difference);
    this.#counts.set(type, states);
  }
}

const MAX_REMEMBERED = 10_000;
/** Of a change of a job's row, when other coordinators change it at the same time. */
const MAX_TRIES = 16;

const REFUSED: Record<JobEvent, string> = {
  leased: 'nothing more of it is computed',
  covered: 'it can only be completed while it runs',
  pause: 'only a pending or running job can be paused',
  resume: 'only a paused job can be resumed; submit it again to compute it anew',
  cancel: 'only a job that is not over can be cancelled',
  fail: 'it is over',
};

function refused(state: JobState, event: JobEvent): ClusterError {
  return new ClusterError('state_conflict', `the job is ${state}: ${REFUSED[event]}`);
}

/** Two bodies that mean the same job have the same digest. */
function bodyDigest(body: SubmitBody, parameters: Record<string, string | number>): string {
  const { type, name, priority, gpu_preferred: gpuPreferred, placement } = body;
  const canonical: unknown[] = [
    type,
    name ?? null,
    priority,
    gpuPreferred,
    sorted(placement),
    sorted(parameters),
  ];
  // Only where they say something: so digests of before these fields existed stay good.
  const { expected_seconds: expected, max_attempts: attempts = DEFAULT_MAX_ATTEMPTS } = body;
  if (expected !== undefined) canonical.push(['expected_seconds', String(expected)]);
  if (attempts !== DEFAULT_MAX_ATTEMPTS) canonical.push(['max_attempts', String(attempts)]);
  return createHash('sha256').update(JSON.stringify(canonical)).digest('base64url');
}

function sorted(record: object): [string, unknown][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function invalid(fields: readonly FieldProblem[]): ClusterError {
  const named = fields.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new ClusterError('invalid_request', named, { fields });
}
