/** On pages without the panel: that this device contributes, how fast, and Stop. */
import { Button } from '../controls/button.tsx';
import { scaled } from '../format/figures.ts';
import type { Lend } from './lend.ts';
import { FIGURES_MS, useSampled } from './sampled.ts';
import { isStarted, phaseWord } from './phase-words.ts';
import './lend.css';

/** Nothing while this device does not contribute. */
export function LendChip({ lend }: { readonly lend: Lend }) {
  const { figure, scale } = scaled(useSampled(lend.rate_per_second, FIGURES_MS));
  const phase = lend.phase.value;
  const connected = lend.connected.value;
  if (!isStarted(phase)) return null;
  return (
    <section class="lend-chip" aria-label="This device contributes">
      <span class="lend-status" data-live={phase === 'computing' && connected ? 'yes' : 'no'}>
        {phase === 'computing'
          ? `${figure} ${scale} ${lend.unit.value} a second`.replace(/ +/g, ' ')
          : phaseWord({ phase, connected })}
      </span>
      <Button kind="quiet" disabled={phase === 'stopping'} onClick={() => lend.stop()}>
        Stop
      </Button>
    </section>
  );
}
