/** What is done to a coordinator: a crowd gathers, works, is cut off, and goes home; and what is told of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure, Report } from '../report.ts';
import { coordinatorFigures, type CoordinatorReading } from './coordinator-reading.ts';
import { Generators } from './generators.ts';
import type { MeasuredCluster } from './measured-cluster.ts';
import type { Scenario, Storm } from './scenario-names.ts';
import type { Tally, TimeKind } from './tally.ts';
import { submitTinyJob, type Batches } from './tiny-jobs.ts';
import type { Crowd } from './worker-plan.ts';

export interface LoadChoice {
  readonly scenario: Scenario;
  /** Workers that compute; in the scenario idle, those that would. */
  readonly workers: number;
  /** Beside them, workers that no job wants. */
  readonly idle: number;
  /** Round trips per second; in flood as many as are acknowledged. */
  readonly perSecond: number;
  readonly seconds: number;
  readonly batches: Batches;
  readonly storm: Storm;
  readonly seed: string;
  /** Processes that play the workers. */
  readonly processes: number;
  readonly key: string | undefined;
}

/** Not counted: connections warm up, the coordinator's code is compiled. */
const WARM_UP_MS = 2000;
/** A crowd that has not gathered, or not come back, by then won't. */
const GATHER_MS = 300_000;
const BACK_MS = 120_000;
const HOME_MS = 60_000;

interface Run {
  readonly cluster: MeasuredCluster;
  readonly choice: LoadChoice;
  readonly generators: Generators;
  readonly signal: AbortSignal;
}

/** @throws Error if acknowledged results are not in the job, a crowd does not gather or come back, or on abort */
export async function runScenario(
  cluster: MeasuredCluster,
  choice: LoadChoice,
  signal: AbortSignal,
): Promise<Report> {
  const alone = await cluster.read();
  const jobId =
    choice.scenario === 'idle'
      ? undefined
      : await submitTinyJob(cluster.api, `load: ${choice.scenario} ${choice.seed}`, choice.batches, true);
  const generators = await Generators.start(crowdOf(cluster, choice), choice.processes, choice.key);
  const run = { cluster, choice, generators, signal };
  try {
    const gathered = await gather(run, alone);
    const worked = await work(run);
    const home = await within(HOME_MS, signal, 'the crowd to hand back', generators.all('home'));
    const sum = jobId === undefined ? [] : await addUp(cluster, jobId, home.tally);
    return {
      title: title(choice),
      figures: [...gathered, ...worked, ...sum, ...troubles(home.tally)],
    };
  } finally {
    generators.end();
    if (jobId !== undefined) await cluster.api.cancel(jobId).catch(() => undefined);
  }
}

function crowdOf({ urls }: MeasuredCluster, choice: LoadChoice): Crowd {
  const { scenario, seed, workers, idle, perSecond } = choice;
  return {
    seed,
    urls: [...urls],
    active: scenario === 'idle' ? 0 : workers,
    idle: scenario === 'idle' ? workers + idle : idle,
    pace:
      scenario === 'flood'
        ? { kind: 'at once' }
        : scenario === 'idle'
          ? { kind: 'none' }
          : { kind: 'paced', per_second: perSecond },
    mixed: scenario === 'churn',
  };
}

async function gather(
  { cluster, choice, generators, signal }: Run,
  alone: CoordinatorReading | undefined,
): Promise<Figure[]> {
  const began_ms = performance.now();
  const { connected } = await within(GATHER_MS, signal, 'all workers to connect', generators.all('gather'));
  const seconds = (performance.now() - began_ms) / 1000;
  const after = await cluster.read();
  const figures: Figure[] = [
    { what: 'connected', value: connected, unit: 'workers', note: `seed ${choice.seed}` },
    { what: 'time to connect them', value: seconds, unit: 's', note: '64 handshakes at a time' },
  ];
  if (alone === undefined || after === undefined || connected === 0) return figures;
  figures.push(
    {
      what: 'coordinator, per connection made',
      value: ((after.cpuSeconds - alone.cpuSeconds) / connected) * 1e6,
      unit: 'µs of CPU',
    },
    {
      what: 'coordinator, per connection',
      value: (after.residentBytes - alone.residentBytes) / connected / 1000,
      unit: 'KB resident',
      note: `${(alone.residentBytes / 1e6).toFixed(0)} MB before, ${(after.residentBytes / 1e6).toFixed(0)} MB after`,
    },
  );
  return figures;
}

async function work(run: Run): Promise<Figure[]> {
  const { cluster, choice, generators, signal } = run;
  await generators.all('work');
  if (choice.scenario !== 'churn') await sleep(WARM_UP_MS, undefined, { signal });
  const before = await generators.all('tally');
  const readBefore = await cluster.read();
  const began_ms = performance.now();
  const storm = choice.scenario === 'storm' ? await storms(run) : [];
  await sleep(choice.seconds * 1000, undefined, { signal });
  const { tally, connected } = await generators.all('tally');
  const seconds = (performance.now() - began_ms) / 1000;
  const readAfter = await cluster.read();
  tally.minus(before.tally.state());
  const { acknowledged } = tally.counts;
  // A coordinator that was started anew counts from 0.
  const same = choice.scenario !== 'storm' || choice.storm === 'cut';
  return [
    ...storm,
    { what: 'connected at the end', value: connected, unit: 'workers' },
    ...(acknowledged === 0 ? [] : roundTrips(tally, seconds)),
    ...(same ? coordinatorFigures(readBefore, readAfter, seconds, acknowledged) : []),
    ...(readAfter === undefined
      ? []
      : [{ what: 'coordinator, resident', value: readAfter.residentBytes / 1e6, unit: 'MB' }]),
    { what: 'load generator', value: (tally.cpuSeconds / seconds) * 100, unit: '% of a core' },
    ...(choice.scenario === 'churn' ? comings(tally) : []),
  ];
}

/** From the word to stop, or the cut, until every worker has a connection again. */
async function storms({ cluster, choice, generators, signal }: Run): Promise<Figure[]> {
  const back = generators.all('back');
  const began_ms = performance.now();
  if (choice.storm === 'cut') await generators.all('cut');
  else cluster.endCoordinator?.(choice.storm === 'kill' ? 'SIGKILL' : 'SIGTERM');
  const { tally } = await within(BACK_MS, signal, 'all workers to come back', back);
  const seconds = (performance.now() - began_ms) / 1000;
  const reading = choice.storm === 'cut' ? undefined : await cluster.read();
  return [
    { what: `${choice.storm}: all are back after`, value: seconds, unit: 's' },
    { what: 'errors seen by workers until then', value: tally.errorCount, unit: '' },
    ...percentiles(tally, 'reconnect', 'from a loss to the next welcome'),
    ...(reading === undefined
      ? []
      : [{ what: 'new coordinator, until then', value: reading.cpuSeconds, unit: 's of CPU' }]),
  ];
}

function roundTrips(tally: Tally, seconds: number): Figure[] {
  return [
    {
      what: 'round trips',
      value: tally.counts.acknowledged / seconds,
      unit: '/s',
      note: 'results acknowledged as durable, each with the next lease',
    },
    { what: 'size of a result', value: tally.resultBytes, unit: 'bytes' },
    ...percentiles(tally, 'submit', 'submit to acknowledgement'),
    ...percentiles(tally, 'due', 'due to acknowledgement'),
    ...percentiles(tally, 'lease', 'lease asked for alone'),
  ];
}

function comings({ counts }: Tally): Figure[] {
  return [
    { what: 'visitors who came meanwhile', value: counts.joined, unit: '' },
    { what: 'visitors who handed back and left', value: counts.left, unit: '' },
    { what: 'visitors who vanished', value: counts.vanished, unit: '' },
  ];
}

const SHARES = [
  [0.5, 'median'],
  [0.9, '90 %'],
  [0.99, '99 %'],
  [0.999, '99.9 %'],
] as const;

function percentiles({ times }: Tally, kind: TimeKind, what: string): Figure[] {
  const latencies = times[kind];
  if (latencies.count === 0) return [];
  return SHARES.map(([share, word]) => ({
    what: `${what}, ${word}`,
    value: latencies.percentile(share),
    unit: 'ms',
  }));
}

/**
 * Every number once: what was accepted is in the job, what was called a duplicate too, and nothing else but what nobody
 * heard of, or was told of too late. A duplicate may be another worker's: a range whose holder was away for long is leased again. So
 * may what is superseded; or it is the worker's own, stored before a crash that its acknowledgement was lost in, and folded since.
 */
async function addUp(cluster: MeasuredCluster, jobId: string, tally: Tally): Promise<Figure[]> {
  const { value: status } = await cluster.api.status(jobId);
  const { value: results } = await cluster.api.results(jobId);
  const done = BigInt(status.progress.done);
  const { accepted, duplicate, superseded, unanswered } = tally.units;
  const told = `${accepted} units accepted, ${duplicate} called duplicates, ${superseded} superseded, ${unanswered} given up unanswered`;
  if (done < accepted) throw new Error(`a defect: ${told}, but only ${done} are in the job`);
  const lost = results.covered_truncated ? undefined : firstUncovered(tally.duplicates, results.covered);
  if (lost !== undefined) throw new Error(`a defect: ${lost} was called a duplicate, but is not in the job`);
  // Others may compute for a cluster that is not its own.
  if (cluster.endCoordinator !== undefined) {
    if (done > accepted + duplicate + superseded + unanswered) {
      throw new Error(`a defect: ${told}, but ${done} are in the job`);
    }
    const count = results.result?.['count'];
    if (typeof count === 'string' && BigInt(count) !== done) {
      throw new Error(`a defect: ${done} units are done, but the result counts ${count}`);
    }
  }
  const { counts } = tally;
  return [
    { what: 'results acknowledged, from first to last', value: counts.acknowledged, unit: '' },
    {
      what: 'of these sent again after a loss',
      value: counts.resent,
      unit: '',
    },
    { what: 'units accepted', value: Number(accepted), unit: '' },
    { what: 'units called duplicates', value: Number(duplicate), unit: '', note: 'counted before' },
    {
      what: 'units superseded',
      value: Number(superseded),
      unit: '',
      note: 'counted before, or of a job that is over',
    },
    {
      what: 'units given up unanswered',
      value: Number(unanswered),
      unit: '',
      note: 'their workers vanished',
    },
    { what: 'units in the job', value: Number(done), unit: '' },
  ];
}

interface RangeText {
  readonly start: string;
  readonly end: string;
}

function firstUncovered(ranges: readonly RangeText[], covered: readonly RangeText[]): string | undefined {
  const whole = covered.map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) }));
  const lost = ranges.find(
    ({ start, end }) => !whole.some((one) => one.start <= BigInt(start) && BigInt(end) <= one.end),
  );
  return lost === undefined ? undefined : `[${lost.start}, ${lost.end})`;
}

/** All that went wrong from the first connection to the last goodbye, by kind. */
function troubles(tally: Tally): Figure[] {
  const listed = (what: string, kinds: ReadonlyMap<string, number>): Figure[] =>
    [...kinds]
      .filter(([, value]) => value > 0)
      .map(([kind, value]) => ({ what: `${what}: ${kind}`, value, unit: '' }));
  return [
    { what: 'errors seen by workers', value: tally.errorCount, unit: '' },
    ...listed('error', tally.errors),
    ...listed('connection ended', tally.ends),
  ];
}

function title({ scenario, workers, idle, perSecond, seconds, batches }: LoadChoice): string {
  const beside = idle > 0 ? ` beside ${idle} idle` : '';
  switch (scenario) {
    case 'idle':
      return `idle: ${workers + idle} workers with nothing to do, ${seconds} s`;
    case 'flood':
      return `flood: ${workers} workers${beside}, ${seconds} s, results of ${batches}`;
    case 'paced':
    case 'churn':
    case 'storm':
      return `${scenario}: ${workers} workers at ${perSecond} round trips/s${beside}, ${seconds} s, results of ${batches}`;
  }
}

/** @throws Error if it takes longer, or on abort */
async function within<T>(ms: number, signal: AbortSignal, what: string, promise: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  try {
    const late = sleep(ms, undefined, { signal: both }).then(() => {
      throw new Error(`waited ${ms / 1000} s in vain for ${what}`);
    });
    return await Promise.race([promise, late]);
  } finally {
    limit.abort();
  }
}
