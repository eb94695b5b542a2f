/** Tree and schedule over one clock, with the longest chain's end as a line through both. */
import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { ClockedCanvas } from './clocked-canvas.tsx';
import { useElementSize } from './element-size.ts';
import { ProgramFigures } from './figures.tsx';
import {
  axisTicks,
  JOIN_ROOM,
  laneLayout,
  rowMiddle,
  threadInLane,
  threadInTree,
  treeLayout,
} from './layout.ts';
import { figureTime, playing, selected, time } from './page-state.ts';
import type { Simulated } from './page-state.ts';
import { paintLanes, paintSchedule, paintTree } from './paint.ts';
import { childrenOf, threadFacts, threadLine } from './thread-words.ts';

const GUTTER = 64;
const RIGHT = JOIN_ROOM + 4;
/** Pixels right of the tree that its figures need: with the bars by depth, and without. */
const ROOM_FOR_ALL = 230;
/** With less, figures are set smaller and their notes take two lines; then they have none. */
const ROOM_FOR_LARGE = 410;
const ROOM_FOR_NOTES = 300;
const ROOM_FOR_FIGURES = 196;

interface Pointed {
  readonly thread: number;
  readonly x: number;
  readonly y: number;
}

export function Picture({ shown }: { readonly shown: Simulated }) {
  const { program, run } = shown;
  const figure = useRef<HTMLDivElement>(null);
  const { width, ratio } = useElementSize(figure);
  const pointed = useSignal<Pointed | undefined>(undefined);
  const small = width < 640;
  const gutter = small ? 0 : GUTTER;
  const plot = Math.max(60, width - gutter - RIGHT);
  const tick = plot / run.makespan;
  const tree = useMemo(
    () => treeLayout(program, small ? { least: 140, most: 240 } : { least: 300, most: 560 }),
    [program, small],
  );
  const lanes = useMemo(
    () => laneLayout(run.lanes, small ? { least: 92, most: 240 } : { least: 164, most: 320 }),
    [run, small],
  );
  const free = plot - program.span * tick;
  const figures = !small && free >= ROOM_FOR_ALL ? 'beside' : free >= ROOM_FOR_FIGURES ? 'small' : 'below';
  const tight = free >= ROOM_FOR_LARGE ? 'no' : free >= ROOM_FOR_NOTES ? 'yes' : 'very';
  const treeWidth = program.span * tick + RIGHT;
  const spanAt = gutter + program.span * tick;
  const bars = program.threads > 1 && run.processors !== 1;

  const point = (thread: number | undefined, event: PointerEvent) => {
    const box = figure.current?.getBoundingClientRect();
    if (thread === undefined || box === undefined) pointed.value = undefined;
    else pointed.value = { thread, x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const inTree = (event: MouseEvent) => {
    const { x, y } = place(event);
    return threadInTree(program, tree, x / tick, y, tick);
  };
  const inLane = (event: MouseEvent) => {
    const { x, y } = place(event);
    return threadInLane(run, Math.floor(y / lanes.laneHeight), x / tick, tick);
  };
  const mark = (thread: number) => ({
    tree: {
      left: (program.start[thread] ?? 0) * tick,
      top: rowMiddle(tree, thread) - Math.max(tree.thickness, 2) / 2,
      width: (program.ticks[thread] ?? 0) * tick,
      height: Math.max(tree.thickness, 2),
    },
    lane: {
      left: (run.begin[thread] ?? 0) * tick,
      top: (run.processor[thread] ?? 0) * lanes.laneHeight,
      width: ((run.end[thread] ?? 0) - (run.begin[thread] ?? 0)) * tick,
      height: Math.max(2, lanes.laneHeight - lanes.gap),
    },
  });
  const marked = selected.value === undefined ? undefined : mark(selected.value);

  return (
    <div class="picture-and-figures">
      <div
        class="picture"
        data-figures={figures}
        ref={figure}
        onPointerLeave={() => (pointed.value = undefined)}
      >
        {width === 0 ? null : (
          <>
            <div class="tree-part">
              <h2 class="picture-title" style={{ paddingLeft: `${gutter}px` }}>
                Unlimited processors<span class="wide-only">: every thread runs the moment it is forked</span>
              </h2>
              {free > 0 && program.span * tick > 430 && free > 90 ? (
                <span class="span-label" style={{ left: `${spanAt + 8}px` }}>
                  <strong>{grouped(program.span)}</strong> ticks
                </span>
              ) : null}
              <div
                class="plot-row"
                style={{ minHeight: figures === 'beside' ? (tight === 'yes' ? '346px' : '300px') : '0' }}
              >
                {small ? null : (
                  <RowLabels
                    last={program.threads}
                    height={tree.height}
                    row={tree.rowHeight}
                    name="threads"
                  />
                )}
                <div
                  class="plot"
                  role="slider"
                  tabIndex={0}
                  aria-label="Selected thread; arrow keys select another, Page Up its parent, Page Down its first child"
                  aria-valuemin={1}
                  aria-valuemax={program.threads}
                  aria-valuenow={(selected.value ?? 0) + 1}
                  aria-valuetext={
                    selected.value === undefined
                      ? 'no thread is selected'
                      : threadLine(threadFacts(program, run, selected.value))
                  }
                  style={{
                    width: `${treeWidth}px`,
                    height: `${tree.height}px`,
                    marginLeft: `${gutter}px`,
                  }}
                  onClick={(event) => (selected.value = inTree(event))}
                  onPointerMove={(event) => point(inTree(event), event)}
                  onKeyDown={(event) => {
                    const next = threadByKey(shown, selected.value, event.key);
                    if (next === 'other') return;
                    event.preventDefault();
                    selected.value = next;
                  }}
                >
                  <ClockedCanvas
                    surface={{ width: treeWidth, height: tree.height, ratio }}
                    tick={tick}
                    end={program.span}
                    subject={shown}
                    painting={(context, palette) => paintTree(context, program, tree, tick, palette)}
                  />
                  {marked === undefined ? null : <Mark {...marked.tree} />}
                </div>
                {figures === 'below' ? null : (
                  <div
                    class="figures-place"
                    data-tight={tight}
                    style={{ left: `${spanAt + (small ? 14 : 28)}px` }}
                  >
                    <ProgramFigures {...shown} part={figures === 'beside' ? 'all' : 'figures'} />
                  </div>
                )}
              </div>
            </div>
            <div class="schedule-part">
              <h2 class="picture-title" style={{ paddingLeft: `${gutter}px` }}>
                {title(run.processors, run.lanes)}
                {bars ? <span class="wide-only">: the same threads, run in a greedy order</span> : null}
                <span class="title-end" style={{ marginRight: `${RIGHT}px` }}>
                  <strong>{grouped(run.makespan)}</strong> ticks
                </span>
              </h2>
              <div class="plot-row">
                {small ? null : (
                  <RowLabels
                    last={run.lanes}
                    height={lanes.height}
                    row={lanes.laneHeight}
                    name="processors"
                  />
                )}
                <div
                  class="plot"
                  role="img"
                  aria-label={scheduleWords(shown)}
                  style={{
                    width: `${plot + RIGHT}px`,
                    height: `${lanes.height}px`,
                    marginLeft: `${gutter}px`,
                  }}
                  onClick={(event) => (selected.value = inLane(event))}
                  onPointerMove={(event) => point(inLane(event), event)}
                >
                  <ClockedCanvas
                    surface={{ width: plot + RIGHT, height: lanes.height, ratio }}
                    tick={tick}
                    end={run.makespan}
                    subject={shown}
                    backdrop={(context, palette) => paintLanes(context, run.lanes, lanes, plot, palette)}
                    painting={(context, palette) => paintSchedule(context, shown, lanes, tick, palette)}
                  />
                  {marked === undefined ? null : <Mark {...marked.lane} />}
                </div>
              </div>
              <Axis end={run.makespan} tick={tick} left={gutter} most={small ? 3 : 9} />
            </div>
            <div class="span-line" style={{ left: `${spanAt}px` }} />
            <ClockLine left={gutter} tick={tick} end={run.makespan} />
            {pointed.value === undefined ? null : (
              <p
                class="tooltip"
                aria-hidden="true"
                style={{
                  top: `${pointed.value.y + 14}px`,
                  ...(pointed.value.x < width / 2
                    ? { left: `${pointed.value.x + 10}px` }
                    : { right: `${width - pointed.value.x + 10}px` }),
                }}
              >
                {threadLine(threadFacts(program, run, pointed.value.thread))}
              </p>
            )}
          </>
        )}
      </div>
      {width > 0 && figures !== 'beside' ? (
        <div class="figures-below">
          <ProgramFigures {...shown} part={figures === 'below' ? 'all' : 'depths'} />
        </div>
      ) : null}
    </div>
  );
}

function Mark(box: {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}) {
  return (
    <div
      class="mark"
      style={{
        left: `${box.left - 3}px`,
        top: `${box.top - 3}px`,
        width: `${Math.max(box.width, 1) + 6}px`,
        height: `${box.height + 6}px`,
      }}
    />
  );
}

/** The clock's hand; not there when all has run. */
function ClockLine({
  left,
  tick,
  end,
}: {
  readonly left: number;
  readonly tick: number;
  readonly end: number;
}) {
  if (time.value >= end) return null;
  return (
    <div class="clock-line" style={{ transform: `translateX(${left + time.value * tick}px)` }}>
      {playing.value ? null : (
        <span class="visually-hidden">The clock stands at {grouped(figureTime.value)} ticks</span>
      )}
    </div>
  );
}

function RowLabels({
  last,
  height,
  row,
  name,
}: {
  readonly last: number;
  readonly height: number;
  readonly row: number;
  readonly name: string;
}) {
  const middle = last >= 6 && name === 'processors' ? Math.round(last / 2) : undefined;
  const at = (number: number) => ({ top: `${(number - 0.5) * row}px` });
  return (
    <div class="row-labels" aria-hidden="true" style={{ height: `${height}px` }}>
      <span style={at(1)}>1</span>
      {middle === undefined ? null : <span style={at(middle)}>{grouped(middle)}</span>}
      {last === 1 ? null : <span style={at(last)}>{grouped(last)}</span>}
      {height < 80 ? null : <span class="axis-name">{name}</span>}
    </div>
  );
}

function Axis({
  end,
  tick,
  left,
  most,
}: {
  readonly end: number;
  readonly tick: number;
  readonly left: number;
  readonly most: number;
}) {
  return (
    <div class="time-axis" aria-hidden="true" style={{ marginLeft: `${left}px` }}>
      {axisTicks(end, most).map((value) => (
        <span key={value} style={{ left: `${value * tick}px` }} data-first={value === 0 ? 'yes' : 'no'}>
          {value === 0 ? '0 ticks' : grouped(value)}
        </span>
      ))}
    </div>
  );
}

function title(processors: number, lanes: number): string {
  if (processors === Infinity) return `Unlimited processors, ${grouped(lanes)} of them used`;
  return processors === 1 ? 'One processor' : `${grouped(processors)} processors`;
}

function scheduleWords({ program, run }: Simulated): string {
  return (
    `${title(run.processors, run.lanes)} run ${grouped(program.threads)} threads in ${grouped(run.makespan)} ticks; ` +
    `no machine does it in less than the span of ${grouped(program.span)} ticks`
  );
}

function place(event: MouseEvent): { readonly x: number; readonly y: number } {
  const { currentTarget } = event;
  if (!(currentTarget instanceof Element)) return { x: 0, y: 0 };
  const box = currentTarget.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** The thread that a key asks for; `other`: the key asks for none. */
function threadByKey(
  { program }: Simulated,
  from: number | undefined,
  key: string,
): number | undefined | 'other' {
  const last = program.threads - 1;
  const now = from ?? -1;
  switch (key) {
    case 'ArrowDown':
    case 'ArrowRight':
      return Math.min(last, now + 1);
    case 'ArrowUp':
    case 'ArrowLeft':
      return Math.max(0, now - 1);
    case 'PageUp':
      return Math.max(0, program.parent[Math.max(0, now)] ?? 0);
    case 'PageDown':
      return childrenOf(program, Math.max(0, now))[0] ?? Math.max(0, now);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'Escape':
      return undefined;
    default:
      return 'other';
  }
}
