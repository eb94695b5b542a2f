/**
 * One seeded history of a cluster: workers and coordinator fail for a while, then everything heals, and every
 * job must end with the exact result.
 */
import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenSigner } from '../../coordinator/jobs/token.ts';
import { openSqliteStore } from '../../coordinator/store/sqlite.ts';
import { Chance } from './chance.ts';
import { VirtualClock } from './clock.ts';
import { CoordinatorHost } from './coordinator-host.ts';
import { Ledger } from './ledger.ts';
import { Lies } from './lies.ts';
import { QUIET } from './network.ts';
import type { NetworkFaults } from './network.ts';
import { Operator } from './operator.ts';
import type { Programs } from './programs.ts';
import { drawProfile, FaultSchedule } from './faults.ts';
import { Trace } from './trace.ts';
import { WorkerHost } from './worker-host.ts';
import type { Truth } from './jobs.ts';

export interface Outcome {
  readonly seed: string;
  readonly violations: readonly string[];
  readonly trace: Trace;
  readonly counts: ReadonlyMap<string, number>;
  readonly virtual_ms: number;
}

/** Faults end at a drawn time below this. */
const FAULTS_MS = 5 * 60_000;
/** From then on all jobs must end in this time: leases of the silent expire, back-offs run out, the rest is computed. */
const HEALED_MS = 60 * 60_000;

/** The same range, the same lie: found once for all histories. */
const lies = new Lies();

export async function runScenario(seed: string, programs: Programs, truth: Truth): Promise<Outcome> {
  const chance = new Chance(seed);
  const profile = drawProfile(chance.fork('profile'));
  const clock = new VirtualClock();
  const trace = new Trace(clock);
  const dataDir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'simulation-'));
  const unhandled = (reason: unknown) => {
    ledger.violation(`unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  };
  const names = Array.from({ length: profile.workers }, (_, index) => `worker-${index}`);
  const liars = new Set(names.slice(0, profile.liars));
  const strangerChance = chance.fork('strangers');
  const strangers = new Set(names.filter(() => strangerChance.chance(profile.strangers)));
  const signer = await clusterSigner(dataDir);
  const ledger = new Ledger({ truth, trace, signer, liars, ownWorkers: names.length - strangers.size });
  trace.add(profile.description);
  process.on('unhandledRejection', unhandled);
  try {
    let healed = false;
    const network = (): NetworkFaults => (healed ? QUIET : profile.network);
    const crashNotice = chance.fork('crash');
    const coordinator: CoordinatorHost = new CoordinatorHost({
      dataDir,
      clock,
      chance: chance.fork('coordinator'),
      programs,
      ledger,
      trace,
      storeFaults: profile.store,
      isOwn: (nodeId) => !strangers.has(nodeId),
      target_ms: profile.target_ms,
      onCrash: () => {
        for (const host of hosts) host.coordinatorDied(crashNotice.chance(0.7));
        const delay = crashNotice.chance(0.5) ? 0 : crashNotice.between(0, 40_000);
        clock.setTimer(delay, () => void begin());
      },
    });
    const begin = (): Promise<void> =>
      coordinator.start().catch((error: unknown) => {
        ledger.violation(
          `the coordinator did not start: ${error instanceof Error ? error.stack : String(error)}`,
        );
      });
    const hosts: readonly WorkerHost[] = names.map((nodeId) => {
      const own = chance.fork(nodeId);
      return new WorkerHost({
        nodeId,
        clock,
        chance: own,
        listener: coordinator,
        network,
        device: () => (healed ? { deathProbability: 0, kernelFaultProbability: 0 } : profile.device),
        programs,
        ledger,
        trace,
        lies,
        target_ms: profile.target_ms,
        lieProbability: liars.has(nodeId) ? profile.lieProbability : 0,
        // One honest worker of usual speed there must be, or jobs take for ever and nothing is wrong with that.
        speed:
          nodeId !== names.at(-1) && own.chance(profile.stragglers)
            ? own.between(0.03, 0.2)
            : own.between(0.5, 3),
      });
    });
    const operator = new Operator({
      clock,
      chance: chance.fork('operator'),
      coordinator,
      ledger,
      trace,
      profile,
    });
    const faults = new FaultSchedule({ clock, chance: chance.fork('faults'), coordinator, hosts, profile });
    void begin();
    for (const host of hosts) clock.setTimer(chance.between(0, 20_000), () => host.start());
    operator.start();
    faults.start();
    const failed = () => ledger.violations.length > 0;
    const heal_ms = chance.between(FAULTS_MS / 10, FAULTS_MS);
    await clock.run(failed, heal_ms);
    healed = true;
    trace.add('everything heals');
    faults.heal();
    operator.heal();
    const ended = await clock.run(() => failed() || operator.allOver, heal_ms + HEALED_MS);
    if (!ended) {
      trace.add(await inspected(clock, coordinator, operator));
      ledger.violation(`after ${HEALED_MS / 60_000} minutes without faults: ${operator.unfinished}`);
    }
    coordinator.crash('at the end');
    for (const host of hosts) host.kill();
    for (const [what, times] of [['coordinator crash', coordinator.crashes - 1]] as const) {
      for (let i = 0; i < times; i++) ledger.count(what);
    }
  } finally {
    process.off('unhandledRejection', unhandled);
    rmSync(dataDir, { recursive: true, force: true });
  }
  return { seed, violations: ledger.violations, trace, counts: ledger.counts, virtual_ms: clock.elapsed() };
}

/** What the coordinator says of everything that should be over. */
async function inspected(
  clock: VirtualClock,
  coordinator: CoordinatorHost,
  operator: Operator,
): Promise<string> {
  const { cluster } = coordinator;
  if (cluster === undefined) return 'the coordinator is down';
  const lines: string[] = [JSON.stringify(cluster.overview())];
  const asked = operator.unfinishedIds.map(async (jobId) => {
    lines.push(JSON.stringify(await cluster.status(jobId)), JSON.stringify(await cluster.coverage(jobId)));
  });
  let answered = false;
  void Promise.allSettled(asked).then(() => (answered = true));
  await clock.run(() => answered, clock.elapsed() + 10_000);
  return [...lines, ...cluster.nodes().map((node) => JSON.stringify(node))].join('\n');
}

/** The store's key is made at its first opening. */
async function clusterSigner(dataDir: string): Promise<TokenSigner> {
  const store = await openSqliteStore(dataDir);
  const signer = new TokenSigner(store.tokenKey);
  await store.close();
  return signer;
}
