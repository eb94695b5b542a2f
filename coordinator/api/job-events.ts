/**
 * Server-sent events of jobs. All readers of one job share its reads and its JSON: at most two `progress` a
 * second and one `result`, however many watch.
 */
import type { ServerResponse } from 'node:http';
import { ClusterError } from '../../protocol/errors.ts';
import type { JobStatus } from '../../protocol/http.ts';
import type { Cluster } from '../cluster.ts';
import type { Log } from '../log.ts';
import { EVENT_STREAM_HEADERS, EventStream } from './event-stream.ts';

export interface StreamLimits {
  readonly streams: number;
  readonly streamsPerAddress: number;
  readonly progress_ms: number;
  readonly result_ms: number;
  /** Without a change, how often the state is read again: a rate falls and an ETA grows by themselves. */
  readonly refresh_ms: number;
  readonly beat_ms: number;
  /** A reader that takes nothing for so long is cut off. */
  readonly stall_ms: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streams: 1000,
  streamsPerAddress: 100,
  progress_ms: 500,
  result_ms: 1000,
  refresh_ms: 5000,
  beat_ms: 15_000,
  stall_ms: 30_000,
};

/** The id of the last event: a browser that reconnects with it has seen everything. */
export const END_ID = 'end';

export class JobEvents {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #limits: StreamLimits;
  readonly #channels = new Map<string, JobChannel>();
  readonly #streams = new Set<EventStream>();
  readonly #unwatch: () => void;
  readonly #beat: NodeJS.Timeout;
  #closed = false;

  constructor(cluster: Cluster, log: Log, limits: StreamLimits) {
    this.#cluster = cluster;
    this.#log = log;
    this.#limits = limits;
    this.#unwatch = cluster.watch((jobId) => this.#channels.get(jobId)?.changed());
    this.#beat = setInterval(() => this.#keepAlive(), limits.beat_ms);
    this.#beat.unref();
  }

  get count(): number {
    return this.#streams.size;
  }

  /**
   * Answers with the job's events until it ends or the reader leaves.
   * @throws ClusterError not_found, limit_reached, not_ready
   */
  async open(jobId: string, response: ServerResponse): Promise<void> {
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
    this.#admit(response.req.socket.remoteAddress ?? '');
    const stream = new EventStream(
      response,
      () => performance.now(),
      () => {
        this.#streams.delete(stream);
        this.#channels.get(jobId)?.leave(stream);
      },
    );
    this.#streams.add(stream);
    this.#channel(jobId).join(stream);
  }

  /** Ends every stream; readers come back to whoever serves next. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    clearInterval(this.#beat);
    for (const channel of this.#channels.values()) channel.close();
    for (const stream of this.#streams) stream.end();
  }

  #admit(address: string): void {
    if (this.#closed) throw new ClusterError('not_ready', 'the coordinator stops: come back in a moment');
    if (this.#streams.size >= this.#limits.streams) {
      throw new ClusterError(
        'limit_reached',
        `${this.#limits.streams} event streams are open: close some, or poll /api/status`,
      );
    }
    const own = [...this.#streams].filter((stream) => stream.address === address).length;
    if (own >= this.#limits.streamsPerAddress) {
      throw new ClusterError(
        'limit_reached',
        `${own} event streams of your address are open: close some, or poll /api/status`,
      );
    }
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

  #keepAlive(): void {
    for (const stream of this.#streams) {
      stream.cutIfStalled(this.#limits.stall_ms);
      stream.beat();
    }
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
