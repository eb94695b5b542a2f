/** What the page shows, as signals: the chosen root, its simulation, the clock, the selected thread, the address. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { TreeTotals } from '../../../shaders/thread-sim/tree.ts';
import { DEFAULT_PROCESSORS, readAddress, SMALL_PROCESSORS, writeAddress } from './address.ts';
import { advance, momentAt } from './clock.ts';
import type { Choice, Draft } from './shape.ts';
import { draftOf, readDraft } from './shape.ts';
import type { Program, Run, SimulationReply, SimulationRequest } from './simulation.ts';

export const SPEEDS = [0.25, 1, 4, 16] as const;

/** Pictures follow the clock frame by frame, figures at most twice a second. */
const FIGURES_MS = 500;
/** With reduced motion the picture is replaced: nothing glides. */
const STILL_STEP_MS = 5000;
/** The longest that a frame may stand for. */
const LONGEST_FRAME_MS = 1000;

export interface Simulated {
  readonly choice: Choice;
  readonly program: Program;
  readonly run: Run;
}

/** The last root that could not be drawn, and what is known of it. */
export interface Counted {
  readonly choice: Choice;
  /** undefined: more threads than any job may ask for. */
  readonly totals: TreeTotals | undefined;
}

const usualProcessors = matchMedia('(max-width: 720px)').matches ? SMALL_PROCESSORS : DEFAULT_PROCESSORS;
const asked = readAddress(location.search, usualProcessors);

export const choice = signal<Choice>({ shape: asked.shape, root: asked.root });
export const processors = signal(asked.processors);
export const selected = signal<number | undefined>(asked.thread);
export const simulated = signal<Simulated | undefined>(undefined);
export const counted = signal<Counted | undefined>(undefined);
/** A simulation that takes long enough to say so. */
export const busy = signal(false);
export const failure = signal('');
/** What is typed in the fields of the choice. */
export const draft = signal<Draft>(draftOf(choice.peek()));
/** A job whose shape the address asks for. */
export const askedJob = asked.job;

export const playing = signal(false);
export const speed = signal<number>(1);
/** Ticks; the end is where a picture stands that was not played. */
export const time = signal(0);
/** The same for figures and text: at most twice a second while playing. */
export const figureTime = signal(0);
export const moment = computed(() => {
  const run = simulated.value?.run;
  return run === undefined ? undefined : momentAt(run, figureTime.value);
});

/** Shows another root; what is typed follows. */
export function choose(next: Choice): void {
  batch(() => {
    choice.value = next;
    draft.value = draftOf(next);
    selected.value = undefined;
  });
}

/** Takes what is typed; the picture follows as soon as all of it can be read. */
export function type(next: Draft): void {
  draft.value = next;
  const read = readDraft(next);
  if (!('choice' in read)) return;
  batch(() => {
    choice.value = read.choice;
    selected.value = undefined;
  });
}

export function seek(to: number): void {
  batch(() => {
    time.value = to;
    figureTime.value = to;
  });
}

export function reset(): void {
  playing.value = false;
  seek(0);
}

export function togglePlay(): void {
  const run = simulated.peek()?.run;
  if (run === undefined) return;
  if (!playing.peek() && time.peek() >= run.makespan) seek(0);
  playing.value = !playing.peek();
}

let worker: Worker | undefined;
let lastId = 0;
let waiting = false;

/** An answer that is no longer wanted may take a second: its worker ends instead. */
function simulate(request: Omit<SimulationRequest, 'id'>): void {
  if (waiting) worker?.terminate();
  if (waiting || worker === undefined) worker = startWorker();
  const id = ++lastId;
  waiting = true;
  setTimeout(() => {
    if (waiting && id === lastId) busy.value = true;
  }, 300);
  worker.postMessage({ id, ...request });
}

function startWorker(): Worker {
  const started = new Worker(new URL('./simulation-thread.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', (event: MessageEvent<SimulationReply>) => {
    if (event.data.id === lastId) show(event.data);
  });
  started.addEventListener('error', () => {
    if (started !== worker) return;
    worker = undefined;
    waiting = false;
    batch(() => {
      busy.value = false;
      failure.value = 'The simulation could not be loaded. Reload the page.';
    });
  });
  return started;
}

function show(reply: SimulationReply): void {
  waiting = false;
  batch(() => {
    busy.value = false;
    failure.value = '';
    if (reply.kind === 'counted') {
      counted.value = { choice: choice.peek(), totals: reply.totals };
      playing.value = false;
      return;
    }
    counted.value = undefined;
    simulated.value = { choice: choice.peek(), program: reply.program, run: reply.run };
    playing.value = false;
    seek(reply.run.makespan);
    const thread = selected.peek();
    if (thread !== undefined && thread >= reply.program.threads) selected.value = undefined;
  });
}

effect(() => {
  simulate({ ...choice.value, processors: processors.value });
});

effect(() => {
  const shown = { ...choice.value, processors: processors.value, thread: selected.value };
  history.replaceState(
    null,
    '',
    `${location.pathname}${writeAddress(shown, usualProcessors)}${location.hash}`,
  );
});

effect(() => {
  if (!playing.value) return undefined;
  const run = simulated.value?.run;
  if (run === undefined) return undefined;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const longest = still ? STILL_STEP_MS : LONGEST_FRAME_MS;
  let frame = 0;
  let last = performance.now();
  let lastFigures = last;
  const step = (now: number) => {
    frame = requestAnimationFrame(step);
    if (still && now - last < STILL_STEP_MS) return;
    // A hidden tab gets no frames: what passed there does not count.
    const next = advance(time.peek(), Math.min(now - last, longest), speed.peek(), run.makespan);
    last = now;
    const over = next >= run.makespan;
    batch(() => {
      time.value = next;
      if (over || now - lastFigures >= FIGURES_MS) {
        figureTime.value = next;
        lastFigures = now;
      }
      if (over) playing.value = false;
    });
  };
  frame = requestAnimationFrame(step);
  return () => cancelAnimationFrame(frame);
});
