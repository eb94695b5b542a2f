/** On small screens the action is always in reach: Start, or the rate and Stop. */
import { Button } from '../controls/button.tsx';
import { scaled } from '../format/figures.ts';
import { deviceLine } from './contributing.tsx';
import type { Lend } from './lend.ts';
import { Action } from './notice.tsx';
import { FIGURES_MS, useSampled } from './sampled.ts';
import { phaseWord, isStarted } from './phase-words.ts';
import { promise } from './sentences.ts';
import { currentNotice } from './situation.ts';
import './lend.css';

export function LendBar({ lend }: { readonly lend: Lend }) {
  return (
    <section class="lend-bar" aria-label="Lend this device, in short">
      {isStarted(lend.phase.value) ? <Running lend={lend} /> : <Offer lend={lend} />}
    </section>
  );
}

function Running({ lend }: { readonly lend: Lend }) {
  const rate = useSampled(lend.rate_per_second, FIGURES_MS);
  const notice = currentNotice(lend);
  const { figure, scale } = scaled(rate);
  const resume = notice?.actions.find(({ does }) => does === 'resume');
  return (
    <>
      <p>
        <strong>
          {notice === undefined
            ? `${figure} ${scale} ${scale === '' ? lend.unit.value : ''} a second`.replace(/ +/g, ' ')
            : notice.heading}
        </strong>
        <span class="tiny">
          {notice === undefined
            ? deviceLine(lend)
            : phaseWord({ phase: lend.phase.value, connected: lend.connected.value })}
        </span>
      </p>
      {resume === undefined ? null : <Action lend={lend} action={resume} first onRules={noRules} />}
      <Button disabled={lend.phase.value === 'stopping'} onClick={() => lend.stop()}>
        Stop
      </Button>
    </>
  );
}

function Offer({ lend }: { readonly lend: Lend }) {
  const notice = currentNotice(lend);
  const action = notice?.actions[0];
  if (notice !== undefined && action !== undefined) {
    return (
      <>
        <p>
          <strong>{notice.heading}</strong>
          <span class="tiny">The panel says more.</span>
        </p>
        <Action lend={lend} action={action} first onRules={noRules} />
      </>
    );
  }
  return (
    <div class="lend-bar-offer">
      <Button kind="primary" onClick={() => lend.start()}>
        Start contributing
      </Button>
      <span class="tiny">
        {promise(lend.intensity.value, lend.engine_choice.value, lend.rules.value).uses} Stop any time.
      </span>
    </div>
  );
}

/** Here are no rules to show: the panel has them. */
function noRules(): void {
  return undefined;
}
