/** Where the marks of both pictures are: rows of the tree, brackets of its joins, lanes of the schedule. CSS pixels. */
import type { Program, Run } from './simulation.ts';

/** What a row is tall in a tree of usual size. */
const ROW = 1.4;
const TALLEST_ROW = 14;
const MAX_JOIN_STEP = 0.75;
/** All brackets that end at one time stand beside each other within this width. */
export const JOIN_ROOM = 10;
const TALLEST_LANE = 26;
/** How far beside a thin mark a pointer still means it. */
const REACH = 6;

export interface TreeLayout {
  readonly rowHeight: number;
  /** Of a thread's line. */
  readonly thickness: number;
  readonly height: number;
  /** Pixels by which a bracket stands to the right of one that is a level deeper. */
  readonly joinStep: number;
}

/** @param room the least and the greatest height; a tree of a few threads may be lower than both */
export function treeLayout(
  program: Program,
  room: { readonly least: number; readonly most: number },
): TreeLayout {
  const { threads, byDepth } = program;
  const wanted = Math.max(room.least, ROW * threads);
  const height = Math.min(room.most, TALLEST_ROW * threads, wanted);
  const rowHeight = height / threads;
  return {
    rowHeight,
    height,
    thickness: rowHeight < 3 ? Math.max(1, rowHeight) : Math.min(6, rowHeight * 0.72),
    joinStep: Math.min(MAX_JOIN_STEP, JOIN_ROOM / Math.max(1, byDepth.length)),
  };
}

/** The middle of a thread's row. */
export function rowMiddle(layout: TreeLayout, number: number): number {
  return (number + 0.5) * layout.rowHeight;
}

export interface Join {
  /** Ticks: all below the parent has ended. */
  readonly time: number;
  /** Pixels to the right of that time, so that nested joins of one time can be told apart. */
  readonly shift: number;
  readonly top: number;
  readonly bottom: number;
}

/** The bracket at which a thread has joined all its children; undefined if it forked none. */
export function joinOf(program: Program, layout: TreeLayout, number: number): Join | undefined {
  const last = program.lastChild[number] ?? -1;
  if (last < 0) return undefined;
  const below = program.byDepth.length - 1 - (program.depth[number] ?? 0);
  return {
    time: program.joined[number] ?? 0,
    shift: below * layout.joinStep,
    top: rowMiddle(layout, number),
    bottom: rowMiddle(layout, last),
  };
}

export interface LaneLayout {
  readonly laneHeight: number;
  /** Between lanes. */
  readonly gap: number;
  readonly height: number;
}

export function laneLayout(
  lanes: number,
  room: { readonly least: number; readonly most: number },
): LaneLayout {
  const wanted = Math.max(room.least, lanes * 5);
  const height = Math.min(room.most, TALLEST_LANE * lanes, wanted);
  const laneHeight = height / lanes;
  return { laneHeight, height, gap: laneHeight >= 4 ? Math.min(3, laneHeight * 0.2) : 0 };
}

/** The thread that a pointer in the tree means. @param time the pointer's place in ticks @param tick pixels per tick */
export function threadInTree(
  program: Program,
  layout: TreeLayout,
  time: number,
  y: number,
  tick: number,
): number | undefined {
  const reach = Math.max(layout.rowHeight / 2, REACH);
  const from = Math.max(0, Math.floor((y - reach) / layout.rowHeight));
  const to = Math.min(program.threads - 1, Math.floor((y + reach) / layout.rowHeight));
  let best: number | undefined;
  let nearest = reach;
  for (let number = from; number <= to; number++) {
    const start = program.start[number] ?? 0;
    const beside = Math.max(start - time, time - start - (program.ticks[number] ?? 0), 0) * tick;
    const distance = Math.hypot(beside, rowMiddle(layout, number) - y);
    if (distance <= nearest) [best, nearest] = [number, distance];
  }
  return best;
}

/** The thread that ran on a processor at a time, or that is within reach of the pointer there. */
export function threadInLane(run: Run, lane: number, time: number, tick: number): number | undefined {
  let best: number | undefined;
  let nearest = REACH / 2;
  for (let number = 0; number < run.processor.length; number++) {
    if (run.processor[number] !== lane) continue;
    const distance = Math.max((run.begin[number] ?? 0) - time, time - (run.end[number] ?? 0), 0) * tick;
    if (distance < nearest) [best, nearest] = [number, distance];
  }
  return best;
}

/** Round values from 0 to `end`, at most `most` steps. */
export function axisTicks(end: number, most: number): readonly number[] {
  if (end <= 0) return [0];
  const rough = end / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * 0.999999) ?? 10;
  const step = Math.max(1, factor * power);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}

/** One of the eleven colours of depths; deeper programs share them evenly. */
export function depthColour(depth: number, deepest: number): number {
  return deepest <= 10 ? depth : Math.floor((depth * 10) / deepest);
}
