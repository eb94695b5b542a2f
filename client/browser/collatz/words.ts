/** The sentences of the explorer, made from what was computed. */
import { grouped } from '../format/figures.ts';
import { shortNumber } from './number-text.ts';
import type { Trajectory } from './trajectory.ts';

/** `27 climbs to 9 232 and takes 111 steps home.` */
export function headline(path: Trajectory): string {
  const n = shortNumber(path.start);
  if (path.steps === 0) return '1 is home already.';
  if (path.peakStep === 0) return `${n} only falls: ${steps(path.steps)} home.`;
  return `${n} climbs to ${shortNumber(path.peak)} and takes ${steps(path.steps)} home.`;
}

/** Of the numbers next to n, 1 and above. */
export function neighbourSentence(path: Trajectory, neighbours: readonly Trajectory[]): string {
  const beside = neighbours.filter(({ start }) => start === path.start - 1n || start === path.start + 1n);
  const [first, second] = beside;
  if (first === undefined) return '';
  const needs = (other: Trajectory) => `${relative(path.start, other.start)} needs ${grouped(other.steps)}`;
  if (second === undefined) return `Its neighbour ${needs(first)}.`;
  if (first.steps === second.steps) {
    const both = `${relative(path.start, first.start)} and ${relative(path.start, second.start)}`;
    return first.steps === path.steps
      ? `Its neighbours ${both} need just as many.`
      : `Its neighbours ${both} both need ${steps(first.steps)}.`;
  }
  const verdict = judged(path.steps, first.steps, second.steps);
  return `${verdict} ${needs(first)} ${first.steps === 1 ? 'step' : 'steps'}, ${needs(second)}.`;
}

function judged(own: number, a: number, b: number): string {
  if (Math.max(a, b) * 3 < own) return 'Its neighbours fall at once:';
  if (Math.min(a, b) > own * 3) return 'Its neighbours wander on:';
  return 'Its neighbours:';
}

/** A neighbour of a long number is named by its distance. */
export function relative(n: bigint, other: bigint): string {
  if (n.toString().length <= 12) return grouped(other);
  return other > n ? `n + ${other - n}` : `n \u2212 ${n - other}`;
}

/** `25, 26, 28, 29, 30`. */
export function neighbourNames(n: bigint, neighbours: readonly Trajectory[]): string {
  return neighbours.map(({ start }) => relative(n, start)).join(', ');
}

export interface Joint {
  readonly value: number;
  readonly step: number;
  readonly others: number;
}

/** For the picture of merged paths, as words. */
export function jointSentence(path: Trajectory, joint: Joint | undefined, starts: number): string {
  const n = shortNumber(path.start);
  if (path.steps === 0) return `All ${grouped(starts)} paths end in 1.`;
  if (joint === undefined || joint.value === 1) return `${n} meets none of the other paths before 1.`;
  const rest = path.steps - joint.step;
  const share = `${grouped(joint.others)} of the ${grouped(starts)} starts ${joint.others === 1 ? 'comes' : 'come'} this way`;
  if (joint.step === 0) return `${n} lies on other paths itself: ${share}.`;
  return `After ${steps(joint.step)} it meets another path, at ${grouped(joint.value)}; from there ${steps(rest)} are shared. ${share}.`;
}

export function steps(count: number): string {
  return `${grouped(count)} ${count === 1 ? 'step' : 'steps'}`;
}
