import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Actor } from '../cluster.ts';
import { AuditLog } from './audit-log.ts';
import { memoryRecords } from './test-access.ts';

const by = (address: string, keyId: string | null = null): Actor => ({
  user: keyId === null ? null : 'ada',
  role: keyId === null ? null : 'worker',
  keyId,
  address,
});

function auditLog() {
  const clock = { now: 1_000_000 };
  const records = memoryRecords();
  return { clock, records, log: new AuditLog(records, () => clock.now) };
}

test('one address that knocks without end gets thirty lines, then one a second, and a sum each minute', () => {
  const { clock, records, log } = auditLog();
  for (let second = 0; second < 120; second++) {
    for (let i = 0; i < 1000; i++) log.refused(by('203.0.113.9'), 'access.refused', null, 'key_needed');
    clock.now += 1000;
    log.sweep();
  }
  const sums = records.audited.filter(({ outcome }) => / more$/.test(outcome));
  assert.equal(sums.length, 2);
  assert.ok(records.audited.length <= 30 + 120 + sums.length, `${records.audited.length} lines`);
  const told = sums.reduce((sum, { outcome }) => sum + Number(outcome.split(' ')[0]), 0);
  assert.equal(told + records.audited.length - sums.length, 120_000, 'each is written or counted');
});

test('whoever has many addresses is bounded too, a whole /64 is one', () => {
  const { records, log } = auditLog();
  for (let i = 0; i < 100; i++) log.refused(by(`2001:db8:0:1::${i}`), 'access.refused', null, 'key_needed');
  assert.equal(records.audited.length, 30);
  for (let i = 0; i < 1000; i++) {
    log.refused(by(`2001:db8:1:${i}::1`), 'access.refused', null, 'key_needed');
  }
  assert.ok(records.audited.length <= 300, `${records.audited.length} lines`);
});

test('a worker that joins without end does not fill the log, and leaves room for other keys', () => {
  const { records, log } = auditLog();
  for (let i = 0; i < 100; i++) log.done(by('203.0.113.9', '0000000000aa'), 'node.join', 'flapping');
  log.done(by('203.0.113.9', '0000000000bb'), 'node.join', 'other');
  assert.equal(records.audited.length, 31);
  log.tellLeftOut();
  assert.partialDeepStrictEqual(records.audited.at(-1), {
    action: 'node.join',
    outcome: '70 more',
    user: null,
  });
  log.tellLeftOut();
  assert.equal(records.audited.length, 32, 'told once');
});
