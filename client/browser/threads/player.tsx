/** Play, pause, reset, speed, the clock itself as a slider, and what can be said at its time. */
import { Button } from '../controls/button.tsx';
import { Segmented } from '../controls/segmented.tsx';
import { grouped } from '../format/figures.ts';
import { short } from './figures.tsx';
import { figureTime, moment, playing, reset, seek, speed, SPEEDS, time, togglePlay } from './page-state.ts';
import type { Simulated } from './page-state.ts';

const SPEED_OPTIONS = SPEEDS.map((value) => ({
  value: String(value),
  label: `${value === 0.25 ? '¼' : value}×`,
  title: value === 0.25 ? 'a quarter of the speed' : `${value} times the speed`,
}));

export function Player({ shown }: { readonly shown: Simulated }) {
  const { program, run } = shown;
  const now = moment.value;
  const available = run.processors === Infinity ? run.lanes : run.processors;
  return (
    <section class="player" aria-label="Play the schedule">
      <div class="player-controls">
        <Button icon={playing.value ? 'pause' : 'play'} onClick={togglePlay}>
          {playing.value ? 'Pause' : 'Play'}
        </Button>
        <Button icon="reset" label="Reset the clock to 0" onClick={reset} />
        <ClockSlider makespan={run.makespan} />
        <Segmented
          legend="Speed"
          options={SPEED_OPTIONS}
          value={String(speed.value)}
          onChange={(value) => (speed.value = Number(value))}
        />
      </div>
      {now === undefined ? null : (
        <dl class="moment">
          <Now name="Clock" value={grouped(figureTime.value)} of={`of ${grouped(run.makespan)} ticks`} />
          <Now
            name="Running now"
            value={grouped(now.active)}
            of={`of ${grouped(available)} ${available === 1 ? 'processor' : 'processors'}`}
          />
          <Now
            name="Begun"
            value={grouped(now.begun)}
            of={`of ${grouped(program.threads)} ${program.threads === 1 ? 'thread' : 'threads'}`}
          />
          <Now name="Deepest" value={String(now.deepest)} of={`of ${program.byDepth.length - 1}`} />
          <Now name="Rate" value={short(now.rate)} of="ends per 1 000 ticks" />
        </dl>
      )}
    </section>
  );
}

function ClockSlider({ makespan }: { readonly makespan: number }) {
  return (
    <input
      class="clock-slider"
      type="range"
      aria-label="Clock"
      aria-valuetext={`${grouped(figureTime.value)} of ${grouped(makespan)} ticks`}
      min={0}
      max={makespan}
      step={1}
      value={Math.round(time.value)}
      onInput={(event) => {
        playing.value = false;
        seek(Number(event.currentTarget.value));
      }}
    />
  );
}

function Now({ name, value, of }: { readonly name: string; readonly value: string; readonly of: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong> {of}
      </dd>
    </div>
  );
}
