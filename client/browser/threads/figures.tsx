/** Work, span, parallelism and speed-up of the root, and its threads by depth: the legend of the page's colours. */
import { Stat } from '../controls/stat.tsx';
import { grouped } from '../format/figures.ts';
import { depthColour } from './layout.ts';
import type { Program, Run } from './simulation.ts';

export interface ProgramFiguresProps {
  readonly program: Program;
  readonly run: Run;
  readonly part: 'all' | 'figures' | 'depths';
}

export function ProgramFigures({ program, run, part }: ProgramFiguresProps) {
  const parallelism = program.work / program.span;
  const possible = Math.min(run.processors, parallelism);
  return (
    <>
      {part === 'depths' ? null : (
        <dl class="program-figures">
          <Stat name="Work" value={grouped(program.work)} note="ticks, all threads added up" />
          <Stat name="Span" value={grouped(program.span)} note="ticks, the longest chain (in ink)" />
          <Stat name="Parallelism" value={short(parallelism)} note="work ÷ span: processors it can feed" />
          <Stat
            name="Speed-up"
            value={`${short(program.work / run.makespan)}×`}
            note={`on ${processorsWords(run)}, of ${Number.isInteger(possible) ? grouped(possible) : short(possible)} possible`}
          />
        </dl>
      )}
      {part === 'figures' ? null : <Depths byDepth={program.byDepth} />}
    </>
  );
}

export function Depths({ byDepth }: { readonly byDepth: readonly number[] }) {
  const most = Math.max(...byDepth);
  const crowded = byDepth.length > 14;
  return (
    <div class="depths">
      <h3>Threads by depth; the colours of this page</h3>
      <ol class={crowded ? 'depth-columns crowded' : 'depth-columns'}>
        {byDepth.map((count, depth) => (
          <li key={depth} title={`${grouped(count)} threads at depth ${depth}`}>
            <span class="count">{grouped(count)}</span>
            <span
              class="column"
              style={{
                height: `${Math.max(1, (60 * count) / most)}px`,
                background: `var(--d${depthColour(depth, byDepth.length - 1)})`,
              }}
            />
            <span class="depth">
              <span class="visually-hidden">at depth </span>
              {depth}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Three figures: 26.6, 108. */
export function short(value: number): string {
  if (value >= 1000) return grouped(value);
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function processorsWords({ processors }: Run): string {
  return processors === Infinity ? 'unlimited processors' : grouped(processors);
}
