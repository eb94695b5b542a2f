/** When this device keeps still: the visitor's switches over what the browser can tell. */
import type { ReadonlySignal } from '@preact/signals';
import { computed, signal } from '@preact/signals';
import type { PauseCause, PauseRule } from './lend.ts';
import type { Battery, PauseSource, PressureWatch } from './pause-sources.ts';
import { batterySource, hiddenSource, pressureSource, typingSource } from './pause-sources.ts';

export interface PauseRules {
  /** Those that this browser can tell. */
  readonly rules: ReadonlySignal<readonly PauseRule[]>;
  /** Which switches that are on hold now. */
  readonly causes: ReadonlySignal<readonly PauseCause[]>;
  set(cause: PauseRule['cause'], on: boolean): void;
  dispose(): void;
}

type Choices = Readonly<Partial<Record<PauseRule['cause'], boolean>>>;
/** What is kept between visits; undefined where the browser forbids it. */
export type ChoiceStorage = Pick<Storage, 'getItem' | 'setItem'>;

const KEY = 'pause-rules';
export const DEFAULTS: Readonly<Record<PauseRule['cause'], boolean>> = {
  battery: true,
  hidden: true,
  typing: false,
  pressure: true,
};

export function createPauseRules(
  sources: readonly PauseSource[] = sourcesOfBrowser(),
  storage: ChoiceStorage | undefined = storageOfBrowser(),
): PauseRules {
  const choices = signal(remembered(storage));
  const rules = computed(() =>
    sources.flatMap(({ cause, reading }): PauseRule[] =>
      reading.value === undefined
        ? []
        : [{ cause, on: choices.value[cause] ?? DEFAULTS[cause], ...reading.value }],
    ),
  );
  const causes = computed(() =>
    rules.value.filter(({ on, active }) => on && active === true).map(({ cause }) => cause),
  );
  return {
    rules,
    causes,
    set(cause, on) {
      choices.value = { ...choices.value, [cause]: on };
      try {
        storage?.setItem(KEY, JSON.stringify(choices.value));
      } catch {
        // The choice lasts as long as the page.
      }
    },
    dispose() {
      for (const source of sources) source.dispose();
    },
  };
}

function remembered(storage: ChoiceStorage | undefined): Choices {
  try {
    const stored: unknown = JSON.parse(storage?.getItem(KEY) ?? '{}');
    if (typeof stored !== 'object' || stored === null) return {};
    const choices: Partial<Record<PauseRule['cause'], boolean>> = {};
    for (const cause of ['battery', 'hidden', 'typing', 'pressure'] as const) {
      const on: unknown = Reflect.get(stored, cause);
      if (typeof on === 'boolean') choices[cause] = on;
    }
    return choices;
  } catch {
    return {};
  }
}

function storageOfBrowser(): ChoiceStorage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

declare global {
  interface Navigator {
    getBattery?(): Promise<Battery>;
  }
  var PressureObserver:
    | (new (report: (records: readonly { readonly state: string }[]) => void) => {
        observe(source: 'cpu', options: { readonly sampleInterval: number }): Promise<void>;
        disconnect(): void;
      })
    | undefined;
}

const PRESSURE_SAMPLE_MS = 2000;

function sourcesOfBrowser(): readonly PauseSource[] {
  const battery = navigator.getBattery === undefined ? undefined : () => askBattery();
  return [
    batterySource(battery),
    hiddenSource(document),
    typingSource(document),
    pressureSource(pressureOfBrowser(), document),
  ];
}

async function askBattery(): Promise<Battery> {
  const battery = await navigator.getBattery?.();
  if (battery === undefined) throw new Error('navigator.getBattery is missing');
  return battery;
}

function pressureOfBrowser(): PressureWatch | undefined {
  const Observer = globalThis.PressureObserver;
  if (Observer === undefined) return undefined;
  let report: (state: string) => void = () => undefined;
  const observer = new Observer((records) => {
    const last = records.at(-1);
    if (last !== undefined) report(last.state);
  });
  return {
    observe(to) {
      report = to;
      return observer.observe('cpu', { sampleInterval: PRESSURE_SAMPLE_MS });
    },
    disconnect: () => observer.disconnect(),
  };
}
