/** How much of the device, when, and on what: the visitor's own choices. */
import type { RefObject } from 'preact';
import { useId } from 'preact/hooks';
import { Segmented } from '../controls/segmented.tsx';
import { Switch } from '../controls/switch.tsx';
import type { Lend } from './lend.ts';
import { INTENSITIES } from './lend.ts';
import { RULE_LABELS, intensityNote } from './sentences.ts';

const LAST = INTENSITIES.length - 1;

export function IntensitySlider({ lend }: { readonly lend: Lend }) {
  const id = useId();
  const chosen = lend.intensity.value;
  const at = INTENSITIES.findIndex(({ name }) => name === chosen);
  const choose = (index: number) => {
    const stop = INTENSITIES[index];
    if (stop !== undefined) lend.setIntensity(stop.name);
  };
  return (
    <div class="lend-intensity">
      <div class="lend-head">
        <h2>
          <label for={id}>Intensity</label>
        </h2>
        <span class="tiny">{intensityNote(chosen)}</span>
      </div>
      <div class="slider" style={{ '--filled': `${(at / LAST) * 100}%` }}>
        {INTENSITIES.map(({ name }, index) => (
          <i key={name} aria-hidden="true" data-on={index <= at ? 'yes' : 'no'} />
        ))}
        <input
          id={id}
          type="range"
          min={0}
          max={LAST}
          step={1}
          value={at}
          aria-valuetext={`${chosen}: ${intensityNote(chosen)}`}
          onInput={(event) => choose(event.currentTarget.valueAsNumber)}
        />
      </div>
      <div class="stops" aria-hidden="true">
        {INTENSITIES.map(({ name }, index) => (
          <span key={name} data-on={index === at ? 'yes' : 'no'} onClick={() => choose(index)}>
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}

export function PauseSwitches({
  lend,
  target,
}: {
  readonly lend: Lend;
  /** Where "Change rules" leads. */
  readonly target: RefObject<HTMLDivElement | null>;
}) {
  return (
    <div class="lend-rules" ref={target}>
      {lend.rules.value.map(({ cause, on, now }) => (
        <Switch
          key={cause}
          label={RULE_LABELS[cause]}
          now={now}
          checked={on}
          onChange={(checked) => lend.setRule(cause, checked)}
        />
      ))}
    </div>
  );
}

export function EngineSetting({ lend }: { readonly lend: Lend }) {
  return (
    <div class="lend-head">
      <span>Computes on</span>
      <Segmented
        legend="Computes on"
        options={[
          { value: 'auto', label: 'Automatic', title: 'Automatic: what a short measurement finds faster' },
          { value: 'gpu', label: 'GPU', title: 'GPU, by WebGPU' },
          { value: 'cpu', label: 'CPU', title: 'CPU, by WebAssembly where the browser has it' },
        ]}
        value={lend.engine_choice.value}
        onChange={(choice) => lend.setEngine(choice)}
      />
    </div>
  );
}
