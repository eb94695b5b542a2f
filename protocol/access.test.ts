import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY, NEEDS, OPEN_POLICIES, ROLES, SUBMIT_POLICIES, refusal } from './access.ts';
import type { AccessPolicy, Caller } from './access.ts';

const policies: AccessPolicy[] = OPEN_POLICIES.flatMap((read) =>
  OPEN_POLICIES.flatMap((volunteer) => SUBMIT_POLICIES.map((submit) => ({ read, volunteer, submit }))),
);
const callers: Caller[] = [
  { kind: 'loopback' },
  ...ROLES.map((role) => ({ kind: 'key', keyId: '0123456789ab', user: 'ada', role }) as const),
  { kind: 'anonymous', local: true },
  { kind: 'anonymous', local: false },
];

test('an admin may do everything, whatever is closed to others', () => {
  for (const policy of policies) {
    for (const need of NEEDS) {
      for (const caller of callers.slice(0, 2)) {
        assert.equal(refusal(caller, need, policy, 'somebody'), null, `${caller.kind} ${need}`);
      }
    }
  }
});

test('no setting opens steering or administration to a caller without a key', () => {
  for (const policy of policies) {
    for (const local of [true, false]) {
      for (const need of ['steer', 'administer'] as const) {
        for (const owner of [null, 'ada']) {
          assert.equal(refusal({ kind: 'anonymous', local }, need, policy, owner), 'key_needed');
        }
      }
    }
  }
});

test('closing a door never closes it to who has a key for it, and a key never takes away what is open', () => {
  for (const policy of policies) {
    for (const caller of callers) {
      for (const need of NEEDS) {
        const open: AccessPolicy = { read: 'open', volunteer: 'open', submit: 'open' };
        if (refusal(caller, need, open) !== null) assert.notEqual(refusal(caller, need, policy), null);
        if (refusal({ kind: 'anonymous', local: false }, need, policy) === null) {
          assert.equal(refusal(caller, need, policy), null, `${caller.kind} ${need}`);
        }
      }
    }
  }
});

test('a submitter steers what is their own, and nothing else', () => {
  const ada: Caller = { kind: 'key', keyId: '0123456789ab', user: 'ada', role: 'submitter' };
  assert.equal(refusal(ada, 'steer', DEFAULT_POLICY, 'ada'), null);
  assert.equal(refusal(ada, 'steer', DEFAULT_POLICY, 'bob'), 'forbidden');
  assert.equal(refusal(ada, 'steer', DEFAULT_POLICY, null), 'forbidden', 'nobody’s job is an admin’s');
  for (const role of ['worker', 'viewer'] as const) {
    assert.equal(refusal({ ...ada, role }, 'steer', DEFAULT_POLICY, 'ada'), 'forbidden', role);
  }
});
