/** What one counted check came to: a test of node:test, or a whole tool (a tsc project, eslint …). */
export interface Outcome {
  readonly name: string;
  /** Below the project root; for a tool, what it was run on. */
  readonly file: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  /** Why it failed or was skipped; empty if it passed. */
  readonly detail: string;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function count(outcomes: readonly Outcome[]): Totals {
  const of = (state: Outcome['state']) => outcomes.filter((outcome) => outcome.state === state).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** The closing line of a run. Its form is fixed: other programs read it. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

/** A run without a single test has shown nothing, so it fails. */
export function exitCode({ passed, failed }: Totals): 0 | 1 {
  return failed === 0 && passed > 0 ? 0 : 1;
}
