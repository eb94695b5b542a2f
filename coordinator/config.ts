/** What a coordinator is started with: a plain object, filled by the command line's options. */
import type { AccessPolicy } from '../protocol/access.ts';
import type { Rates } from './access/limits.ts';
import type { JobRules } from './jobs/job-rules.ts';
import type { LogLevel } from './log.ts';

export interface CoordinatorConfig {
  /** Address to listen on; 127.0.0.1 unless the operator says otherwise. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Where GET /metrics is served, on the same host; 0 takes a free port. */
  readonly metricsPort: number;
  /** Made if missing. Holds the embedded store and the key that signs leases. */
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  /** `postgres://…`: the store that several coordinators share; not set: the embedded one in `dataDir`. */
  readonly storeUrl?: string | undefined;
  /** How many workers the operator expects. */
  readonly clusterSize?: number | undefined;
  /** A file with that number, read anew whenever it is asked for; it goes before `clusterSize`. */
  readonly clusterSizeFile?: string | undefined;
  /** The built pages; by default build/pages of this project. */
  readonly pagesDir?: string | undefined;
  /** The compiled CPU kernels; by default build/kernels of this project. */
  readonly kernelsDir?: string | undefined;
  /** Origins (`https://example.org`) beside the coordinator's own whose pages may connect and post. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** What callers without a key may do, where the coordinator listens beyond loopback (protocol/access.ts). */
  readonly policy?: Partial<AccessPolicy> | undefined;
  /** Per second, by key or else by address; 0: without limit. */
  readonly rates?: Partial<Rates> | undefined;
  /** Open connections of one address; 0: without limit. */
  readonly connectionsPerAddress?: number | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Addresses, networks and the word `gateway`: as local as loopback is, where `policy.submit` is `local`. */
  readonly localPeers?: readonly string[] | undefined;
  /** Where the operator's workers' key is kept, made or taken in from; by default worker.key in `dataDir`. */
  readonly workerKeyFile?: string | undefined;
  /** Where others reach the pages, an origin; not set: previews of the pages name no site. */
  readonly publicUrl?: string | undefined;
  /** How many jobs may wait, how long they may run, how long they are kept. */
  readonly jobRules?: Partial<JobRules> | undefined;
  /** Log a crash and leave with exit code 1 (default). false: leave the process's handlers alone (tests). */
  readonly exitOnCrash?: boolean | undefined;
}

/** Why a coordinator could not start; `message` is one line that says what to do. */
export const START_PROBLEMS = [
  'port_in_use',
  'bad_host',
  'port_refused',
  'data_dir',
  'already_running',
  'store',
  'store_url',
  'kernels_missing',
  'bad_proxy',
  'key_file',
  'local_peers',
] as const;
export type StartProblem = (typeof START_PROBLEMS)[number];

export class StartError extends Error {
  readonly problem: StartProblem;

  constructor(problem: StartProblem, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'StartError';
    this.problem = problem;
  }
}
