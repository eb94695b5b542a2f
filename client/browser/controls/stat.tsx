import type { ComponentChildren } from 'preact';

/** One figure with its name and what it means. Stands in a <dl>. */
export function Stat({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
}) {
  return (
    <div class="stat">
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      {note === undefined ? null : <dd class="note">{note}</dd>}
    </div>
  );
}
