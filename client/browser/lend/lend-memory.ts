/**
 * What is remembered of lending. Nothing before the first start. For this tab: that it contributes, as which worker,
 * and what was done, so that a reload or another of the pages goes on. For the browser: the visitor's settings.
 */
import type { EngineKind } from './contribution.ts';
import { randomHex } from './hex.ts';
import type { EngineChoice, Intensity } from './lend.ts';
import { INTENSITIES } from './lend.ts';
import { TAB_KEY } from './lend-state.ts';

const SETTINGS_KEY = 'lend-settings';

export interface Identity {
  readonly node_id: string;
  /** 32 hex digits. */
  readonly session: string;
  /** It has shown a key: without one the coordinator would not give it this name again. */
  readonly keyed: boolean;
}

export interface TabMemory extends Identity {
  /** The page was left while it contributed. A copy of a tab that lives has no such mark: it is another worker. */
  readonly left: boolean;
  /** What a measurement found. */
  readonly faster: EngineKind | undefined;
  readonly units_accepted: bigint;
  readonly batches_accepted: number;
}

export interface LendSettings {
  readonly intensity: Intensity;
  readonly engine: EngineChoice;
}

/** Undefined where the browser forbids it: then nothing is remembered. */
export type LendStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export class LendMemory {
  readonly #tab: LendStorage | undefined;
  readonly #browser: LendStorage | undefined;

  constructor(tab: LendStorage | undefined, browser: LendStorage | undefined) {
    this.#tab = tab;
    this.#browser = browser;
  }

  tab(): TabMemory | undefined {
    const stored = read(this.#tab, TAB_KEY);
    const text = (name: string) => textOf(field(stored, name));
    const node_id = text('node_id');
    const session = text('session');
    if (node_id === undefined || session === undefined) return undefined;
    const faster = text('faster');
    const units = text('units_accepted');
    const batches = field(stored, 'batches_accepted');
    return {
      node_id,
      session,
      keyed: field(stored, 'keyed') === true,
      left: field(stored, 'left') === true,
      faster: faster === 'gpu' || faster === 'cpu' ? faster : undefined,
      units_accepted: units !== undefined && /^\d{1,40}$/.test(units) ? BigInt(units) : 0n,
      batches_accepted: typeof batches === 'number' && Number.isSafeInteger(batches) ? batches : 0,
    };
  }

  setTab(memory: TabMemory): void {
    write(this.#tab, TAB_KEY, { ...memory, units_accepted: String(memory.units_accepted) });
  }

  forgetTab(): void {
    try {
      this.#tab?.removeItem(TAB_KEY);
    } catch {
      // What can't be removed was not stored either.
    }
  }

  settings(): LendSettings | undefined {
    const stored = read(this.#browser, SETTINGS_KEY);
    const intensity = INTENSITIES.find(({ name }) => name === field(stored, 'intensity'))?.name;
    const engine = (['auto', 'gpu', 'cpu'] as const).find((choice) => choice === field(stored, 'engine'));
    return intensity === undefined || engine === undefined ? undefined : { intensity, engine };
  }

  setSettings(settings: LendSettings): void {
    write(this.#browser, SETTINGS_KEY, settings);
  }
}

export function newIdentity(): Identity {
  return { node_id: `browser-${randomHex(4)}`, session: randomHex(16), keyed: false };
}

export function memoryOfBrowser(): LendMemory {
  return new LendMemory(
    allowed(() => sessionStorage),
    allowed(() => localStorage),
  );
}

function allowed(storage: () => LendStorage): LendStorage | undefined {
  try {
    return storage();
  } catch {
    return undefined;
  }
}

function read(storage: LendStorage | undefined, key: string): unknown {
  try {
    return JSON.parse(storage?.getItem(key) ?? 'null');
  } catch {
    return undefined;
  }
}

function write(storage: LendStorage | undefined, key: string, value: object): void {
  try {
    storage?.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: it lasts as long as the page.
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
