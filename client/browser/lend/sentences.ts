/** What the lend panel says: a heading, one sentence and one or two actions for every state of this device. */
import type { ContributionProblem } from './contribution.ts';
import type { EngineChoice, Intensity, LendPhase, PauseCause, PauseRule } from './lend.ts';
import { INTENSITIES } from './lend.ts';

export type NoticeAction =
  | {
      readonly does: 'start' | 'start_cpu' | 'use_cpu' | 'stop' | 'reload' | 'resume' | 'rules' | 'key';
      readonly label: string;
    }
  | { readonly does: 'link'; readonly label: string; readonly href: string };

export interface Notice {
  readonly heading: string;
  readonly sentence: string;
  /** The first is the one to offer. */
  readonly actions: readonly NoticeAction[];
}

export interface Situation {
  readonly phase: LendPhase;
  readonly problem: { readonly kind: ContributionProblem; readonly message: string } | undefined;
  readonly paused_by: readonly PauseCause[];
  readonly connected: boolean;
  /** What the browser says of the network. */
  readonly online: boolean;
  readonly engine: 'gpu' | 'cpu' | undefined;
  /** Why the coordinator would take no work from here; undefined: it would, or that is not known. */
  readonly refusal: 'key_needed' | 'forbidden' | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: string;
}

const TEST_DEVICE = { does: 'link', label: 'Test this device', href: '/device.html' } as const;
const ON_CPU = { does: 'start_cpu', label: 'Start on the CPU' } as const;
const USE_CPU = { does: 'use_cpu', label: 'Switch to the CPU' } as const;
const AGAIN = { does: 'start', label: 'Try again' } as const;
const CHANGE_RULES = { does: 'rules', label: 'Change rules' } as const;
const USE_KEY = { does: 'key', label: 'Use a key' } as const;
const RESUME = { does: 'resume', label: 'Resume now' } as const;

/** Undefined: nothing stands in its way, or nothing was started. */
export function noticeOf(situation: Situation, address: Address): Notice | undefined {
  const { phase, problem, paused_by, connected, online, engine, refusal } = situation;
  if (phase === 'failed' || phase === 'off') {
    // Without a key that may, no other way helps. One that was refused has a reason of its own.
    if (refusal !== undefined && problem?.kind !== 'key_refused') return problemNotice(refusal, '', address);
    if (problem !== undefined) {
      const said = problemNotice(problem.kind, problem.message, address);
      if (refusal === undefined) return said;
      return { ...said, actions: said.actions.filter(({ does }) => does === 'key') };
    }
  }
  switch (phase) {
    case 'off':
      return undefined;
    case 'starting':
      return notice(
        'Getting ready',
        'Loading the programs that compute, and testing this device with questions whose answers are known.',
      );
    case 'connecting':
      return online
        ? notice(
            'Connecting',
            'Asking the coordinator for work. If it can’t be reached, this page tries again by itself.',
          )
        : offline('Contributing goes on by itself when the network is back.');
    case 'idle':
      if (!connected) return offline('Contributing goes on by itself when the connection is back.');
      return notice(
        'All done for now',
        'There is nothing left to hand out. Keep this page open and new work starts by itself, or give it some.',
        { does: 'link', label: 'Run a range', href: '/collatz.html' },
        { does: 'link', label: 'All jobs', href: '/cluster.html' },
      );
    case 'computing':
      if (connected) return undefined;
      return offline(
        'It goes on with the batch that it has. What is finished waits here until it can be sent.',
      );
    case 'paused':
      return pausedNotice(paused_by);
    case 'recovering':
      return notice(
        'The graphics driver restarted',
        'Nothing is lost. This page opens the GPU again and goes on in shorter steps.',
        ...(engine === 'cpu' ? [] : [USE_CPU]),
      );
    case 'stopping':
      return notice('Stopping', 'Computing has ended. What is done of the batch is handed back.');
    case 'elsewhere':
      return notice(
        'Another tab contributes',
        'One tab of a browser lends the device at a time. This one goes on by itself when that one stops.',
        { does: 'stop', label: 'Do not wait' },
      );
    case 'failed':
      return problemNotice('broken', '', address);
  }
}

export function problemNotice(kind: ContributionProblem, message: string, address: Address): Notice {
  switch (kind) {
    case 'insecure':
      return notice(
        'This address is not secure',
        `Browsers give the GPU only to pages over HTTPS or on this machine itself. Open ${secureAddress(address)}, or http://localhost${port(address)} where the coordinator runs.`,
        ON_CPU,
        { does: 'link', label: 'Open over HTTPS', href: secureAddress(address) },
      );
    case 'no_webgpu':
      return notice(
        'Your CPU can help',
        'This browser has no WebGPU, so the work runs on the CPU: slower, the same answers.',
        ON_CPU,
        TEST_DEVICE,
      );
    case 'no_adapter':
      return notice(
        'The GPU is switched off',
        'The browser has WebGPU but found no graphics card that it trusts. Hardware acceleration may be off in its settings, or the driver old.',
        ON_CPU,
        AGAIN,
      );
    case 'device_lost':
      return notice(
        'The GPU was lost again and again',
        'This page gave up on it; no work was lost. Close other programs that use the GPU, or go on with the CPU.',
        AGAIN,
        ON_CPU,
      );
    case 'unfit':
      return notice(
        'This device computes wrongly',
        'It gave a wrong answer to a question whose answer is known, so it gets no work. Updating the browser or the graphics driver may help; its test says which answers are wrong.',
        TEST_DEVICE,
        ON_CPU,
      );
    case 'outdated':
      return notice('This page is older than the coordinator', 'Load it again to go on: nothing is lost.', {
        does: 'reload',
        label: 'Reload',
      });
    case 'refused':
      return notice(
        'The coordinator takes no work from here',
        message === '' ? 'It gave no reason. Try again later.' : `It says: ${message}`,
        AGAIN,
      );
    case 'key_needed':
      return notice(
        'Contributing needs a key here',
        'This cluster takes work only from those to whom it has given a key of the role worker.',
        USE_KEY,
      );
    case 'forbidden':
      return notice(
        'Contributing needs another key here',
        'This cluster takes work only with a key of the role worker, and yours has another.',
        { ...USE_KEY, label: 'Use another key' },
      );
    case 'key_refused':
      return notice(
        'Your key is not good any more',
        `Contributing has ended, and what was accepted counts.${message === '' ? '' : ` The coordinator says: ${message.replace(/\.$/, '')}.`}`,
        USE_KEY,
        { does: 'start', label: 'Go on without a key' },
      );
    case 'broken':
      return notice(
        'The computing part stopped working',
        message === '' ? 'The browser gave no reason.' : `The browser says: ${message}`,
        AGAIN,
        TEST_DEVICE,
      );
  }
}

const PAUSES: Readonly<Record<PauseCause, { readonly what: string; readonly then: string }>> = {
  user: { what: 'you paused it', then: 'It goes on when you say so.' },
  battery: { what: 'on battery', then: 'It goes on by itself when you plug in.' },
  hidden: {
    what: 'this tab is hidden',
    then: 'Browsers slow hidden tabs. It goes on by itself when you come back; to go on beside other work, give this tab a window of its own.',
  },
  typing: {
    what: 'you type or scroll',
    then: 'It goes on by itself three seconds after you stop.',
  },
  pressure: {
    what: 'the device is under load',
    then: 'Its processor is at its limit. It goes on by itself after ten calm seconds.',
  },
};
/** What the visitor did comes first, then what lasts longest. */
const ORDER = ['user', 'battery', 'hidden', 'pressure', 'typing'] as const satisfies readonly PauseCause[];

export function pausedNotice(causes: readonly PauseCause[]): Notice {
  const held = ORDER.filter((cause) => causes.includes(cause));
  const [first, ...others] = held;
  if (first === undefined) return notice('Paused', 'It goes on in a moment.', RESUME);
  const rules = held.some((cause) => cause !== 'user');
  const sentence =
    others.length === 0
      ? PAUSES[first].then
      : `It goes on when none of these holds any more: ${held.map((cause) => PAUSES[cause].what).join(', ')}.`;
  return notice(
    first === 'user' ? 'Paused by you' : `Paused: ${PAUSES[first].what}`,
    sentence,
    RESUME,
    ...(rules ? [CHANGE_RULES] : []),
  );
}

export const RULE_LABELS: Readonly<Record<PauseRule['cause'], string>> = {
  battery: 'Pause on battery',
  hidden: 'Pause when this tab is hidden',
  typing: 'Pause while I type or scroll',
  pressure: 'Pause under load',
};

const RULE_CLAUSES: Readonly<Record<PauseRule['cause'], string>> = {
  battery: 'on battery',
  hidden: 'when this tab is hidden',
  typing: 'while you type or scroll',
  pressure: 'when it is under load',
};

/** What pressing the button will do, exactly. */
export function promise(
  intensity: Intensity,
  choice: EngineChoice,
  rules: readonly Pick<PauseRule, 'cause' | 'on'>[],
): { readonly uses: string; readonly stops: string; readonly learns: string } {
  const on = rules.filter((rule) => rule.on).map(({ cause }) => RULE_CLAUSES[cause]);
  const pauses = on.length === 0 ? '' : ` Pauses ${listed(on, 'and')}.`;
  return {
    uses: `${USES[intensity]} ${ENGINES[choice]}.`,
    stops: `Stops when you press Stop or close this page.${pauses}`,
    learns:
      'No account, nothing to install. The coordinator learns the name and speed of what computes and, as any website does, your network address and browser.',
  };
}

const USES: Readonly<Record<Intensity, string>> = {
  Trace: 'Uses up to a twentieth of',
  Light: 'Uses up to a fifth of',
  Half: 'Uses up to half of',
  Most: 'Uses up to four fifths of',
  All: 'Uses all that is free of',
};
const ENGINES: Readonly<Record<EngineChoice, string>> = {
  auto: 'this device’s GPU, or of its CPU where that is faster',
  gpu: 'this device’s GPU',
  cpu: 'this device’s CPU',
};

/** "computes half of the time". */
export function intensityNote(intensity: Intensity): string {
  const share = INTENSITIES.find(({ name }) => name === intensity)?.share ?? 0;
  return share === 1 ? 'computes all the time' : `computes ${Math.round(share * 100)} % of the time`;
}

/** `https://` where the page is, without the port of plain HTTP. */
export function secureAddress({ host }: Pick<Address, 'host'>): string {
  return `https://${host}/`;
}

function port(address: Pick<Address, 'port'>): string {
  return address.port === '' ? '' : `:${address.port}`;
}

function offline(then: string): Notice {
  return notice(
    'Working offline',
    `The coordinator can’t be reached; this page tries again by itself. ${then}`,
  );
}

function notice(heading: string, sentence: string, ...actions: readonly NoticeAction[]): Notice {
  return { heading, sentence, actions };
}

function listed(parts: readonly string[], last = 'and'): string {
  if (parts.length <= 1) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} ${last} ${parts.at(-1) ?? ''}`;
}
