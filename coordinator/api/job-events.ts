/**
 * Server-sent events of jobs. All readers of one job share its reads and its JSON: at most two `progress` a
 * second and one `result`, however many watch.
 */
import type { ServerResponse } from 'node:http';
import type { JobStatus } from '../../protocol/http.ts';
import type { Visitor } from '../access/access.ts';
import type { Cluster } from '../cluster.ts';
import type { Log } from '../log.ts';
import { EVENT_STREAM_HEADERS } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import type { EventStreams, StreamLimits } from './event-streams.ts';

/** The id of the last event: a browser that reconnects with it has seen everything. */
export const END_ID = 'end';

export class JobEvents {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #limits: StreamLimits;
  readonly #streams: EventStreams;
  readonly #channels = new Map<string, JobChannel>();
  readonly #unwatch: () => void;

  constructor(cluster: Cluster, streams: EventStreams, log: Log, limits: StreamLimits) {
    this.#cluster = cluster;
    this.#streams = streams;
    this.#log = log;
    this.#limits = limits;
    this.#unwatch = cluster.watch((jobId) => this.#channels.get(jobId)?.changed());
  }

  /**
   * Answers with the job's events until it ends or the reader leaves.
   * @throws ClusterError not_found, limit_reached, not_ready
   */
  async open(jobId: string, response: ServerResponse, visitor: Visitor): Promise<void> {
    const status = await this.#cluster.status(jobId);
    if (isOver(status) && response.req.headers['last-event-id'] === END_ID) {
      // 204 is how a browser's EventSource is told not to come back.
      response.writeHead(204).end();
      return;
    }
    if (response.req.method === 'HEAD') {
      response.writeHead(200, EVENT_STREAM_HEADERS).end();
      return;
    }
    const stream = this.#streams.open(response, visitor, (left) => this.#channels.get(jobId)?.leave(left));
    this.#channel(jobId).join(stream);
  }

  close(): void {
    this.#unwatch();
    for (const channel of this.#channels.values()) channel.close();
  }

  #channel(jobId: string): JobChannel {
    const existing = this.#channels.get(jobId);
    if (existing !== undefined) return existing;
    const channel = new JobChannel(jobId, this.#cluster, this.#log, this.#limits, () =>
      this.#channels.delete(jobId),
    );
    this.#channels.set(jobId, channel);
    return channel;
  }
}

/** The readers of one job. Lives while there is one. */
class JobChannel {
  readonly #jobId: string;
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #limits: StreamLimits;
  readonly #gone: () => void;
  /** What each reader was sent last, so that nothing is sent twice and whoever fell behind catches up. */
  readonly #sent = new Map<EventStream, { progress: string; result: string }>();
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Number.POSITIVE_INFINITY;
  #reading = false;
  #dirty = false;
  #progressAt = Number.NEGATIVE_INFINITY;
  #resultAt = Number.NEGATIVE_INFINITY;
  #result: string | undefined;

  constructor(jobId: string, cluster: Cluster, log: Log, limits: StreamLimits, gone: () => void) {
    this.#jobId = jobId;
    this.#cluster = cluster;
    this.#log = log;
    this.#limits = limits;
    this.#gone = gone;
  }

  join(stream: EventStream): void {
    this.#sent.set(stream, { progress: '', result: '' });
    this.changed();
  }

  leave(stream: EventStream): void {
    this.#sent.delete(stream);
    if (this.#sent.size === 0) this.close();
  }

  /** Something that a reader could see has changed: read it, not sooner than the limits allow. */
  changed(): void {
    this.#dirty = true;
    if (!this.#reading) this.#wake(this.#progressAt + this.#limits.progress_ms);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sent.clear();
    this.#gone();
  }

  #wake(at: number): void {
    if (at >= this.#timerDue) return;
    clearTimeout(this.#timer);
    this.#timerDue = at;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, at - performance.now()));
  }

  async #run(): Promise<void> {
    this.#timerDue = Number.POSITIVE_INFINITY;
    this.#reading = true;
    this.#dirty = false;
    let over = false;
    try {
      over = await this.#publish();
    } catch (error) {
      this.#log.error({ err: error, job_id: this.#jobId }, 'the events of a job could not be read');
    }
    this.#reading = false;
    if (over || this.#sent.size === 0) return;
    this.#wake(this.#progressAt + (this.#dirty ? this.#limits.progress_ms : this.#limits.refresh_ms));
  }

  /** Reads the job and sends what is new; true once the job is over and everyone has been told. */
  async #publish(): Promise<boolean> {
    this.#progressAt = performance.now();
    const status = await this.#cluster.status(this.#jobId);
    const resultDue = this.#progressAt >= this.#resultAt + this.#limits.result_ms;
    if (resultDue) {
      this.#resultAt = this.#progressAt;
      this.#result = JSON.stringify(await this.#cluster.results(this.#jobId));
    } else {
      // Come back for the result; the last one must be the whole one.
      this.#dirty = true;
    }
    if (isOver(status) && resultDue) {
      this.#finish(status);
      return true;
    }
    this.#send(status, this.#result);
    return false;
  }

  #send(status: JobStatus, result: string | undefined): void {
    const progress = JSON.stringify(status);
    const id = String(Date.parse(status.updated_at));
    for (const [stream, sent] of this.#sent) {
      if (sent.progress !== progress && stream.send('progress', id, progress)) sent.progress = progress;
      if (result !== undefined && sent.result !== result && stream.send('result', id, result))
        sent.result = result;
    }
  }

  #finish(status: JobStatus): void {
    const progress = JSON.stringify(status);
    const id = String(Date.parse(status.updated_at));
    for (const [stream, sent] of this.#sent) {
      stream.finish([
        ...(sent.progress === progress ? [] : [{ event: 'progress', id, json: progress }]),
        ...(this.#result === undefined || sent.result === this.#result
          ? []
          : [{ event: 'result', id, json: this.#result }]),
        { event: 'end', id: END_ID, json: progress },
      ]);
    }
    this.close();
  }
}

function isOver(status: JobStatus): boolean {
  return status.status === 'completed' || status.status === 'failed' || status.status === 'cancelled';
}
