/** When others took over what a coordinator has left, as their logs tell. */
import { z } from 'zod';
import type { Silence } from './faults.ts';
import type { SupervisedCoordinator } from './supervised-coordinator.ts';

const line = z.object({ time: z.iso.datetime(), msg: z.string() });
const TOOK_OVER = 'another coordinator gives no sign any more';
/** Later ones are another silence's. */
const LONGEST_MS = 15_000;

/** Milliseconds from its first moment to the first take-over by another one; undefined: there was none. */
export function takeOverAfter(
  { coordinator, from }: Silence,
  all: readonly SupervisedCoordinator[],
): number | undefined {
  const moments = all
    .filter((one) => one !== coordinator)
    .flatMap(({ output }) => takeOvers(output))
    .filter((at) => at >= from && at < from + LONGEST_MS);
  return moments.length === 0 ? undefined : Math.min(...moments) - from;
}

function takeOvers(output: string): readonly number[] {
  return output
    .split('\n')
    .filter((text) => text.includes(TOOK_OVER))
    .flatMap((text) => {
      const read = line.safeParse(parsed(text));
      return read.success ? [Date.parse(read.data.time)] : [];
    });
}

/** The last line of one that was killed may be cut off. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
