/** Choose a number: its path to 1 in a sentence and on a log scale. */
import { useMemo } from 'preact/hooks';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { Icon } from '../shell/icon.tsx';
import { nextRecord, randomNumber } from './delay-records.ts';
import { explore, neighbours, path, pointedStep, problem, typed } from './explorer-state.ts';
import { shortNumber } from './number-text.ts';
import { paintStep, paintTrajectory, stepAt } from './paint-trajectory.ts';
import type { Cursor } from './picture.tsx';
import { Picture } from './picture.tsx';
import type { Trajectory } from './trajectory.ts';
import { valuesFrom } from './trajectory.ts';
import { Raised } from './raised.tsx';
import { headline, neighbourNames, neighbourSentence, steps } from './words.ts';

const PAGE_STEPS = 20;

export function NumberField() {
  const record = path.value === undefined ? undefined : nextRecord(path.value.start);
  const wrong = problem.value;
  return (
    <form
      class="number-form"
      onSubmit={(event) => {
        event.preventDefault();
        void explore(typed.peek());
      }}
    >
      <div class="field number-field">
        <label for="n">
          <span aria-hidden="true">n =</span>
          <span class="visually-hidden">Number to explore</span>
        </label>
        <input
          id="n"
          name="n"
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={typed.value}
          aria-invalid={wrong !== undefined}
          {...(wrong === undefined ? {} : { 'aria-describedby': 'n-problem' })}
          onInput={(event) => void explore(event.currentTarget.value)}
        />
      </div>
      <Button onClick={() => void explore(randomNumber().toString())}>Random</Button>
      <Button
        disabled={record === undefined}
        onClick={() => void (record === undefined ? undefined : explore(record.toString()))}
      >
        {record === undefined ? 'No later record known' : `Next record: ${shortNumber(record)}`}
      </Button>
      {wrong === undefined ? null : (
        <p id="n-problem" class="problem" role="alert">
          <Icon name="wrong" size={14} /> {wrong}
        </p>
      )}
    </form>
  );
}

export function PathPicture() {
  const walked = path.value;
  const beside = neighbours.value;
  const layer = useMemo(
    () => (walked === undefined ? undefined : paintTrajectory(walked, beside)),
    [walked, beside],
  );
  const at = pointedStep.value;
  const cursorLayer = useMemo(() => (walked === undefined ? undefined : paintStep(walked, at)), [walked, at]);
  if (walked === undefined || layer === undefined || cursorLayer === undefined) {
    return <h1 class="headline">Every number’s path to 1</h1>;
  }
  return (
    <>
      <h1 class="headline">
        <Raised text={headline(walked)} />
      </h1>
      <p class="small">{neighbourSentence(walked, beside) || '\u00a0'}</p>
      <Picture
        class="path-picture"
        label={`The path of ${shortNumber(walked.start)} on a log scale, step by step`}
        layers={[layer, cursorLayer]}
        cursor={stepCursor(walked, at)}
      >
        <p class="readout" aria-hidden="true">
          {at === undefined ? null : <Raised text={stepWords(walked, at)} />}
        </p>
      </Picture>
      <ul class="legend">
        <li>
          <svg width="26" height="10" aria-hidden="true">
            <path d="M1 5H25" class="even-line" />
          </svg>
          even: halve, {times(walked.steps - walked.oddSteps)}
        </li>
        <li>
          <svg width="26" height="10" aria-hidden="true">
            <path d="M5 5H25" class="odd-line" />
            <circle cx="5" cy="5" r="3" class="odd-ring" />
          </svg>
          odd: ×3 + 1, {times(walked.oddSteps)}
        </li>
        {beside.length === 0 ? null : (
          <li>
            <svg width="26" height="10" aria-hidden="true">
              <path d="M1 5H25" class="neighbour-line" />
            </svg>
            {neighbourNames(walked.start, beside)}
          </li>
        )}
      </ul>
    </>
  );
}

function times(count: number): string {
  return count === 1 ? 'once' : `${grouped(count)} times`;
}

function stepCursor(walked: Trajectory, at: number | undefined): Cursor {
  const moves: ReadonlyMap<string, (from: number) => number> = new Map([
    ['ArrowLeft', (from: number) => from - 1],
    ['ArrowDown', (from: number) => from - 1],
    ['ArrowRight', (from: number) => from + 1],
    ['ArrowUp', (from: number) => from + 1],
    ['PageUp', (from: number) => from + PAGE_STEPS],
    ['PageDown', (from: number) => from - PAGE_STEPS],
    ['Home', () => 0],
    ['End', () => walked.steps],
  ]);
  return {
    at,
    count: walked.steps + 1,
    words: (step) => stepWords(walked, step),
    locate: (x, _y, size) => stepAt(size, walked, x),
    move: (key, from) => moves.get(key)?.(from),
    onChange: (step) => {
      pointedStep.value = step;
    },
  };
}

/** `after 77 steps: 9 232, even`. */
function stepWords(walked: Trajectory, step: number): string {
  const [value] = valuesFrom(walked, step, 1);
  if (value === undefined) return '';
  const parity = walked.odd[step] === 1 ? 'odd' : 'even';
  return `after ${steps(step)}: ${shortNumber(value)}, ${parity}`;
}
