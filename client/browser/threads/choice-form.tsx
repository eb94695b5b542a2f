/** Which root of which shape is shown. What can be read shows at once; what can't says what to enter. */
import { signal } from '@preact/signals';
import { Button } from '../controls/button.tsx';
import { Field } from '../controls/field.tsx';
import { MAX_ROOTS } from '../../../shaders/thread-sim/limits.ts';
import { DEFAULT_CHOICE } from './address.ts';
import { choice, choose, draft, type } from './page-state.ts';
import type { FieldName } from './shape.ts';
import { FIELDS, readDraft, sameShape } from './shape.ts';

const SHAPE_FIELDS = [
  'maxDepth',
  'spawnThreshold',
  'maxChildren',
  'maxThreads',
  'workMin',
  'workMax',
] as const satisfies readonly FieldName[];

/** There is room for the shape beside the log; below it, it is asked for. */
const open = signal(matchMedia('(min-width: 1024px)').matches);

export function ChoiceForm() {
  const read = readDraft(draft.value);
  const problems = 'problems' in read ? read.problems : {};
  const input = (name: FieldName) => (
    <Field
      key={name}
      label={FIELDS[name].label}
      name={name}
      value={draft.value[name]}
      problem={problems[name]}
      inputMode="numeric"
      onInput={(text) => type({ ...draft.value, [name]: text })}
    />
  );
  const wrong = SHAPE_FIELDS.some((name) => problems[name] !== undefined);
  const isUsual = sameShape(choice.value.shape, DEFAULT_CHOICE.shape);
  return (
    <section class="choice" aria-labelledby="choice-title">
      <h2 id="choice-title">Another program</h2>
      <p class="small">A root and a seed fix a whole tree: every machine grows the same one.</p>
      <div class="choice-fields">
        {input('root')}
        {input('seed')}
        <Button icon="shuffle" onClick={chooseRandom}>
          Random
        </Button>
      </div>
      <details open={open.value || wrong} onToggle={(event) => (open.value = event.currentTarget.open)}>
        <summary>Its shape: {shapeWords()}</summary>
        <div class="shape-fields">{SHAPE_FIELDS.map(input)}</div>
        {isUsual ? null : (
          <Button kind="quiet" onClick={() => choose(DEFAULT_CHOICE)}>
            Back to the usual shape
          </Button>
        )}
      </details>
    </section>
  );
}

function shapeWords(): string {
  const { maxDepth, maxChildren, spawnThreshold, workMin, workMax } = choice.value.shape;
  const chance = `${((100 * spawnThreshold) / 256).toFixed(1).replace(/\.0$/, '')}\u202f%`;
  return `depth ${maxDepth}, ${maxChildren} × ${chance}, ${workMin}–${workMax} ticks`;
}

function chooseRandom(): void {
  const [root = 0] = crypto.getRandomValues(new Uint32Array(1));
  choose({ shape: choice.value.shape, root: root % MAX_ROOTS });
}
