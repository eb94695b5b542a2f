/** One test of this device as signals. The testing thread is loaded by `start`, never before. */
import type { ReadonlySignal } from '@preact/signals';
import { signal } from '@preact/signals';
import type { DeviceReport } from '../../../protocol/device-report.ts';
import { browserFacts } from './browser-facts.ts';
import type { DeviceTest, Progress } from './device-test.ts';

export type TestState =
  | { readonly kind: 'before' }
  | { readonly kind: 'running'; readonly progress: Progress | undefined }
  | { readonly kind: 'done'; readonly report: DeviceReport }
  | { readonly kind: 'broken'; readonly message: string };

export interface TestRun {
  readonly state: ReadonlySignal<TestState>;
  start(): void;
  cancel(): void;
}

const MAX_SEED = 2 ** 32;

export function createTestRun(): TestRun {
  const state = signal<TestState>({ kind: 'before' });
  let thread: Worker | undefined;

  async function test(): Promise<void> {
    state.value = { kind: 'running', progress: undefined };
    const { proxy, wrap } = await import('comlink');
    const own = new Worker(new URL('./device-thread.ts', import.meta.url), { type: 'module' });
    thread = own;
    const died = new Promise<never>((_, reject) => {
      own.addEventListener('error', (event) => reject(new Error(event.message)));
    });
    const onProgress = proxy((progress: Progress) => {
      if (thread === own) state.value = { kind: 'running', progress };
    });
    const seed = Math.floor(Math.random() * MAX_SEED);
    const ran = wrap<DeviceTest>(own).run(location.origin, browserFacts(), seed, onProgress);
    try {
      const report = await Promise.race([ran, died]);
      if (thread === own) state.value = { kind: 'done', report };
    } finally {
      own.terminate();
    }
  }

  return {
    state,
    start() {
      if (state.peek().kind === 'running') return;
      test().catch((error: unknown) => {
        state.value = { kind: 'broken', message: error instanceof Error ? error.message : String(error) };
      });
    },
    cancel() {
      thread?.terminate();
      thread = undefined;
      state.value = { kind: 'before' };
    },
  };
}
