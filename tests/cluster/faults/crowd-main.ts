/** A process of simulated workers (cli/load) that tells of each result that was acknowledged, before anything else. */
import { SimulatedWorker } from '../../../cli/load/simulated-worker.ts';
import { Tally } from '../../../cli/load/tally.ts';
import { TinyBatches } from '../../../cli/load/tiny-batches.ts';
import { planWorkers } from '../../../cli/load/worker-plan.ts';
import { CROWD_VARIABLE, crowdPlan } from './crowd-messages.ts';

const plan = crowdPlan.parse(JSON.parse(process.env[CROWD_VARIABLE] ?? ''));
const connected = new Set<number>();
const tally = new Tally();
const around = {
  tally,
  batches: new TinyBatches(),
  key: undefined,
  welcomed: (index: number) => void connected.add(index),
  lost: (index: number) => void connected.delete(index),
  acknowledged: ({ start, end }: { start: bigint; end: bigint }) =>
    say({ kind: 'acknowledged', start: String(start), end: String(end) }),
  saysItTook: (units: bigint, { rate }: { rate: number }) => (Number(units) / rate) * 1000,
};

const pace = { kind: 'paced', per_second: plan.perSecond } as const;
const crowd = { seed: plan.seed, urls: [plan.url], active: plan.workers, idle: 0, pace, mixed: false };
for (const worker of planWorkers(crowd).filter(({ index }) => index % plan.of === plan.index)) {
  // It computes a batch in the time between two of its results.
  const rate = (plan.batch * 1000) / worker.interval_ms;
  const one = new SimulatedWorker({ ...worker, rate }, plan.life, around);
  one.joined.catch((error: unknown) => say({ kind: 'refused', message: String(error) }));
  one.join();
  one.work();
}

process.on('message', () => say({ kind: 'told', connected: connected.size, tally: tally.state() }));
process.on('disconnect', () => process.exit(0));

function say(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
