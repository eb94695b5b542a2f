/** The public result of a `thread` job: field names, order and JSON types of workloads.md. */
import type { Aggregate, Largest } from './aggregate.ts';
import type { Makespan } from './makespan.ts';
import { PROCESSORS, makespanBounds } from './makespan.ts';

export function threadResult(a: Aggregate): Record<string, unknown> {
  const largest = (name: string, found: Largest | null) =>
    found === null ? null : { root: found.root, [name]: Number(found.value) };
  const row = (processors: number, { lower, upper }: Makespan) => ({
    processors,
    lower: String(lower),
    upper: String(upper),
  });
  // All trees started at once are one program: its work is the sum, its span the largest.
  const span = a.maxSpan?.value ?? 0n;
  return {
    roots: Number(a.roots),
    oversize: Number(a.oversize),
    threads: String(a.threads),
    work: String(a.work),
    span: String(a.span),
    deepest: Math.max(0, a.threadsByDepth.length - 1),
    threads_by_depth: a.threadsByDepth.map(String),
    size_histogram: a.sizeHistogram.map(String),
    max_threads: largest('threads', a.maxThreads),
    max_work: largest('work', a.maxWork),
    max_span: largest('span', a.maxSpan),
    makespan_alone: a.makespanAlone.map((bounds, index) => row(PROCESSORS[index] ?? 0, bounds)),
    makespan_together: PROCESSORS.map((processors) =>
      row(processors, makespanBounds(a.work, span, processors)),
    ),
  };
}
