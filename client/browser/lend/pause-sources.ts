/**
 * What a page can know of the moments at which it should keep still: each source watches one cause. Nothing here
 * is sent anywhere.
 */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';
import type { PauseRule } from './lend.ts';

export interface PauseSource {
  readonly cause: PauseRule['cause'];
  /** Undefined: this browser can't tell; the cause is then not offered. */
  readonly reading: ReadonlySignal<Reading | undefined>;
  dispose(): void;
}

/** `active`: whether the cause holds now; undefined while it is not known yet. `now`: in words. */
export type Reading = Pick<PauseRule, 'active' | 'now'>;

/** Of the Battery Status API, which TypeScript doesn't know: only Chromium has it. */
export interface Battery extends EventTarget {
  readonly charging: boolean;
  /** 0 … 1. */
  readonly level: number;
}

/** Of the Compute Pressure API, which TypeScript doesn't know: only Chromium has it. */
export interface PressureWatch {
  /** Calls `report` with each state: nominal, fair, serious, critical. Rejects where the browser refuses. */
  observe(report: (state: string) => void): Promise<void>;
  disconnect(): void;
}

type Page = EventTarget & { readonly visibilityState: string };

/** How long after the last key or movement it counts as typing or scrolling, in milliseconds. */
export const TYPING_MS = 3000;
/** How long pressure counts after the last report of it, in milliseconds: pausing relieves it at once. */
export const PRESSURE_MS = 10_000;

/** Pressure that ends so soon after a pause began was this page's own, in milliseconds. */
export const OWN_RELIEF_MS = 6000;
/** For how long that is believed, in milliseconds. */
export const OWN_MS = 300_000;

const UNKNOWN: Reading = { active: undefined, now: 'not known yet' };
const OWN_PRESSURE: Reading = { active: false, now: 'now under load by this page' };

const TYPING_EVENTS = ['keydown', 'wheel', 'scroll', 'touchmove'] as const;
const PASSIVE = { capture: true, passive: true };

/** "now plugged in", "now on battery, 63 %". */
export function batteryReading({ charging, level }: Pick<Battery, 'charging' | 'level'>): Reading {
  if (charging) return { active: false, now: 'now plugged in' };
  return { active: true, now: `now on battery, ${Math.round(level * 100)} %` };
}

/** Strong pressure is a state of "serious" or "critical". */
export function pressureReading(strong: boolean): Reading {
  return strong ? { active: true, now: 'now under load' } : { active: false, now: 'now calm' };
}

export function batterySource(open: (() => Promise<Battery>) | undefined): PauseSource {
  const reading = signal<Reading | undefined>(open === undefined ? undefined : UNKNOWN);
  const ended = new AbortController();
  const watch = async (ask: () => Promise<Battery>) => {
    try {
      const battery = await ask();
      const read = () => {
        if (!ended.signal.aborted) reading.value = batteryReading(battery);
      };
      for (const event of ['chargingchange', 'levelchange']) {
        battery.addEventListener(event, read, { signal: ended.signal });
      }
      read();
    } catch {
      // A policy forbids it: as if the browser had none.
      reading.value = undefined;
    }
  };
  if (open !== undefined) void watch(open);
  return { cause: 'battery', reading, dispose: () => ended.abort() };
}

export function hiddenSource(page: Page): PauseSource {
  const read = (): Reading =>
    page.visibilityState === 'hidden'
      ? { active: true, now: 'now hidden' }
      : { active: false, now: 'now visible' };
  const reading = signal<Reading | undefined>(read());
  const ended = new AbortController();
  page.addEventListener('visibilitychange', () => (reading.value = read()), { signal: ended.signal });
  return { cause: 'hidden', reading, dispose: () => ended.abort() };
}

export function typingSource(page: Page): PauseSource {
  const quiet: Reading = { active: false, now: 'now quiet' };
  const reading = signal<Reading | undefined>(quiet);
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const moved = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (reading.value = quiet), TYPING_MS);
    if (reading.value?.active !== true) reading.value = { active: true, now: 'now typing or scrolling' };
  };
  for (const event of TYPING_EVENTS) {
    page.addEventListener(event, moved, { ...PASSIVE, signal: ended.signal });
  }
  return {
    cause: 'typing',
    reading,
    dispose() {
      ended.abort();
      clearTimeout(timer);
    },
  };
}

/**
 * Most pressure on a device that contributes is its own. Pausing tells: if the pressure ends as soon as it pauses,
 * waiting would only start it again, and so the next pressure is let pass for a while.
 */
export function pressureSource(
  watch: PressureWatch | undefined,
  page: Page,
  now: () => number = () => performance.now(),
): PauseSource {
  const reading = signal<Reading | undefined>(watch === undefined ? undefined : UNKNOWN);
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let since = 0;
  let own_until = -Infinity;
  const strong = () => {
    clearTimeout(timer);
    timer = undefined;
    if (reading.value?.active === true) return;
    since = now();
    reading.value = since < own_until ? OWN_PRESSURE : pressureReading(true);
  };
  const calm = () => {
    if (reading.value?.active !== true) {
      reading.value = pressureReading(false);
    } else if (timer === undefined) {
      if (now() - since < OWN_RELIEF_MS) own_until = now() + OWN_MS;
      timer = setTimeout(() => {
        timer = undefined;
        reading.value = pressureReading(false);
      }, PRESSURE_MS);
    }
  };
  const report = (state: string) => {
    if (ended.signal.aborted) return;
    if (state === 'serious' || state === 'critical') strong();
    else calm();
  };
  // Hidden pages get no reports: what was last reported would hold for ever.
  const changed = () => {
    if (page.visibilityState !== 'hidden' || reading.value === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    reading.value = { active: undefined, now: 'not known while hidden' };
  };
  if (watch !== undefined) {
    page.addEventListener('visibilitychange', changed, { signal: ended.signal });
    watch.observe(report).catch(() => (reading.value = undefined));
  }
  return {
    cause: 'pressure',
    reading,
    dispose() {
      ended.abort();
      clearTimeout(timer);
      watch?.disconnect();
    },
  };
}
