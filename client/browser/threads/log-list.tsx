/** Forks and ends up to the clock's time, newest first. Only the rows in sight exist; keys walk all of them. */
import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import { grouped } from '../format/figures.ts';
import { entriesUpTo, logEntry } from './log.ts';
import { figureTime, playing, selected } from './page-state.ts';
import type { Simulated } from './page-state.ts';

const ROW = 28;
/** As threads.css has it on wide screens; narrow ones show fewer. */
const ROWS_IN_SIGHT = 13;
/** Rows above and below what is in sight, so that scrolling shows no gap. */
const SPARE = 4;

export function LogList({ shown }: { readonly shown: Simulated }) {
  const { program, run } = shown;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const scrolled = useSignal(0);
  /** Index in the log, so that it stays the same entry while new ones come. */
  const active = useSignal<number | undefined>(undefined);
  const count = entriesUpTo(run.log, figureTime.value);
  const first = Math.max(0, Math.floor(scrolled.value / ROW) - SPARE);
  const last = Math.min(count, first + ROWS_IN_SIGHT + 2 * SPARE);
  useEffect(() => {
    active.value = undefined;
    box.current?.scrollTo(0, 0);
  }, [shown]);

  const activate = (row: number) => {
    const bounded = Math.max(0, Math.min(count - 1, row));
    const index = count - 1 - bounded;
    active.value = index;
    selected.value = logEntry(run.log, index)?.thread;
    const element = box.current;
    if (element === null) return;
    const top = bounded * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + element.clientHeight)
      element.scrollTop = top + ROW - element.clientHeight;
    scrolled.value = element.scrollTop;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = active.value === undefined ? -1 : count - 1 - active.value;
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: row + 1,
      ArrowUp: row - 1,
      PageDown: row + ROWS_IN_SIGHT,
      PageUp: row - ROWS_IN_SIGHT,
      Home: 0,
      End: count - 1,
    };
    const next = steps[event.key];
    if (next === undefined || count === 0) return;
    event.preventDefault();
    activate(next);
  };
  const current = active.value !== undefined && active.value < count ? active.value : undefined;
  const inSight = current !== undefined && count - 1 - current >= first && count - 1 - current < last;
  return (
    <section class="log" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>
        Forks and ends <span class="small">newest first, {grouped(count)}</span>
      </h2>
      <div
        class="log-rows"
        ref={box}
        role="listbox"
        tabIndex={0}
        aria-labelledby={`${id}-title`}
        aria-busy={playing.value}
        {...(inSight ? { 'aria-activedescendant': `${id}-${current}` } : {})}
        onScroll={(event) => (scrolled.value = event.currentTarget.scrollTop)}
        onKeyDown={onKeyDown}
      >
        {count === 0 ? (
          <div class="log-row" role="option" aria-selected="false" style={{ top: '0' }}>
            Nothing yet: press Play.
          </div>
        ) : null}
        <div style={{ height: `${ROW * count}px` }} role="presentation">
          {Array.from({ length: Math.max(0, last - first) }, (_, offset) => {
            const row = first + offset;
            const index = count - 1 - row;
            const entry = logEntry(run.log, index);
            if (entry === undefined) return null;
            return (
              <div
                key={index}
                id={`${id}-${index}`}
                class="log-row"
                role="option"
                aria-selected={index === current}
                aria-setsize={count}
                aria-posinset={row + 1}
                style={{ top: `${row * ROW}px` }}
                onClick={() => activate(row)}
              >
                <span class="when">{grouped(entry.time)}</span>
                <span>
                  {entry.kind === 'ended'
                    ? `thread ${grouped(entry.thread + 1)} ends`
                    : `thread ${grouped((program.parent[entry.thread] ?? 0) + 1)} forks ${grouped(entry.thread + 1)}`}
                </span>
                <span class="tiny">{note(shown, entry.thread, entry.kind)}</span>
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

function note({ run }: Simulated, thread: number, kind: 'forked' | 'ended'): string {
  const begin = run.begin[thread] ?? 0;
  if (kind === 'ended') return `after ${grouped((run.end[thread] ?? 0) - begin)}`;
  const waits = begin - (run.ready[thread] ?? 0);
  return waits === 0 ? 'begins at once' : `waits ${grouped(waits)}`;
}
