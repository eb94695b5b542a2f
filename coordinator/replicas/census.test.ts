import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Census } from './census.ts';

/** One type and state, on a clock that the test moves: jobs counted here and by the store, and how often that counted. */
function world() {
  const is = { now: 0, here: 5, there: 5, looks: 0 };
  const store = {
    countJobs: () => {
      is.looks += 1;
      return Promise.resolve([{ type: 'squares', state: 'completed', jobs: is.there } as const]);
    },
  };
  const census = new Census(() => is.now, store, {
    differences: ([count]) =>
      count === undefined || count.jobs === is.here ? [] : [{ ...count, jobs: count.jobs - is.here }],
    adjust: (differences) => differences.forEach(({ jobs }) => (is.here += jobs)),
  });
  return { is, store, census };
}

test('it is counted once after a gap where nothing differs, and every ten minutes for no reason', async () => {
  const { is, census } = world();
  await census.look();
  assert.equal(is.looks, 0);
  census.gap();
  for (let second = 0; second < 10; second += 1, is.now += 1000) await census.look();
  assert.equal(is.looks, 1);
  for (; is.now <= 3_600_000; is.now += 1000) await census.look();
  assert.equal(is.looks, 7);
});

test('a difference is believed when it is seen twice, and counting ends when there is none', async () => {
  const { is, census } = world();
  is.there = 3;
  census.gap();
  await census.look();
  assert.equal(is.here, 5);
  is.now = 1000;
  await census.look();
  assert.equal(is.here, 3);
  is.now = 3000;
  await census.look();
  is.now = 600_000;
  await census.look();
  assert.equal(is.looks, 3);
});

test('one that passes is never believed; while they go on they are looked at ever less often', async () => {
  const { is, census } = world();
  census.gap();
  for (let second = 0; second < 600; second += 1, is.now += 1000) {
    // Each time another job's bell is on the way.
    is.there = is.here + 1 + is.looks;
    await census.look();
    assert.equal(is.here, 5);
  }
  assert.ok(is.looks <= 16, String(is.looks));
  is.there = 5;
  is.now += 60_000;
  await census.look();
  const { looks } = is;
  is.now += 500_000;
  await census.look();
  assert.equal(is.looks, looks);
});

test('a store that is away is asked again; a gap while it is asked is not lost', async () => {
  const { is, store, census } = world();
  const { countJobs } = store;
  store.countJobs = () => Promise.reject(new Error('away'));
  census.gap();
  await assert.rejects(census.look(), /away/);
  store.countJobs = () => {
    census.gap();
    return countJobs();
  };
  await census.look();
  store.countJobs = countJobs;
  await census.look();
  assert.equal(is.looks, 2);
});

test('that jobs were forgotten is counted at once, then once a minute', async () => {
  const { is, census } = world();
  for (let second = 0; second < 180; second += 1, is.now += 1000) {
    census.forgotten();
    await census.look();
  }
  assert.equal(is.looks, 3);
});
