/** One sentence and one action for each way in which a device can't contribute. */
import type { ContributionProblem } from './contribution.ts';

export interface ProblemText {
  readonly sentence: string;
  /** What the button then does, and its label. */
  readonly action: 'retry' | 'reload' | 'none';
  readonly label: string;
}

export function describeProblem(problem: ContributionProblem, message: string, port: string): ProblemText {
  const retry = { action: 'retry', label: 'Try again' } as const;
  switch (problem) {
    case 'insecure':
      return {
        sentence: `This address is not secure, so the browser gives it no GPU. Open this page over HTTPS, or on the machine itself at http://localhost${port === '' ? '' : `:${port}`}.`,
        action: 'none',
        label: 'Start contributing',
      };
    case 'no_webgpu':
      return {
        sentence: 'This browser has no WebGPU. Open this page in a current Chrome, Edge, Firefox or Safari.',
        action: 'none',
        label: 'Start contributing',
      };
    case 'no_adapter':
      return {
        sentence:
          'The browser has WebGPU, but found no GPU that it would use. Turn on hardware acceleration in its settings, or update the graphics driver.',
        ...retry,
      };
    case 'device_lost':
      return {
        sentence:
          'The GPU was lost again and again, so this page gave up on it. Close other programs that use it, then try again.',
        ...retry,
      };
    case 'unfit':
      return {
        sentence:
          'This GPU gave a wrong answer to a question whose answer is known, so it gets no work. Update the browser or the graphics driver.',
        ...retry,
      };
    case 'outdated':
      return {
        sentence: 'This page and the coordinator are of different versions. Load the page again.',
        action: 'reload',
        label: 'Load again',
      };
    case 'refused':
      return { sentence: `The coordinator does not take this device: ${message}`, ...retry };
    case 'broken':
      return {
        sentence: `The computing part of this page stopped working: ${message === '' ? 'it could not be loaded' : message}.`,
        ...retry,
      };
  }
}
