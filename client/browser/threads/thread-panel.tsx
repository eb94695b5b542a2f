/** The selected thread: when and where it ran, whose child it is, whom it forked. */
import type { ComponentChildren } from 'preact';
import { Button } from '../controls/button.tsx';
import { grouped } from '../format/figures.ts';
import { depthColour } from './layout.ts';
import { selected } from './page-state.ts';
import type { Simulated } from './page-state.ts';
import { threadFacts } from './thread-words.ts';

export function ThreadPanel({ shown }: { readonly shown: Simulated }) {
  const thread = selected.value;
  return (
    <section class="thread-panel" aria-labelledby="thread-title">
      <h2 id="thread-title">{thread === undefined ? 'A thread' : `Thread ${grouped(thread + 1)}`}</h2>
      {thread === undefined ? (
        <>
          <p class="small">Click a line or a bar, or walk the tree with the arrow keys, to see one thread.</p>
          <Button onClick={() => (selected.value = shown.program.chain.at(-1))}>
            Show the one that ends last
          </Button>
        </>
      ) : (
        <Details shown={shown} thread={thread} />
      )}
    </section>
  );
}

function Details({ shown, thread }: { readonly shown: Simulated; readonly thread: number }) {
  const { program, run } = shown;
  if (thread >= program.threads) return null;
  const facts = threadFacts(program, run, thread);
  const waited = facts.begin - facts.ready;
  return (
    <>
      <dl class="facts">
        <Fact name="Parent">
          {facts.parent === undefined ? 'none, it is the root' : <ThreadLink number={facts.parent} />}
        </Fact>
        <Fact name="Depth">
          <span
            class="swatch"
            style={{ background: `var(--d${depthColour(facts.depth, program.byDepth.length - 1)})` }}
          />{' '}
          {facts.depth}
        </Fact>
        <Fact name="Forked">{`${grouped(facts.ready)}${waited === 0 ? ', begins at once' : ''}`}</Fact>
        <Fact name="Begins">
          {grouped(facts.begin)}
          {waited === 0 ? '' : `, after waiting ${grouped(waited)}`}
        </Fact>
        <Fact name="Ends">{grouped(facts.end)}</Fact>
        <Fact name="Duration">{grouped(facts.work)} ticks</Fact>
        <Fact name="Processor">{grouped(facts.processor)}</Fact>
        <Fact name="Children">
          {facts.children.length === 0
            ? 'none'
            : facts.children.map((child) => <ThreadLink key={child} number={child} />)}
        </Fact>
      </dl>
      <p class="small">
        {facts.critical
          ? 'On the longest chain: if it took longer, so would the program on any machine.'
          : 'Not on the longest chain.'}
      </p>
      <Button kind="quiet" icon="close" onClick={() => (selected.value = undefined)}>
        Deselect
      </Button>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** @param number from 1, as shown */
function ThreadLink({ number }: { readonly number: number }) {
  return (
    <button class="thread-link" type="button" onClick={() => (selected.value = number - 1)}>
      thread {grouped(number)}
    </button>
  );
}
