/** The panel that lends this device: one button that says what it will do, then what it does. */
import { useRef } from 'preact/hooks';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import type { Live } from '../live/live.ts';
import { Icon } from '../shell/icon.tsx';
import { Batches, Minute, Rate, Share, Status } from './contributing.tsx';
import type { Lend } from './lend.ts';
import { slotsOf } from './minute.ts';
import { NoticeView } from './notice.tsx';
import { FIGURES_MS, PICTURES_MS, useSampled } from './sampled.ts';
import { promise } from './sentences.ts';
import { EngineSetting, IntensitySlider, PauseSwitches } from './settings.tsx';
import { currentNotice } from './situation.ts';
import { isStarted } from './phase-words.ts';
import './lend.css';

export interface LendPanelProps {
  readonly lend: Lend;
  readonly live: Live;
}

export function LendPanel({ lend, live }: LendPanelProps) {
  const rules = useRef<HTMLDivElement>(null);
  const showRules = () => {
    const first = rules.current?.querySelector('input');
    first?.scrollIntoView({ block: 'center' });
    first?.focus();
  };
  const started = isStarted(lend.phase.value);
  return (
    <section class="lend" aria-label="Lend this device">
      {started ? <Status lend={lend} /> : <h2 class="title">Lend this device</h2>}
      {started ? <Rate lend={lend} /> : null}
      {started ? <Minute lend={lend} /> : null}
      <Now lend={lend} started={started} onRules={showRules} />
      <hr class="rule" />
      <IntensitySlider lend={lend} />
      <PauseSwitches lend={lend} target={rules} />
      <EngineSetting lend={lend} />
      <hr class="rule" />
      {started ? <Batches lend={lend} /> : <DeviceFacts />}
      <hr class="rule" />
      {started ? <Share lend={lend} /> : <ClusterFacts live={live} />}
    </section>
  );
}

/** What stands in its way, or what the button will do. */
function Now({
  lend,
  started,
  onRules,
}: {
  readonly lend: Lend;
  readonly started: boolean;
  readonly onRules: () => void;
}) {
  const minute = useSampled(lend.minute, PICTURES_MS);
  const notice = currentNotice(lend);
  if (notice !== undefined) {
    // While it contributes, the minute stands above.
    const lane = started ? {} : { slots: slotsOf(minute, minute.at(-1)?.at ?? 0) };
    return <NoticeView lend={lend} notice={notice} onRules={onRules} {...lane} />;
  }
  return started ? null : <Offer lend={lend} />;
}

function Offer({ lend }: { readonly lend: Lend }) {
  const { uses, stops, learns } = promise(lend.intensity.value, lend.engine_choice.value, lend.rules.value);
  return (
    <>
      <p>
        It will test numbers for the Collatz conjecture and simulate programs of forking threads. It starts
        when you press the button, never before.
      </p>
      <Button kind="primary" onClick={() => lend.start()}>
        Start contributing
      </Button>
      <p class="small">
        <strong>{uses}</strong> {stops} {learns}
      </p>
    </>
  );
}

/** Only what the browser tells without being asked to compute. */
function DeviceFacts() {
  const secure = window.isSecureContext;
  const webgpu = 'gpu' in navigator;
  const webAssembly = 'WebAssembly' in window;
  const threads = navigator.hardwareConcurrency;
  return (
    <section class="lend-section" aria-label="What your device can do">
      <h2>What your device can do</h2>
      <ul class="lend-facts">
        <li>
          <span>WebGPU</span>
          <Fact
            good={webgpu}
            word={webgpu ? 'offered by this browser' : secure ? 'not in this browser' : 'needs HTTPS'}
          />
        </li>
        <li>
          <span>
            WebAssembly, {threads} {threads === 1 ? 'thread' : 'threads'}
          </span>
          <Fact good={webAssembly} word={webAssembly ? 'ready' : 'not in this browser: JavaScript, slower'} />
        </li>
      </ul>
      <p class="small">
        <a href="/device.html">Test this device</a>: the same questions with known answers on its GPU and CPU,
        and how fast it is.
      </p>
    </section>
  );
}

function Fact({ good, word }: { readonly good: boolean; readonly word: string }) {
  return (
    <span class="state" data-state={good ? 'accepted' : 'duplicate'}>
      <Icon name={good ? 'check' : 'close'} size={14} /> {word}
    </span>
  );
}

function ClusterFacts({ live }: { readonly live: Live }) {
  const cluster = useSampled(live.cluster, FIGURES_MS);
  const batches = useSampled(live.batches, FIGURES_MS);
  const fresh = live.connection.value === 'live';
  return (
    <section class="lend-section" aria-label="The cluster now">
      <h2>The cluster now</h2>
      {cluster === undefined ? (
        <p class="small">
          {fresh
            ? 'Asking.'
            : live.connection.value === 'key_needed'
              ? 'Shown with a key.'
              : 'The coordinator has not answered yet.'}
        </p>
      ) : (
        <dl class="lend-figures" data-stale={fresh ? 'no' : 'yes'}>
          <div>
            <dt>{cluster.workers.connected === 1 ? 'device' : 'devices'}</dt>
            <dd>{grouped(cluster.workers.connected)}</dd>
          </div>
          <div>
            <dt>{cluster.jobs.running === 1 ? 'job' : 'jobs'} running</dt>
            <dd>{grouped(cluster.jobs.running)}</dd>
          </div>
          <div>
            <dt>batches in the last minute</dt>
            <dd>{grouped(batches.length)}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}
