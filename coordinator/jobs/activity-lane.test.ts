import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActivityLane } from './activity-lane.ts';

const SLOT = 30_000;
const START = 1_000_000 * SLOT;

function lane(end: string): string {
  return end.padStart(120, '-');
}

test('a lane says how busy a worker was in each half minute, the latest report of each', () => {
  const activity = new ActivityLane();
  assert.equal(activity.text(START, false), lane(''));
  activity.connected(START);
  assert.equal(activity.text(START, true), lane('0'));
  activity.record(START + 10_000, 0.42);
  activity.record(START + 20_000, 0.79);
  activity.record(START + SLOT, 1);
  assert.equal(activity.text(START + SLOT, true), lane('79'));
  // The next report has not come: as long as it is connected the last one stands, for a while.
  assert.equal(activity.text(START + 2 * SLOT, true), lane('799'));
  assert.equal(activity.text(START + 2 * SLOT, false), lane('79-'));
  assert.equal(activity.text(START + 9 * SLOT, true), lane('79--------'));
});

test('a hidden tab that reports once a minute has no holes; one that was away has', () => {
  const activity = new ActivityLane();
  activity.connected(START);
  activity.record(START + 1, 0.5);
  activity.record(START + 2 * SLOT, 0.6);
  assert.equal(activity.text(START + 2 * SLOT, true), lane('556'));
  activity.connected(START + 6 * SLOT);
  assert.equal(activity.text(START + 6 * SLOT, true), lane('556---0'));
  // Back within the same half minute: what it did stands.
  activity.record(START + 6 * SLOT, 0.9);
  activity.connected(START + 6 * SLOT + 5000);
  assert.equal(activity.text(START + 6 * SLOT + 5000, true), lane('556---9'));
});

test('what is older than an hour is forgotten', () => {
  const activity = new ActivityLane();
  for (let slot = 0; slot < 300; slot++) activity.record(START + slot * SLOT, (slot % 10) / 10);
  assert.equal(activity.text(START + 299 * SLOT, true), '0123456789'.repeat(12));
  assert.equal(activity.text(START + 419 * SLOT, false), lane(''));
  activity.record(START + 1000 * SLOT, 0.1);
  assert.equal(activity.text(START + 1000 * SLOT, true), lane('1'));
});
