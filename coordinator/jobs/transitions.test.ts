import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JOB_STATES } from '../../protocol/http.ts';
import { isOver, JOB_EVENTS, nextState, takesResults, TRANSITIONS } from './transitions.ts';

test('docs/state-machine.md draws the table', () => {
  const page = readFileSync(new URL('../../docs/state-machine.md', import.meta.url), 'utf8');
  const drawn = [...page.matchAll(/^ {4}(\w+) --> (\w+) : (\w+)(?: \[([a-z ]+)\])?$/gm)].map(
    ([, from, to, event, guard]) => `${from} ${event} ${to} ${guard ?? ''}`,
  );
  const table = TRANSITIONS.map(({ from, event, to, guard }) => `${from} ${event} ${to} ${guard ?? ''}`);
  assert.deepEqual(drawn.toSorted(), table.toSorted());
});

test('the table is unambiguous: one state for each event, whatever the guard', () => {
  for (const from of JOB_STATES) {
    for (const event of JOB_EVENTS) {
      for (const started of [true, false]) {
        const fitting = TRANSITIONS.filter(
          (row) =>
            row.from === from &&
            row.event === event &&
            (row.guard === undefined || (row.guard === 'started') === started),
        );
        assert.ok(fitting.length <= 1, `${from} ${event}`);
        assert.equal(nextState(from, event, started), fitting[0]?.to);
      }
    }
  }
});

test('a job that is over never runs again', () => {
  for (const state of JOB_STATES.filter(isOver)) {
    for (const event of JOB_EVENTS) {
      const next = nextState(state, event, true);
      assert.ok(next === undefined || next === state, `${state} ${event} gives ${next}`);
    }
    assert.equal(takesResults(state), false);
  }
});

test('every state is reached from pending', () => {
  const reached = new Set(['pending']);
  for (let grown = true; grown;) {
    grown = false;
    for (const { from, to } of TRANSITIONS) {
      if (reached.has(from) && !reached.has(to)) {
        reached.add(to);
        grown = true;
      }
    }
  }
  assert.deepEqual([...reached].toSorted(), [...JOB_STATES].toSorted());
});
