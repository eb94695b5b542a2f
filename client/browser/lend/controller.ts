/**
 * This device's contribution: what the visitor wants, what the browser allows, and what the computing thread tells,
 * as signals. The thread is loaded by `start`, never before.
 */
import { computed, effect, signal } from '@preact/signals';
import { askCaller } from '../api/caller.ts';
import { key, keyRefusal } from '../api/key.ts';
import type { ContributionEnd, ContributionProblem, ContributionReport, EngineKind } from './contribution.ts';
import { watchFrames } from './frame-watch.ts';
import type { Lend, PauseCause } from './lend.ts';
import { INTENSITIES } from './lend.ts';
import type { EngineChoice, Intensity } from './lend.ts';
import { memoryOfBrowser, newIdentity } from './lend-memory.ts';
import type { Identity } from './lend-memory.ts';
import type { Stage } from './lend-phase.ts';
import { phaseOf } from './lend-phase.ts';
import { setOwnNodeId } from './lend-state.ts';
import { claimTab, otherTabEnded } from './one-tab.ts';
import { createPauseRules } from './pause-rules.ts';
import type { RunningContribution } from './running-contribution.ts';
import { Seconds } from './seconds.ts';
import { settledWorkerKey, workerKey } from './worker-key.ts';

/** Where the browser does not tell how many CPU threads there are. */
const USUAL_THREADS = 2;

/** A CPU that computes for more than this share of the time is under pressure by that alone. */
const OWN_PRESSURE = 0.5;

const shareOf = (intensity: Intensity) => INTENSITIES.find(({ name }) => name === intensity)?.share ?? 1;

/** Goes on by itself where this tab contributed when its page was left. */
export function createLend(): Lend {
  const memory = memoryOfBrowser();
  const remembered = memory.tab();
  const settings = memory.settings();
  const pauseRules = createPauseRules();
  const seconds = new Seconds(() => Date.now());

  const stage = signal<Stage>('off');
  const problem = signal<Lend['problem']['value']>(knownProblem());
  const report = signal<ContributionReport | undefined>(undefined);
  const device = signal<Lend['device']['value']>(undefined);
  const minute = signal<Lend['minute']['value']>([]);
  const intensity = signal<Intensity>(settings?.intensity ?? 'Half');
  const engine_choice = signal<EngineChoice>(settings?.engine ?? 'auto');
  const pausedByUser = signal(false);
  /** Causes that the visitor overruled while they hold. */
  const overruled = signal<readonly PauseCause[]>([]);
  /** Of the threads before. */
  const before = signal({ units: 0n, batches: 0 });

  const device_on_cpu = signal(false);

  const status = computed(() => report.value?.status);
  /** Pressure then tells nothing of other programs: pausing would end it, going on bring it back. */
  const ownPressure = computed(() => device_on_cpu.value && shareOf(intensity.value) > OWN_PRESSURE);
  const paused_by = computed((): readonly PauseCause[] => [
    ...(pausedByUser.value ? (['user'] as const) : []),
    ...pauseRules.causes.value.filter(
      (cause) => !overruled.value.includes(cause) && !(cause === 'pressure' && ownPressure.value),
    ),
  ]);
  const phase = computed(() => phaseOf(stage.value, status.value, paused_by.value));
  const units_accepted = computed(() => before.value.units + (status.value?.units_accepted ?? 0n));
  const batches_accepted = computed(() => before.value.batches + (status.value?.batches_accepted ?? 0));

  let wanted = false;
  let identity: Identity | undefined;
  let faster: EngineKind | undefined;
  let running: RunningContribution | undefined;
  /** The key that `running` shows. */
  let carried: string | undefined;
  /** Why it is made to end, where it can't know by itself. */
  let endedBy: ContributionEnd | undefined;
  let waiting: AbortController | undefined;
  /** One contribution ends before the next begins. */
  let busy = false;
  let leaving = false;

  effect(() => {
    const paused = paused_by.value.length > 0;
    running?.setPaused(paused);
  });
  effect(() => {
    // Overruled is a cause only as long as it lasts.
    const holding = overruled.peek().filter((cause) => pauseRules.causes.value.includes(cause));
    if (holding.length !== overruled.peek().length) overruled.value = holding;
  });

  effect(() => {
    if (workerKey.value !== carried) void keyChanged();
  });
  key.subscribe((shown) => {
    // Another try, with this one.
    if (shown === undefined || !isOfKey(problem.peek()?.kind)) return;
    problem.value = knownProblem();
    stage.value = 'off';
  });

  /** What it did for one key must not go on for another, nor for none because the coordinator has ended the key. */
  async function keyChanged(): Promise<void> {
    const one = running;
    const refusal = keyRefusal.peek();
    if (one === undefined) return;
    if (refusal !== undefined && carried !== undefined) {
      endedBy = { problem: 'key_refused', message: refusal };
      one.stop();
      return;
    }
    const next = await settledWorkerKey();
    if (running !== one || next === carried) return;
    stage.value = 'starting';
    one.stop();
  }

  function remember(left: boolean): void {
    // A thread may still report after a Stop.
    if (identity === undefined || !wanted) return;
    const done = { units_accepted: units_accepted.peek(), batches_accepted: batches_accepted.peek() };
    memory.setTab({ ...identity, left, faster, ...done });
  }

  async function contribute(): Promise<void> {
    if (busy) return;
    busy = true;
    while (wanted && !leaving) {
      stage.value = 'starting';
      const giveBack = await claim();
      if (giveBack === undefined) break;
      const ran = await run().catch((error: unknown): ContributionEnd => broken(error));
      const end = endedBy ?? ran;
      endedBy = undefined;
      giveBack();
      if (end.problem === undefined) continue;
      wanted = false;
      memory.forgetTab();
      problem.value = { kind: end.problem, message: end.message };
      if (!isOfKey(end.problem)) continue;
      // The name is kept for the key.
      identity = undefined;
      void askCaller();
    }
    busy = false;
    if (leaving) return;
    stage.value = problem.peek() === undefined ? 'off' : 'failed';
    problem.value ??= knownProblem();
  }

  /** Undefined: no longer wanted. */
  async function claim(): Promise<(() => void) | undefined> {
    for (;;) {
      const giveBack = await claimTab();
      if (giveBack !== undefined) {
        if (wanted) return giveBack;
        giveBack();
        return undefined;
      }
      if (!wanted) return undefined;
      stage.value = 'elsewhere';
      waiting = new AbortController();
      if (!(await otherTabEnded(waiting.signal))) return undefined;
      stage.value = 'starting';
    }
  }

  async function run(): Promise<ContributionEnd> {
    const [{ startContribution }, shown] = await Promise.all([
      import('./running-contribution.ts'),
      settledWorkerKey(),
    ]);
    if (!wanted || leaving) return { problem: undefined, message: 'stopped' };
    const refusal = keyRefusal.peek();
    if (identity?.keyed === true && shown === undefined) {
      if (refusal !== undefined) return { problem: 'key_refused', message: refusal };
      identity = undefined;
    }
    identity = { ...(identity ?? newIdentity()), keyed: shown !== undefined };
    const choice = engine_choice.peek();
    const one = startContribution(
      {
        origin: location.origin,
        node_id: identity.node_id,
        session: identity.session,
        key: shown,
        engine: choice === 'auto' ? (faster ?? 'auto') : choice,
        threads: navigator.hardwareConcurrency > 0 ? navigator.hardwareConcurrency : USUAL_THREADS,
        share: shareOf(intensity.peek()),
        paused: paused_by.peek().length > 0,
      },
      {
        device: ({ engine, name, threads, web_assembly, on_cpu, measured }) => {
          if (measured) faster = engine;
          device_on_cpu.value = on_cpu;
          device.value = { engine, name, threads, web_assembly };
          remember(false);
        },
        report: (next) => {
          report.value = next;
          const { at_ms, busy_ms, status: worker } = next;
          seconds.add({ at_ms, busy_ms, units_computed: worker.units_computed }, paused_by.peek());
          minute.value = seconds.list;
        },
      },
    );
    running = one;
    carried = shown;
    // The visitor may have changed these while the thread was loaded.
    one.setPaused(paused_by.peek().length > 0);
    if (workerKey.peek() !== shown) void keyChanged();
    setOwnNodeId(identity.node_id);
    if (stage.peek() === 'starting') stage.value = 'running';
    remember(false);
    const endFrames = watchFrames((scale) => one.setPieceScale(scale));
    const end = await one.ended;
    endFrames();
    running = undefined;
    carried = undefined;
    seconds.restart();
    before.value = { units: units_accepted.peek(), batches: batches_accepted.peek() };
    report.value = undefined;
    device.value = undefined;
    device_on_cpu.value = false;
    setOwnNodeId(undefined);
    return end;
  }

  function start(): void {
    if (wanted) return;
    wanted = true;
    problem.value = undefined;
    memory.setSettings({ intensity: intensity.peek(), engine: engine_choice.peek() });
    void contribute();
  }

  function stop(): void {
    wanted = false;
    memory.forgetTab();
    pausedByUser.value = false;
    waiting?.abort();
    if (running === undefined) return;
    stage.value = 'stopping';
    running.stop();
  }

  addEventListener('pagehide', () => {
    leaving = wanted;
    if (wanted) remember(true);
    waiting?.abort();
    running?.leave();
  });
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted || !leaving) return;
    leaving = false;
    void contribute();
  });

  const navigation = performance.getEntriesByType('navigation')[0];
  const reloaded = navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
  if (remembered !== undefined && (remembered.left || reloaded)) {
    const { node_id, session, keyed } = remembered;
    identity = { node_id, session, keyed };
    ({ faster } = remembered);
    before.value = { units: remembered.units_accepted, batches: remembered.batches_accepted };
    start();
  } else memory.forgetTab();

  return {
    phase,
    problem,
    connected: computed(() => status.value?.connected ?? false),
    device,
    unit: computed(() => status.value?.unit ?? 'numbers'),
    rate_per_second: computed(() => (phase.value === 'computing' ? (status.value?.rate_per_second ?? 0) : 0)),
    minute,
    batches: computed(() => status.value?.batches ?? []),
    units_accepted,
    batches_accepted,
    intensity,
    engine_choice,
    rules: pauseRules.rules,
    paused_by,
    start,
    stop,
    pause() {
      pausedByUser.value = true;
    },
    resume() {
      pausedByUser.value = false;
      overruled.value = pauseRules.causes.peek();
    },
    setIntensity(next) {
      intensity.value = next;
      running?.setShare(shareOf(next));
      if (wanted) memory.setSettings({ intensity: next, engine: engine_choice.peek() });
    },
    setEngine(next) {
      if (next === engine_choice.peek()) return;
      engine_choice.value = next;
      faster = undefined;
      if (!wanted) return;
      memory.setSettings({ intensity: intensity.peek(), engine: next });
      // What is done is handed back; `contribute` goes on with the other engine.
      stage.value = 'starting';
      running?.stop();
    },
    setRule: (cause, on) => pauseRules.set(cause, on),
  };
}

/** What can be told without asking for a GPU: it stands there before the first start, beside the way by CPU. */
function knownProblem(): Lend['problem']['value'] {
  if ('gpu' in navigator) return undefined;
  const kind = isSecureContext ? 'no_webgpu' : 'insecure';
  return { kind, message: 'navigator.gpu is missing' };
}

function isOfKey(kind: ContributionProblem | undefined): boolean {
  return kind === 'key_needed' || kind === 'key_refused' || kind === 'forbidden';
}

function broken(error: unknown): ContributionEnd {
  return { problem: 'broken', message: error instanceof Error ? error.message : String(error) };
}
