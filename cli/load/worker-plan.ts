/** What each simulated worker is, drawn from the seed: the same whichever process plays it. */
import { z } from 'zod';
import { Chance } from './chance.ts';

/** Of the speeds of volunteers' devices: the 90th percentile is 3.6 times the median. */
const SPEED_SIGMA = 1;
/** Behaviours in a mixed crowd. */
const SLOW_SHARE = 0.05;
const SILENT_SHARE = 0.02;
/** A slow one takes so many times as long. */
const SLOWNESS = 20;
/** Connections from one source address: ports are some 28,000 for each pair of addresses, and closed ones rest for a minute. */
export const PER_ADDRESS = 5000;

export const crowd = z.object({
  seed: z.string(),
  /** Coordinators, each the first address of every so many-th worker. */
  urls: z.array(z.string()).min(1),
  /** Workers that compute, or would. */
  active: z.number().int().min(0),
  /** Beside them, workers that no job wants: they ask, are told to wait, and send heartbeats. */
  idle: z.number().int().min(0),
  /**
   * all at once: a result as soon as the last one is acknowledged · paced: at moments of their own, together so many a
   * second · none: there is no work
   */
  pace: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('at once') }),
    z.object({ kind: z.literal('paced'), per_second: z.number().positive() }),
    z.object({ kind: z.literal('none') }),
  ]),
  /** Visitors come and go, and some are slow or fall silent. */
  mixed: z.boolean(),
});
export type Crowd = z.infer<typeof crowd>;

export type Behaviour = 'computes' | 'slow' | 'silent' | 'idle';

export interface WorkerPlan {
  readonly index: number;
  readonly name: string;
  readonly url: string;
  readonly localAddress: string | undefined;
  readonly behaviour: Behaviour;
  /** Mean time between its results; 0: as fast as they are acknowledged. */
  readonly interval_ms: number;
  /** Speed that it tells of, units per second. */
  readonly rate: number;
}

/** Told by a worker of the median: so slow that a coordinator gives it short batches. */
const MEDIAN_RATE = 100;

export function planWorkers(crowd: Crowd): WorkerPlan[] {
  const drawn = Array.from({ length: crowd.active + crowd.idle }, (_, index) => draw(crowd, index));
  const speeds = drawn.reduce((sum, { speed }) => sum + speed, 0);
  const { pace } = crowd;
  return drawn.map(({ behaviour, speed }, index) => {
    const url = crowd.urls[index % crowd.urls.length] ?? '';
    return {
      index,
      name: `load-${crowd.seed}-${index}`,
      url,
      localAddress: sourceAddress(url, index),
      behaviour,
      interval_ms: pace.kind === 'paced' && speed > 0 ? (1000 * speeds) / speed / pace.per_second : 0,
      rate: speed * MEDIAN_RATE,
    };
  });
}

function draw({ seed, active, mixed }: Crowd, index: number): { behaviour: Behaviour; speed: number } {
  if (index >= active) return { behaviour: 'idle', speed: 0 };
  const chance = new Chance(`${seed} worker ${index}`);
  const speed = chance.logNormal(1, SPEED_SIGMA);
  const lot = chance.unit();
  if (mixed && lot < SILENT_SHARE) return { behaviour: 'silent', speed };
  if (mixed && lot < SILENT_SHARE + SLOW_SHARE) return { behaviour: 'slow', speed: speed / SLOWNESS };
  return { behaviour: 'computes', speed };
}

/** Addresses of 127.0.0.0/8 in turn, where the target is one of these: elsewhere this machine has those it has. */
function sourceAddress(url: string, index: number): string | undefined {
  if (!/^127(\.\d{1,3}){3}$/.test(new URL(url).hostname)) return undefined;
  const block = 1 + Math.floor(index / PER_ADDRESS);
  return `127.0.${block >> 8}.${block & 0xff}`;
}
