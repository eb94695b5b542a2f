/** Two answers to one range differ: the coordinator computes it itself, and the truth stays. */
import { hash } from 'node:crypto';
import { ClusterError } from '../../protocol/errors.ts';
import type { Range } from '../../protocol/range.ts';
import type { Core } from './core.ts';
import type { Job } from './job.ts';
import type { BatchResult } from './segment.ts';

export type Verdict = 'first_was_right' | 'second_was_right' | 'both_were_wrong';

interface SecondAnswer {
  readonly range: Range;
  readonly digest: string;
}

/** Recorded as the author of a result that the coordinator computed itself. No worker can have this name. */
const COORDINATOR = '(coordinator)';

export class Disputes {
  readonly #core: Core;
  /** By the first result and the second's digest: a worker that asks again waits for the same verdict. */
  readonly #open = new Map<string, Promise<Verdict>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** @throws ClusterError limit_reached, internal, store_unavailable, lease_superseded */
  settle(job: Job, first: BatchResult, secondNode: string, second: SecondAnswer): Promise<Verdict> {
    const key = `${job.id} ${first.range.start} ${second.digest}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    first.pins += 1;
    const verdict = this.#recompute(job, first, secondNode, second).finally(() => {
      first.pins -= 1;
      this.#open.delete(key);
    });
    this.#open.set(key, verdict);
    return verdict;
  }

  async #recompute(job: Job, first: BatchResult, secondNode: string, second: SecondAnswer): Promise<Verdict> {
    const { workload, p, record } = job;
    const { recompute, log, observer } = this.#core.dependencies;
    log.warn(
      { job_id: job.id, start: String(second.range.start), end: String(second.range.end) },
      `the answers of ${first.nodeId} and ${secondNode} differ: recomputing`,
    );
    const json = await recompute.compute(record.type, record.parameters, second.range);
    const aggregate = workload.decodeStored(p, json);
    const text = JSON.stringify(workload.encode(p, aggregate));
    const digest = hash('sha256', text, 'base64url');
    // As it is now: another dispute over the same result may have put the truth there already.
    const firstWasRight = digest === first.digest;
    const blamed: string[] = [];
    if (!firstWasRight) {
      if (job.closing || first.folding) {
        throw new ClusterError('lease_superseded', 'the job ended while the result was being recomputed');
      }
      const wrongNode = first.nodeId;
      const author = digest === second.digest ? secondNode : COORDINATOR;
      await this.#replace(job, first, { aggregate, text, digest, author });
      blamed.push(wrongNode);
    }
    const otherwise: Verdict = firstWasRight ? 'first_was_right' : 'both_were_wrong';
    const verdict: Verdict = digest === second.digest ? 'second_was_right' : otherwise;
    if (verdict !== 'second_was_right') blamed.push(secondNode);
    this.#blame(blamed);
    const wrong = { first_was_right: 'second', second_was_right: 'first', both_were_wrong: 'both' } as const;
    observer.answersDiffered(record.type, wrong[verdict]);
    log.warn({ job_id: job.id, verdict }, `recomputed: ${wrong[verdict]} answer wrong`);
    return verdict;
  }

  #replace(
    job: Job,
    first: BatchResult,
    truth: {
      readonly aggregate: unknown;
      readonly text: string;
      readonly digest: string;
      readonly author: string;
    },
  ): Promise<void> {
    const { range } = first;
    const { text, digest, author } = truth;
    const result = { jobId: job.id, range, aggregate: text, digest, nodeId: author };
    return this.#core.committer.write([{ kind: 'result_replaced', result }], () => {
      job.unfolded.bytes += text.length - first.bytes;
      first.aggregate = truth.aggregate;
      first.digest = digest;
      first.nodeId = author;
      first.bytes = text.length;
      job.version += 1;
      job.progress = { ...job.progress, updatedAt: this.#core.now() };
      this.#core.watchers.changed(job.id);
    });
  }

  #blame(nodeIds: readonly string[]): void {
    const { nodes, committer } = this.#core;
    const at = this.#core.now();
    for (const id of nodeIds) nodes.get(id)?.contradicted(at);
    const [nodeId = null] = nodeIds.length === 1 ? nodeIds : [];
    committer.note({ kind: 'event', at, event: 'differed', nodeId });
  }
}
