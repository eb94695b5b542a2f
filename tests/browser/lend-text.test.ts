/** What the lend panel says: something for every state, and nothing that is not so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchFigure, batchName, batchState, rangeText } from '../../client/browser/lend/batch-text.ts';
import type { LendPhase, LentSecond, PauseCause } from '../../client/browser/lend/lend.ts';
import { INTENSITIES } from '../../client/browser/lend/lend.ts';
import { busyShare, gapSentence, gapsOf, slotsOf } from '../../client/browser/lend/minute.ts';
import { phaseWord } from '../../client/browser/lend/phase-words.ts';
import type { Notice, Situation } from '../../client/browser/lend/sentences.ts';
import {
  intensityNote,
  noticeOf,
  pausedNotice,
  problemNotice,
  promise,
} from '../../client/browser/lend/sentences.ts';

const PHASES = Object.keys({
  off: 0,
  starting: 0,
  connecting: 0,
  idle: 0,
  computing: 0,
  paused: 0,
  recovering: 0,
  stopping: 0,
  elsewhere: 0,
  failed: 0,
} satisfies Record<LendPhase, 0>) as LendPhase[];
const PROBLEMS = Object.keys({
  insecure: 0,
  no_webgpu: 0,
  no_adapter: 0,
  device_lost: 0,
  unfit: 0,
  outdated: 0,
  refused: 0,
  key_needed: 0,
  key_refused: 0,
  forbidden: 0,
  broken: 0,
} satisfies Record<NonNullable<Situation['problem']>['kind'], 0>) as NonNullable<
  Situation['problem']
>['kind'][];
const CAUSES = Object.keys({
  battery: 0,
  hidden: 0,
  typing: 0,
  pressure: 0,
  user: 0,
} satisfies Record<PauseCause, 0>) as PauseCause[];
const ADDRESS = { host: 'cluster.example', port: '8080' };
const SITUATION: Situation = {
  phase: 'computing',
  problem: undefined,
  paused_by: [],
  connected: true,
  online: true,
  engine: 'gpu',
  refusal: undefined,
};

function assertGood(notice: Notice, what: string): void {
  assert.match(notice.heading, /^[A-Z][^.]+$/, what);
  assert.match(notice.sentence, /^[A-Z].*\.$/s, what);
  assert.ok(notice.sentence.length < 260, `${what}: ${notice.sentence}`);
  assert.ok(notice.actions.length <= 2, what);
  assert.doesNotMatch(`${notice.heading} ${notice.sentence}`, /undefined|NaN|\[object/, what);
}

test('every phase has its word, and its notice where nothing is computed', () => {
  for (const phase of PHASES) {
    assert.match(phaseWord({ phase, connected: true }), /^[A-Z]/);
    for (const connected of [true, false]) {
      for (const online of [true, false]) {
        const notice = noticeOf({ ...SITUATION, phase, connected, online, paused_by: ['hidden'] }, ADDRESS);
        if (notice !== undefined) assertGood(notice, phase);
        const quiet = phase === 'off' || (phase === 'computing' && connected);
        assert.equal(notice === undefined, quiet, phase);
      }
    }
  }
});

test('every problem says what to do', () => {
  for (const kind of PROBLEMS) {
    for (const message of ['', 'too many of you.']) {
      const notice = problemNotice(kind, message, ADDRESS);
      assertGood(notice, kind);
      assert.ok(notice.actions.length > 0, kind);
      assert.deepEqual(
        noticeOf({ ...SITUATION, phase: 'failed', problem: { kind, message } }, ADDRESS),
        notice,
      );
    }
  }
  const insecure = problemNotice('insecure', '', ADDRESS);
  assert.match(insecure.sentence, /https:\/\/cluster\.example\/.*http:\/\/localhost:8080/);
  assert.match(
    problemNotice('insecure', '', { host: 'cluster.example', port: '' }).sentence,
    /http:\/\/localhost /,
  );
  assert.match(problemNotice('refused', 'too many of you.', ADDRESS).sentence, /too many of you/);
});

test('each cause of a pause by itself, and several together', () => {
  for (const cause of CAUSES) {
    const notice = pausedNotice([cause]);
    assertGood(notice, cause);
    assert.deepEqual(
      notice.actions.map(({ label }) => label),
      cause === 'user' ? ['Resume now'] : ['Resume now', 'Change rules'],
    );
  }
  assert.equal(new Set(CAUSES.map((cause) => pausedNotice([cause]).heading)).size, CAUSES.length);
  const both = pausedNotice(['typing', 'battery']);
  assert.equal(both.heading, 'Paused: on battery');
  assert.equal(
    both.sentence,
    'It goes on when none of these holds any more: on battery, you type or scroll.',
  );
  assertGood(pausedNotice([]), 'no cause');
});

test('the promise names the share, the engine, and the rules that are on', () => {
  const rules = [
    { cause: 'battery', on: true },
    { cause: 'hidden', on: true },
    { cause: 'typing', on: false },
  ] as const;
  const half = promise('Half', 'gpu', rules);
  assert.equal(half.uses, 'Uses up to half of this device’s GPU.');
  assert.equal(
    half.stops,
    'Stops when you press Stop or close this page. Pauses on battery and when this tab is hidden.',
  );
  assert.match(half.learns, /name and speed.*network address and browser\.$/);
  assert.equal(promise('All', 'cpu', []).stops, 'Stops when you press Stop or close this page.');
  assert.equal(new Set(INTENSITIES.map(({ name }) => promise(name, 'auto', []).uses)).size, 5);
  assert.deepEqual(
    INTENSITIES.map(({ name }) => intensityNote(name)),
    [
      'computes 5 % of the time',
      'computes 20 % of the time',
      'computes 50 % of the time',
      'computes 80 % of the time',
      'computes all the time',
    ],
  );
});

/** `c` computes, `-` has no work, `.` is unknown, others pause. */
function minuteOf(pattern: string, now: number): LentSecond[] {
  const causes: Record<string, PauseCause> = {
    h: 'hidden',
    b: 'battery',
    u: 'user',
    t: 'typing',
    p: 'pressure',
  };
  return Array.from(pattern).flatMap((letter, index): LentSecond[] => {
    if (letter === '.') return [];
    const cause = causes[letter];
    return [
      {
        at: now - (pattern.length - 1 - index) * 1000,
        rate_per_second: letter === 'c' ? 1e6 : 0,
        busy: letter === 'c' ? 0.5 : 0,
        paused: cause === undefined ? [] : [cause],
      },
    ];
  });
}
const gap = (pattern: string) => gapSentence(gapsOf(slotsOf(minuteOf(pattern, 1e12), 1e12)));

test('the gaps of the last minute in words', () => {
  assert.equal(gap(''), undefined);
  assert.equal(gap('cccccc'), undefined);
  assert.equal(gap('cchhhhhhcc'), 'The gap: you switched tabs for 6 s, so it waited.');
  assert.equal(gap('chhc..bbbc'), 'The last gap: the device ran on battery for 5 s, so it waited.');
  assert.equal(gap('cuuc'), 'The gap: you paused it for 2 s.');
  assert.equal(gap('cttc'), 'The gap: you typed or scrolled for 2 s, so it waited.');
  assert.equal(gap('cppc'), 'The gap: the device was under load for 2 s, so it waited.');
  assert.equal(gap('c---c'), 'The gap: there was nothing to compute for 3 s.');
  // A breath between two batches, a pause that still holds, and the time before the first second.
  assert.equal(gap('cc-cc'), undefined);
  assert.equal(gap('ccchhh'), undefined);
  assert.equal(gap('----ccc'), undefined);
});

test('seconds stand at their age; what is older than a minute, or from a wrong clock, is left out', () => {
  const now = 1e12;
  const slots = slotsOf(
    [
      { at: now - 60_000, rate_per_second: 1, busy: 1, paused: [] },
      { at: now - 59_999, rate_per_second: 2, busy: 1, paused: [] },
      { at: now, rate_per_second: 3, busy: 0, paused: [] },
      { at: now + 5000, rate_per_second: 4, busy: 1, paused: [] },
    ],
    now,
  );
  assert.equal(slots.length, 60);
  assert.equal(slots[0]?.rate_per_second, 2);
  assert.equal(slots[59]?.rate_per_second, 3);
  assert.equal(slots.filter((slot) => slot !== undefined).length, 2);
  assert.equal(busyShare(slots), 0.5);
  assert.equal(busyShare([undefined]), undefined);
});

test('batches: their range, their state, how far or how long', () => {
  const batch = {
    lease_id: 'l',
    type: 'collatz',
    start: 712_000_000_000n,
    end: 713_600_000_000n,
    state: 'running',
    done: 0.6289,
    took_ms: undefined,
  } as const;
  assert.equal(batchName(batch), 'Collatz 712.0–713.6 G');
  assert.equal(batchFigure(batch), '62 %');
  assert.equal(batchFigure({ ...batch, done: 1.7 }), '100 %');
  assert.equal(batchFigure({ ...batch, state: 'accepted', took_ms: 3910 }), '3.9 s');
  assert.equal(batchFigure({ ...batch, state: 'accepted', took_ms: 61_500 }), '62 s');
  assert.equal(batchFigure({ ...batch, state: 'sending' }), '');
  assert.equal(batchName({ ...batch, type: 'other', start: 0n, end: 9n }), 'other 0–9');
  assert.equal(rangeText(1n, 300_000n), '1–300\u202f000');
  assert.equal(rangeText(41_000_000n, 43_000_000n), '41.0–43.0 M');
  assert.equal(rangeText(1_500_000n, 1_600_000n), '1.50–1.60 M');
  assert.equal(rangeText(500n, 1_000_000n), '0.00–1.00 M');
  assert.equal(rangeText(1_000_000_000_000n, 1_000_000_000_001n), '1.000 T');
  assert.equal(rangeText(2n ** 68n, 2n ** 68n + 10n ** 12n), '2.951·10²⁰ + 1.0 T');
  assert.equal(rangeText(10n ** 15n - 1n, 10n ** 15n), '9.999·10¹⁴ + 1');
  const states = ['running', 'sending', 'accepted', 'duplicate', 'refused', 'handed back'] as const;
  assert.equal(new Set(states.map((state) => batchState(state).word)).size, states.length);
  assert.equal(new Set(states.map((state) => batchState(state).mark)).size, states.length);
});
