/** The page: one button. Nothing that computes is loaded before it is pressed. */
import type { WorkerStatus } from '../../worker-status.ts';
import { clusterSentence } from './cluster-now.ts';
import type { ContributionProblem } from './contribution.ts';
import type { RunningContribution } from './contributor.ts';
import { grouped, scaled } from '../format/figures.ts';
import { describeProblem } from './problems.ts';

const CLUSTER_MS = 5000;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

const button = element('contribute');
const state = element('state');
const panel = element('panel');
const parts = {
  headline: element('headline'),
  rate: element('rate'),
  rateUnit: element('rate-unit'),
  accepted: element('accepted'),
  counted: element('counted'),
  countedUnit: element('counted-unit'),
  device: element('device'),
};

let running: RunningContribution | undefined;
let action: 'start' | 'stop' | 'reload' | 'wait' = 'start';

button.addEventListener('click', () => {
  switch (action) {
    case 'start':
      void contribute();
      break;
    case 'stop':
      say('Stopping: what is done of this batch is handed back.', 'calm');
      offer('wait', 'Stopping …');
      void running?.stop();
      break;
    case 'reload':
      location.reload();
      break;
    case 'wait':
      break;
  }
});

// A page that is left hands back what it can; the browser may be quicker.
window.addEventListener('pagehide', () => void running?.stop());

async function contribute(): Promise<void> {
  if (!window.isSecureContext) return showProblem('insecure', '');
  if (!('gpu' in navigator)) return showProblem('no_webgpu', '');
  offer('wait', 'Starting …');
  say('Loading the programs that compute.', 'calm');
  panel.hidden = false;
  parts.device.textContent = '';
  try {
    const { startContribution } = await import('./contributor.ts');
    running = startContribution((description) => {
      parts.device.textContent = description;
    }, showStatus);
  } catch (error) {
    return showProblem('broken', error instanceof Error ? error.message : String(error));
  }
  offer('stop', 'Stop');
  const end = await running.ended;
  running = undefined;
  if (end.problem !== undefined) return showProblem(end.problem, end.message);
  say('Stopped. This page computes nothing now.', 'calm');
  offer('start', 'Start contributing');
}

function showProblem(problem: ContributionProblem, message: string): void {
  const text = describeProblem(problem, message, location.port);
  panel.hidden = problem === 'insecure' || problem === 'no_webgpu';
  say(text.sentence, 'problem');
  parts.rate.textContent = '0';
  switch (text.action) {
    case 'retry':
      return offer('start', text.label);
    case 'reload':
      return offer('reload', text.label);
    case 'none':
      return offer('wait', text.label);
  }
}

function showStatus(status: WorkerStatus): void {
  const unit = status.unit ?? 'numbers';
  const rate = scaled(status.state === 'computing' ? status.rate_per_second : 0);
  parts.rate.textContent = rate.figure;
  parts.rateUnit.textContent = `${rate.scale} ${unit} a second`.trim();
  parts.accepted.textContent = grouped(status.batches_accepted);
  parts.counted.textContent = grouped(status.units_accepted);
  parts.countedUnit.textContent = unit.charAt(0).toUpperCase() + unit.slice(1);
  if (action !== 'stop') return;
  const { sentence, mood } = describeState(status);
  say(sentence, mood);
}

function describeState(status: WorkerStatus): { sentence: string; mood: 'live' | 'calm' | 'warn' } {
  switch (status.state) {
    case 'testing':
      return status.message === undefined
        ? { sentence: 'Testing this GPU with questions whose answers are known.', mood: 'calm' }
        : { sentence: 'The coordinator can’t be reached; trying again.', mood: 'warn' };
    case 'connecting':
      return status.message === undefined
        ? { sentence: 'Connecting to the coordinator.', mood: 'calm' }
        : { sentence: 'The connection is lost; trying again.', mood: 'warn' };
    case 'idle':
      return { sentence: 'Ready. There is nothing to compute at the moment.', mood: 'calm' };
    case 'computing':
      return status.connected
        ? { sentence: 'Computing.', mood: 'live' }
        : { sentence: 'Computing; the connection is lost, results wait until it is back.', mood: 'warn' };
    case 'stopping':
    case 'ended':
      return { sentence: 'Stopping.', mood: 'calm' };
  }
}

function say(sentence: string, mood: 'live' | 'calm' | 'warn' | 'problem'): void {
  // Screen readers hear each change once.
  if (state.textContent !== sentence) state.textContent = sentence;
  state.dataset['mood'] = mood;
}

function offer(next: typeof action, label: string): void {
  action = next;
  button.textContent = label;
  button.toggleAttribute('disabled', next === 'wait');
  button.dataset['kind'] = next === 'stop' ? 'quiet' : 'primary';
}

async function showCluster(): Promise<void> {
  if (document.hidden) return;
  try {
    const response = await fetch('/api/status', { signal: AbortSignal.timeout(CLUSTER_MS) });
    const sentence = response.ok ? clusterSentence(await response.json()) : undefined;
    parts.headline.textContent = sentence ?? 'Threads Cluster';
    parts.headline.dataset['stale'] = 'no';
  } catch {
    // What stands there is old now: greyed out, not removed.
    parts.headline.dataset['stale'] = 'yes';
  }
}

void showCluster();
setInterval(() => void showCluster(), CLUSTER_MS);
document.addEventListener('visibilitychange', () => void showCluster());
