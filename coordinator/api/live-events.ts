/**
 * GET /api/events: everything that a page shows, as one stream. Each event is read once for all its readers and
 * sent to those who have not seen it; nobody listening, nothing is read.
 */
import type { ServerResponse } from 'node:http';
import type { JobStatus } from '../../protocol/http.ts';
import { isTopic, MAX_JOBS, MAX_NODES } from '../../protocol/live.ts';
import type { LiveEventName, LiveQuery, Topic } from '../../protocol/live.ts';
import type { Visitor } from '../access/access.ts';
import type { Cluster } from '../cluster.ts';
import type { Log } from '../log.ts';
import { BatchFeed } from './batch-feed.ts';
import { EVENT_STREAM_HEADERS } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import type { EventStreams, StreamLimits } from './event-streams.ts';
import { LiveFeed } from './live-feed.ts';

type Feed = Pick<LiveFeed, 'join' | 'leave' | 'close'>;

/** The feeds of a job that somebody watches. */
interface WatchedJob {
  readonly feeds: readonly LiveFeed[];
  readonly readers: Set<EventStream>;
}

export class LiveEvents {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #limits: StreamLimits;
  readonly #streams: EventStreams;
  readonly #jobList: LiveFeed;
  readonly #topics: Readonly<Record<Topic, Feed>>;
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #unwatch: () => void;

  constructor(cluster: Cluster, streams: EventStreams, log: Log, limits: StreamLimits) {
    this.#cluster = cluster;
    this.#log = log;
    this.#limits = limits;
    this.#streams = streams;
    const { cluster_ms, jobs_ms, nodes_ms, batches_ms, refresh_ms } = limits;
    this.#jobList = this.#feed('jobs', jobs_ms, refresh_ms, () => jobsShown(cluster));
    this.#topics = {
      // Both change by themselves: uptime, rates, times of heartbeats.
      cluster: this.#feed('cluster', cluster_ms, cluster_ms, () => cluster.overview()),
      nodes: this.#feed('nodes', nodes_ms, nodes_ms, () => cluster.allNodes(MAX_NODES)),
      jobs: this.#jobList,
      batches: new BatchFeed(cluster, batches_ms),
    };
    this.#unwatch = cluster.watch((jobId) => {
      this.#jobList.changed();
      for (const feed of this.#jobs.get(jobId)?.feeds ?? []) feed.changed();
    });
  }

  /**
   * Answers with events until the reader leaves.
   * @throws ClusterError not_found (no such job), limit_reached, not_ready
   */
  async open({ topics, job }: LiveQuery, response: ServerResponse, visitor: Visitor): Promise<void> {
    if (job !== undefined) await this.#cluster.status(job);
    if (response.req.method === 'HEAD') {
      response.writeHead(200, EVENT_STREAM_HEADERS).end();
      return;
    }
    const feeds = [...new Set(topics.split(','))].filter(isTopic).map((topic) => this.#topics[topic]);
    const watched = job === undefined ? undefined : this.#watched(job);
    const stream = this.#streams.open(response, visitor, (left) => {
      for (const feed of feeds) feed.leave(left);
      if (job !== undefined) this.#unwatchJob(job, left);
    });
    watched?.readers.add(stream);
    for (const feed of [...feeds, ...(watched?.feeds ?? [])]) feed.join(stream);
  }

  close(): void {
    this.#unwatch();
    for (const feed of Object.values(this.#topics)) feed.close();
    for (const { feeds } of this.#jobs.values()) for (const feed of feeds) feed.close();
    this.#jobs.clear();
  }

  #watched(jobId: string): WatchedJob {
    const existing = this.#jobs.get(jobId);
    if (existing !== undefined) return existing;
    const cluster = this.#cluster;
    const { result_ms, refresh_ms } = this.#limits;
    const feeds = [
      this.#feed('progress', result_ms, refresh_ms, () => cluster.status(jobId)),
      this.#feed('result', result_ms, refresh_ms, () => cluster.results(jobId)),
      this.#feed('coverage', result_ms, refresh_ms, () => cluster.coverage(jobId)),
    ];
    const watched = { feeds, readers: new Set<EventStream>() };
    this.#jobs.set(jobId, watched);
    return watched;
  }

  #unwatchJob(jobId: string, stream: EventStream): void {
    const watched = this.#jobs.get(jobId);
    if (watched === undefined) return;
    watched.readers.delete(stream);
    for (const feed of watched.feeds) feed.leave(stream);
    if (watched.readers.size === 0) this.#jobs.delete(jobId);
  }

  #feed(event: LiveEventName, least_ms: number, refresh_ms: number, read: () => unknown): LiveFeed {
    return new LiveFeed({ event, least_ms, refresh_ms, read }, this.#log);
  }
}

/** Those that are not over, what runs first, then the newest of the others. */
async function jobsShown(cluster: Cluster): Promise<{ jobs: readonly JobStatus[] }> {
  const limit = MAX_JOBS;
  const lists = await Promise.all([
    cluster.list({ status: 'running', limit }),
    cluster.list({ status: 'paused', limit }),
    cluster.list({ status: 'pending', limit }),
    cluster.list({ limit }),
  ]);
  // A job may stand in two of them, having gone on between the reads.
  const jobs = new Map(lists.flatMap((list) => list.jobs).map((job) => [job.job_id, job]));
  return { jobs: [...jobs.values()].slice(0, limit) };
}
