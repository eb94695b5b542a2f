/**
 * The other coordinators on the same store: who they are, what they show of themselves, and what this one does when
 * they ring. Each segment has one owner who alone decides what becomes of its numbers, so a result that arrives
 * elsewhere is sent on to it; the store says who that is, also after a take-over.
 */
import { ClusterError } from '../../protocol/errors.ts';
import type { JobCoverage, NodeStatus } from '../../protocol/http.ts';
import type { Release, Submission, SubmissionReply } from '../../protocol/messages.ts';
import type { Range } from '../../protocol/range.ts';
import { MAX_BATCHES } from '../../protocol/live.ts';
import { nodeStatus, recentNodes, sumThroughput, sumWorkers } from '../jobs/cluster-views.ts';
import type { Core } from '../jobs/core.ts';
import type { Elsewhere } from '../jobs/elsewhere.ts';
import type { Job } from '../jobs/job.ts';
import { Node, nodeOfToken } from '../jobs/nodes.ts';
import type { Sessions } from '../jobs/sessions.ts';
import { readToken } from '../jobs/settlement.ts';
import type { Settlement } from '../jobs/settlement.ts';
import { leasesOfJob } from '../jobs/views.ts';
import type { WorkerFacts } from '../scheduler/placement.ts';
import { StoreFenced } from '../store/store.ts';
import type { ReplicaChannel, Ring } from '../store/store.ts';
import { Census } from './census.ts';
import { ANSWERS } from './mail.ts';
import type { Answer, News, Question } from './mail.ts';
import { Ownership } from './ownership.ts';
import type { OwnershipParts } from './ownership.ts';
import { Post } from './post.ts';
import { Sharing } from './sharing.ts';
import { openUnits, readSummary, summaryText, workerFactsOf } from './summary.ts';
import type { Summary } from './summary.ts';

/** Of a result that is sent on: its owner recomputes records and commits it first. */
const SETTLE_MS = 10_000;
/** Of what a page shows: it rather shows less than that it waits. */
const VIEW_MS = 1000;
/** Between two looks at the batches of others. */
const BATCHES_MS = 500;
/** Looks for an owner that changes meanwhile. */
const MAX_OWNERS = 3;

export interface ReplicaParts extends OwnershipParts {
  readonly settlement: Settlement;
  readonly sessions: Sessions;
  readonly onCovered: (job: Job) => void;
  /** The keys in the store have changed. */
  readonly onKeys: () => void;
}

export class Replicas implements Elsewhere {
  readonly shared = true;
  readonly #core: Core;
  readonly #channel: ReplicaChannel;
  readonly #parts: ReplicaParts;
  readonly #post: Post;
  readonly #ownership: Ownership;
  readonly #sharing: Sharing;
  readonly #census: Census;
  #others: ReadonlyMap<number, Summary | undefined> = new Map();
  #facts: readonly WorkerFacts[] = [];
  #factsText = '[]';
  readonly #changed = new Set<string>();
  readonly #unwatch: () => void;
  #beating: Promise<void> | undefined;
  #following: Promise<void> | undefined;
  #stopped = false;
  /** What could not be read when it was rung or taken over: looked at again with each beat until it is. */
  readonly #unread = new Map<string, 'row' | 'parts'>();
  #resyncDue = false;
  #reachable = true;
  #batchesAt = 0;
  readonly #batchesSeen = new Map<number, number>();

  constructor(core: Core, channel: ReplicaChannel, parts: ReplicaParts) {
    this.#core = core;
    this.#channel = channel;
    this.#parts = parts;
    const { runtime, log } = core.dependencies;
    this.#post = new Post(channel, runtime, log, {
      asked: (question) => this.#asked(question),
      told: (said, from) => this.#told(said, from),
    });
    this.#ownership = new Ownership(core, channel, parts);
    this.#census = new Census(() => core.now(), core.dependencies.store, parts.jobs);
    this.#sharing = new Sharing(core, parts.jobs, parts.waker);
    this.#unwatch = core.watchers.watch((jobId) => this.#changed.add(jobId));
  }

  /** Other coordinators that live, as far as is known. */
  get count(): number {
    return this.#others.size;
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  get facts(): readonly WorkerFacts[] {
    return this.#facts;
  }

  get workers() {
    return sumWorkers(this.#summaries().map(({ workers }) => workers));
  }

  get throughput() {
    return sumThroughput(this.#summaries().map(({ throughput }) => throughput));
  }

  /** Resolves after the first beat: what others have left is adopted then. */
  async start(): Promise<void> {
    this.#channel.listen((ring) => this.#heard(ring));
    await this.#beat();
    await this.#follow();
  }

  /**
   * Called once a second. A beat waits for nothing but the store: what follows from it may wait for a job, and whoever does
   * not beat is taken for dead.
   */
  sweep(): void {
    if (this.#stopped) return;
    this.#beating ??= this.#beat()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#beating = undefined;
      });
    this.#following ??= this.#follow()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#following = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    await Promise.all([this.#beating, this.#following]);
  }

  learn(jobId: string): Promise<void> {
    return this.#ownership.learn(jobId);
  }

  outOf(jobId: string): { readonly leases: number; readonly rate: number } {
    let leases = 0;
    let rate = 0;
    for (const { jobs } of this.#summaries()) {
      const job = jobs.find(({ id }) => id === jobId);
      leases += job?.leases ?? 0;
      rate += job?.rate ?? 0;
    }
    return { leases, rate };
  }

  async settle(
    node: Node,
    { token, end, aggregate, compute_ms: computeMs }: Submission,
    jobId: string,
    range: Range,
  ): Promise<SubmissionReply['status'] | undefined> {
    const { epoch } = this.#core.dependencies.store;
    const submission = { token, end, aggregate, compute_ms: computeMs };
    for (let looks = 0; looks < MAX_OWNERS; looks++) {
      const owner = await this.#channel.ownerOf(jobId, range);
      if (owner === undefined) return undefined;
      if (owner === epoch) {
        // Given or taken over, and not in memory yet.
        await this.#ownership.reconcile(jobId);
        return undefined;
      }
      const question = { of: 'submit', ...passportOf(node), submission } as const;
      const { observer } = this.#core.dependencies;
      try {
        const { status } = await this.#post.ask(owner, question, ANSWERS.submit, SETTLE_MS);
        observer.resultForwarded(status);
        return status;
      } catch (error) {
        const code = error instanceof ClusterError ? error.code : 'internal';
        observer.resultForwarded(code);
        // It may have given the range away, or be gone: the store knows.
        if (code !== 'lease_superseded' || (await this.#channel.ownerOf(jobId, range)) === owner) throw error;
      }
    }
    throw new ClusterError('not_ready', 'the owner of this range changes: send the result again soon');
  }

  release(node: Node, release: Release, epoch: number): void {
    if (!this.#others.has(epoch)) return;
    const question = { of: 'release', ...passportOf(node), release } as const;
    this.#post.ask(epoch, question, ANSWERS.release, SETTLE_MS).catch((error: unknown) => {
      this.#core.dependencies.log.debug({ err: error }, 'a release could not be sent on');
    });
  }

  arrived({ id, hello, connectedAt }: Node): void {
    if (this.#others.size === 0) return;
    this.#post.tell('all', {
      of: 'arrived',
      node_id: id,
      session: hello.session,
      at: connectedAt,
      leases: hello.leases,
    });
  }

  async nodes(
    limit: number | null,
  ): Promise<{ readonly nodes: readonly NodeStatus[]; readonly total: number }> {
    const answers = await this.#post.askAll(
      [...this.#others.keys()],
      { of: 'nodes', limit },
      ANSWERS.nodes,
      VIEW_MS,
    );
    return {
      nodes: answers.flatMap(({ nodes }) => nodes),
      total: answers.reduce((sum, { total }) => sum + total, 0),
    };
  }

  async node(nodeId: string): Promise<NodeStatus | undefined> {
    const question = { of: 'node', node_id: nodeId } as const;
    const answers = await this.#post.askAll([...this.#others.keys()], question, ANSWERS.node, VIEW_MS);
    const found = answers.flatMap(({ node }) => (node === null ? [] : [node]));
    return found.toSorted((a, b) => (a.last_heartbeat < b.last_heartbeat ? 1 : -1))[0];
  }

  async leases(jobId: string): Promise<JobCoverage['leased']> {
    if (this.outOf(jobId).leases === 0) return [];
    const question = { of: 'leases', job_id: jobId } as const;
    const answers = await this.#post.askAll([...this.#others.keys()], question, ANSWERS.leases, VIEW_MS);
    return answers.flatMap(({ leases }) => leases);
  }

  watchBatches(): void {
    const now = this.#core.now();
    if (now - this.#batchesAt < BATCHES_MS) return;
    this.#batchesAt = now;
    for (const epoch of this.#others.keys()) {
      void this.#fetchBatches(epoch).catch((error: unknown) => {
        this.#core.dependencies.log.debug({ err: error }, 'batches of another coordinator could not be read');
      });
    }
  }

  async isCovered(job: Job): Promise<boolean> {
    const done = await this.#core.dependencies.store.progress([job.id]);
    return done.get(job.id) === job.total;
  }

  #summaries(): readonly Summary[] {
    return [...this.#others.values()].flatMap((summary) => (summary === undefined ? [] : [summary]));
  }

  async #beat(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    const text = summaryText(this.#core, this.#parts.jobs.running, changed);
    const { others, adopted, lost } = await this.#reached(this.#channel.beat(text));
    this.#others = new Map(others.map(({ epoch, summary }) => [epoch, readSummary(summary)]));
    for (const epoch of this.#batchesSeen.keys())
      if (!this.#others.has(epoch)) this.#batchesSeen.delete(epoch);
    this.#noteFacts();
    const { log, observer } = this.#core.dependencies;
    if (lost > 0) {
      log.warn(
        { coordinators: lost },
        'another coordinator gives no sign any more: it died, or was cut off from the store',
      );
      observer.coordinatorsLost(lost);
    }
    if (adopted.length > 0) {
      log.info({ jobs: adopted.length }, 'took over what another coordinator has left');
      observer.tookOver(adopted.length);
      for (const id of adopted) this.#ownership.holdBack(id);
      for (const id of adopted) this.#unread.set(id, 'parts');
    }
    for (const { changed: jobs } of this.#summaries()) for (const id of jobs) this.#tellWatchers(id);
  }

  async #follow(): Promise<void> {
    await this.#catchUp();
    await this.#endings();
    this.#askForWork();
    await this.#census.look();
  }

  /** A beat needs the store as a commit does, and comes without being asked for. */
  async #reached<T>(beat: Promise<T>): Promise<T> {
    try {
      const beaten = await beat;
      this.#reachable = true;
      this.#core.committer.reached(true);
      return beaten;
    } catch (error) {
      this.#reachable = false;
      this.#core.committer.reached(false);
      throw error;
    }
  }

  /** Others' changes are no change of this coordinator's, to be told again. */
  #tellWatchers(jobId: string): void {
    const own = this.#changed.has(jobId);
    this.#core.watchers.changed(jobId);
    if (!own) this.#changed.delete(jobId);
  }

  #noteFacts(): void {
    const facts = this.#summaries().flatMap((summary) => summary.facts);
    const text = JSON.stringify(facts);
    if (text === this.#factsText) return;
    this.#factsText = text;
    this.#facts = facts.map(workerFactsOf);
    // What jobs wait for is looked at anew.
    this.#core.nodes.version += 1;
  }

  /** Jobs of which nothing is left here: the last result may have been another coordinator's. */
  async #endings(): Promise<void> {
    const ending = [...this.#parts.jobs.running].filter((job) => job.isCoveredHere && !job.closing);
    if (ending.length === 0) return;
    const done = await this.#core.dependencies.store.progress(ending.map(({ id }) => id));
    for (const job of ending) if (done.get(job.id) === job.total) this.#parts.onCovered(job);
  }

  #askForWork(): void {
    for (const [epoch, summary] of this.#others) {
      for (const { id, open } of (summary?.jobs ?? []).map((each) => ({
        id: each.id,
        open: openUnits(each),
      }))) {
        const job = open > 0n ? this.#parts.jobs.get(id) : undefined;
        const workers = job === undefined ? 0 : this.#sharing.hungryFor(job);
        if (workers > 0) this.#post.tell(epoch, { of: 'hungry', job_id: id, workers });
      }
    }
  }

  /** @throws ClusterError store_unavailable: what is left is looked at with the next beat */
  async #catchUp(): Promise<void> {
    if (this.#resyncDue) {
      await this.#ownership.resync();
      this.#census.gap();
      this.#resyncDue = false;
    }
    for (const [id, what] of [...this.#unread]) {
      if (what === 'row') await this.#ownership.changed(id);
      else await this.#ownership.reconcile(id);
      if (this.#unread.get(id) === what) this.#unread.delete(id);
    }
  }

  #heard(ring: Ring): void {
    if (this.#stopped) return;
    if (ring.kind === 'mail') {
      this.#post.receive(ring.from, ring.body);
      return;
    }
    this.#act(ring).catch((error: unknown) => this.#failed(error));
  }

  async #act(ring: Exclude<Ring, { kind: 'mail' }>): Promise<void> {
    switch (ring.kind) {
      case 'job':
        await this.#read(ring.jobId, 'row');
        return;
      case 'given':
        await this.#read(ring.jobId, 'parts');
        return;
      case 'keys':
        this.#parts.onKeys();
        return;
      case 'pruned':
        this.#census.forgotten();
        return;
      case 'resync':
        this.#parts.onKeys();
        this.#resyncDue = true;
        await this.#catchUp();
    }
  }

  async #read(jobId: string, what: 'row' | 'parts'): Promise<void> {
    try {
      if (what === 'row') await this.#ownership.changed(jobId);
      else await this.#ownership.reconcile(jobId);
    } catch (error) {
      if (this.#unread.get(jobId) !== 'parts') this.#unread.set(jobId, what);
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (error instanceof StoreFenced) {
      this.#core.committer.fence(error);
      return;
    }
    const { log } = this.#core.dependencies;
    if (error instanceof ClusterError)
      log.warn({ err: error }, `other coordinators can’t be heard: ${error.message}`);
    else log.error({ err: error }, 'what other coordinators do could not be followed');
  }

  async #asked(question: Question): Promise<Answer<Question['of']>> {
    switch (question.of) {
      case 'submit':
        return { status: await this.#submitted(question) };
      case 'release':
        this.#parts.sessions.released(this.#nodeOf(question), question.release);
        return {};
      case 'nodes': {
        const { limit } = question;
        const { nodes, total } = recentNodes(this.#core, limit ?? Number.POSITIVE_INFINITY);
        return { nodes: [...nodes], total };
      }
      case 'node': {
        const node = this.#core.nodes.get(question.node_id);
        return { node: node === undefined ? null : nodeStatus(node, this.#core.now()) };
      }
      case 'leases': {
        const job = this.#parts.jobs.get(question.job_id);
        return { leases: job === undefined ? [] : leasesOfJob(job) };
      }
      case 'batches': {
        const { batches, last } = this.#core.batches.after(
          question.after,
          MAX_BATCHES,
          this.#core.now(),
          true,
        );
        return { batches: [...batches], last };
      }
    }
  }

  async #submitted(question: Question & { of: 'submit' }): Promise<SubmissionReply['status']> {
    const node = this.#nodeOf(question);
    const claims = readToken(this.#core, this.#parts.book, node, question.submission.token);
    const { jobId, range } = claims;
    if (this.#parts.jobs.get(jobId)?.segmentOf(range) === undefined) {
      // Given or taken over so lately that the one who asks knows it sooner.
      const owner = await this.#channel.ownerOf(jobId, range);
      if (owner === this.#core.dependencies.store.epoch) await this.#ownership.reconcile(jobId);
    }
    return this.#parts.settlement.settleHere(node, question.submission, claims);
  }

  #nodeOf({ node_id: nodeId, passport }: Question & { of: 'submit' | 'release' }): Node {
    const known = this.#core.nodes.get(nodeId);
    if (known !== undefined) return known;
    const now = this.#core.now();
    return passport === null ? nodeOfToken(nodeId, now) : new Node(passport.hello, passport.own, now);
  }

  #told(said: News, from: number): void {
    switch (said.of) {
      case 'arrived':
        this.#parts.sessions.movedAway(said.node_id, said.session, said.leases, said.at);
        return;
      case 'hungry':
        void this.#sharing
          .give(said.job_id, from, said.workers)
          .catch((error: unknown) => this.#failed(error));
    }
  }

  async #fetchBatches(epoch: number): Promise<void> {
    const after = this.#batchesSeen.get(epoch) ?? 0;
    const { batches, last } = await this.#post.ask(epoch, { of: 'batches', after }, ANSWERS.batches, VIEW_MS);
    if (last <= (this.#batchesSeen.get(epoch) ?? 0)) return;
    this.#batchesSeen.set(epoch, last);
    for (const { at, node_id: nodeId, kind, type, job_id: jobId, start, end } of batches) {
      const range = { start: BigInt(start), end: BigInt(end) };
      this.#core.batches.add({ at: Date.parse(at), nodeId, kind, type, jobId, range, elsewhere: true });
    }
  }
}

/** Who sends this, where that is known. Its key stays here. */
function passportOf({ id, hello: says, facts }: Node) {
  const { key: _, ...hello } = says;
  const isKnown = hello.session !== '';
  return { node_id: id, passport: isKnown ? { hello, own: facts.own } : null };
}
