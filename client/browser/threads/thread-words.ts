/** One thread in words, for the panel, the tooltip and whoever can't see the picture. Numbers from 1, as shown. */
import { grouped } from '../format/figures.ts';
import type { Program, Run } from './simulation.ts';

export interface ThreadFacts {
  readonly number: number;
  /** undefined: the root. */
  readonly parent: number | undefined;
  readonly depth: number;
  readonly work: number;
  readonly ready: number;
  readonly begin: number;
  readonly end: number;
  readonly processor: number;
  readonly children: readonly number[];
  /** Whether it is on the longest chain. */
  readonly critical: boolean;
}

/** @param thread from 0; all numbers of the answer count from 1 */
export function threadFacts(program: Program, run: Run, thread: number): ThreadFacts {
  const parent = program.parent[thread] ?? -1;
  return {
    number: thread + 1,
    parent: parent < 0 ? undefined : parent + 1,
    depth: program.depth[thread] ?? 0,
    work: program.ticks[thread] ?? 0,
    ready: run.ready[thread] ?? 0,
    begin: run.begin[thread] ?? 0,
    end: run.end[thread] ?? 0,
    processor: (run.processor[thread] ?? 0) + 1,
    children: childrenOf(program, thread).map((child) => child + 1),
    critical: program.chain.includes(thread),
  };
}

/** The children of a thread, in the order of their forks; all from 0. */
export function childrenOf(program: Program, thread: number): readonly number[] {
  const last = program.lastChild[thread] ?? -1;
  const children: number[] = [];
  for (let number = thread + 1; number <= last; number++) {
    if (program.parent[number] === thread) children.push(number);
  }
  return children;
}

/** One line. */
export function threadLine(facts: ThreadFacts): string {
  return (
    `Thread ${grouped(facts.number)}, depth ${facts.depth}: runs from ${grouped(facts.begin)} to ` +
    `${grouped(facts.end)} on processor ${grouped(facts.processor)}`
  );
}
