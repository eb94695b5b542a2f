/**
 * The computing thread of a page: a Web Worker with an engine (WebGPU, or CPU kernels in further Web Workers) and
 * the worker loop. Loaded after the visitor's click, never before.
 */
import './zod-without-eval.ts';
import { expose } from 'comlink';
import { workloads } from '../../../shaders/registry.ts';
import { Duty } from '../../engines/duty.ts';
import { HttpKernels } from '../../kernel-source.ts';
import { socketTransport } from '../../socket-transport.ts';
import { Worker as ClusterWorker } from '../../worker.ts';
import { atMostEvery } from './at-most-every.ts';
import { browserRuntime } from './browser-runtime.ts';
import { consoleLog } from './console-log.ts';
import type {
  Contribution,
  ContributionEnd,
  ContributionEvents,
  ContributionOptions,
} from './contribution.ts';
import { endOf } from './contribution.ts';
import { HandBackNews } from './hand-back-news.ts';
import type { OpenedEngine } from './open-engine.ts';
import { openEngine } from './open-engine.ts';
import { sha256Hex } from './sha256.ts';

const REPORT_MS = 250;
const FETCH_TIMEOUT_MS = 15_000;
const STOPPED: ContributionEnd = { problem: undefined, message: 'stopped' };

const duty = new Duty(browserRuntime);
let worker: ClusterWorker | undefined;
let opened: OpenedEngine | undefined;
let paused = false;
let share = 1;
let measuring = true;
let stopped = false;

async function run(options: ContributionOptions, events: ContributionEvents): Promise<ContributionEnd> {
  share = options.share;
  setPaused(options.paused);
  const { origin } = options;
  const kernels = new HttpKernels(origin, {
    fetch: (url) => fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) }),
    sha256: sha256Hex,
  });
  const found = await openEngine(options, { kernels, duty, stopped: () => stopped });
  if ('problem' in found) return stopped ? STOPPED : found;
  opened = found;
  const { engine, device } = opened;
  // Until here it measured, for half a second, what the device can do without rests.
  duty.share = share;
  measuring = false;
  if (stopped) {
    await engine.close();
    return STOPPED;
  }
  events.device(device);
  const handBack = new HandBackNews(
    () => worker?.handBack(),
    (body) => events.handBack(body),
  );
  const report = () => {
    if (worker === undefined) return;
    handBack.tell();
    events.report({ status: worker.status(), at_ms: performance.now(), busy_ms: engine.busy_ms() });
  };
  const changed = atMostEvery(REPORT_MS, report);
  worker = new ClusterWorker({
    identity: {
      node_id: options.node_id,
      session: options.session,
      host: 'browser',
      software: 'threads-cluster page',
      tags: [],
      priority: 0,
      health_url: null,
      key: options.key,
    },
    engine,
    transport: socketTransport({ url: origin }),
    kernels,
    runtime: browserRuntime,
    log: consoleLog,
    workloads,
    handBack: async (body) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch('/api/hand-back', { method: 'POST', headers, body });
      if (!response.ok) throw new Error(`it was answered ${response.status}`);
    },
    onStatus: (status) => {
      changed();
      handBack.status(status);
    },
  });
  if (paused) worker.pause();
  // Progress is no change of state: it is looked at.
  const timer = setInterval(changed, REPORT_MS);
  const end = await worker.finished;
  clearInterval(timer);
  report();
  return endOf(end);
}

function setPaused(wanted: boolean): void {
  paused = wanted;
  if (worker !== undefined) {
    if (paused) worker.pause();
    else worker.resume();
  } else if (paused) duty.hold();
  else duty.go();
}

const contribution: Contribution = {
  run,
  setPaused,
  setShare(wanted) {
    share = wanted;
    if (!measuring) duty.share = share;
  },
  setPieceScale(scale) {
    duty.piece_scale = scale;
  },
  async stop() {
    stopped = true;
    duty.hold();
    // A GPU ends what it was given; a CPU thread begins nothing more and what it is at is lost, 15 ms of work.
    await worker?.stop(opened?.device.engine === 'cpu' ? 'drop' : 'finish');
  },
};

expose(contribution);
