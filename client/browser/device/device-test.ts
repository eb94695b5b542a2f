/** What the page and its testing thread say to each other. */
import type { DeviceReport } from '../../../protocol/device-report.ts';

/** What only the page knows of the browser. */
export type BrowserFacts = Pick<DeviceReport, 'browser'> & {
  readonly cpu: Pick<DeviceReport['cpu'], 'threads'>;
};

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What runs now. */
  readonly name: string;
  readonly failed: number;
}

export interface DeviceTest {
  /**
   * Runs all of it.
   * @param origin of the coordinator, which has the kernels
   * @param seed of the random ranges, a whole number
   * @param onProgress called at most a few times a second
   */
  run(
    origin: string,
    facts: BrowserFacts,
    seed: number,
    onProgress: (progress: Progress) => void,
  ): Promise<DeviceReport>;
}
