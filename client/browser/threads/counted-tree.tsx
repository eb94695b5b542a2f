/** A tree with too many threads for a picture: what is known of it, and what to do. */
import { MAX_TREE_THREADS } from '../../../shaders/thread-sim/limits.ts';
import { makespanBounds } from '../../../shaders/thread-sim/makespan.ts';
import { Stat } from '../controls/stat.tsx';
import { grouped } from '../format/figures.ts';
import { Depths, short } from './figures.tsx';
import { processors } from './page-state.ts';
import type { Counted } from './page-state.ts';
import { DRAWN_THREADS } from './simulation.ts';

export function CountedTree({ counted: { choice, totals } }: { readonly counted: Counted }) {
  const root = grouped(choice.root);
  if (totals === undefined) {
    return (
      <p class="too-large">
        Root {root} has more than {grouped(MAX_TREE_THREADS)} threads, the most that any job may ask for: the
        cluster counts it as oversize and adds it to nothing. Choose another root, or lower the deepest level
        or the chance to fork.
      </p>
    );
  }
  const { threads, work, span, byDepth } = totals;
  const many = processors.value;
  const bounds =
    many === Infinity
      ? { lower: BigInt(span), upper: BigInt(span) }
      : makespanBounds(BigInt(work), BigInt(span), many);
  const [atLeast, atMost] = [work / Number(bounds.upper), work / Number(bounds.lower)];
  return (
    <div class="too-large">
      <p>
        Root {root} has {grouped(threads)} threads; pictures are drawn up to {grouped(DRAWN_THREADS)}. Its
        figures are exact. For a picture choose another root, or lower the deepest level or the chance to
        fork.
      </p>
      <dl class="program-figures">
        <Stat name="Work" value={grouped(work)} note="ticks, all threads added up" />
        <Stat name="Span" value={grouped(span)} note="ticks, the longest chain" />
        <Stat name="Parallelism" value={short(work / span)} note="work ÷ span: processors it can feed" />
        <Stat
          name="Speed-up"
          value={atLeast === atMost ? `${short(atMost)}×` : `${short(atLeast)}–${short(atMost)}×`}
          note={`on ${many === Infinity ? 'unlimited processors' : grouped(many)}, by any greedy schedule`}
        />
      </dl>
      <Depths byDepth={byDepth} />
    </div>
  );
}
