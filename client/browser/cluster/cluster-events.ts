/** Joined, left, restarted: as few marks as say it. */
import type { Throughput } from '../../../protocol/http.ts';

type Event = Throughput['events'][number];

export interface EventMark {
  /** Milliseconds since 1970, of the first. */
  readonly at: number;
  readonly text: string;
  readonly events: readonly Event[];
}

/** @param within_ms events so close together share a mark */
export function eventMarks(events: readonly Event[], within_ms: number): readonly EventMark[] {
  const groups: Event[][] = [];
  for (const event of events.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))) {
    const group = groups.at(-1);
    const first = group?.[0];
    if (group !== undefined && first !== undefined && Date.parse(event.at) - Date.parse(first.at) < within_ms)
      group.push(event);
    else groups.push([event]);
  }
  return groups.map((group) => ({
    at: Date.parse(group[0]?.at ?? ''),
    text: group.length === 1 && group[0] !== undefined ? eventText(group[0]) : groupText(group),
    events: group,
  }));
}

export function eventText({ event, node_id }: Event): string {
  return `${node_id ?? 'coordinator'} ${event}`;
}

function groupText(group: readonly Event[]): string {
  const count = (wanted: Event['event']) => group.filter(({ event }) => event === wanted).length;
  const said = (['restarted', 'joined', 'left'] as const).flatMap((event) => {
    const times = count(event);
    if (times === 0) return [];
    return event === 'restarted' && times === 1 ? ['restarted'] : [`${times} ${event}`];
  });
  return said.join(', ');
}
