/** Leases that are replayed, forged, stolen or stale. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { jobResults, jobStatus } from '../../protocol/http.ts';
import { leaseReply } from '../../protocol/messages.ts';
import { findWorkload } from '../../shaders/registry.ts';
import { answerOf, connect, helloOf, join, refusalOf } from '../coordinator/worker-socket.ts';
import type { Answer, JoinedWorker } from '../coordinator/worker-socket.ts';
import type { TestCoordinator } from '../coordinator/running.ts';
import { bearer, runOpenCoordinator } from './keys.ts';

const DAY_MS = 86_400_000;
const END = '4001';

function codeIn(answer: Answer): string {
  return answer.ok ? 'ok' : answer.error.code;
}

/** Computes what is left of the job, and compares the result with the plain reference. */
async function assertExact(coordinator: TestCoordinator, worker: JoinedWorker, job: string): Promise<void> {
  while (jobStatus.parse((await coordinator.ask(`/api/status/${job}`)).body).status !== 'completed') {
    const answer = await worker.request('lease', { target_ms: 1000, rate_per_second: 1000 });
    const lease = answer.ok ? leaseReply.parse(answer.value).lease : null;
    if (lease !== null) await worker.request('submit', answerOf(lease));
  }
  const { result } = jobResults.parse((await coordinator.ask(`/api/results/${job}`)).body);
  const workload = findWorkload('collatz');
  assert.ok(workload !== undefined);
  const parameters = workload.parameters.parse({ start: '1', end: END });
  const expected = workload.result(parameters, workload.reference(parameters, workload.range(parameters)));
  assert.deepEqual(result, JSON.parse(JSON.stringify(expected)));
}

suite('a lease', () => {
  test('whose result is replayed counts once, from whatever connection', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const job = await coordinator.submit(END, {}, bearer(coordinator.adminKey));
    const worker = await join(t, coordinator.url);
    const answer = answerOf(await worker.lease());
    assert.equal(codeIn(await worker.request('submit', answer)), 'ok');
    const replies = await Promise.all(Array.from({ length: 20 }, () => worker.request('submit', answer)));
    for (const reply of replies) {
      assert.ok(!reply.ok || JSON.stringify(reply.value).includes('duplicate'), JSON.stringify(reply));
    }
    const again = await join(t, coordinator.url, worker.hello);
    assert.notDeepEqual(await again.request('submit', answer), { ok: true, value: { status: 'accepted' } });
    const other = await join(t, coordinator.url);
    assert.equal(codeIn(await other.request('submit', answer)), 'lease_foreign');
    await assertExact(coordinator, other, job);
    assert.ok(['ok', 'lease_superseded'].includes(codeIn(await again.request('submit', answer))));
    await assertExact(coordinator, other, job);
  });

  test('that is forged, or altered in any one character, is refused', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const elsewhere = await runOpenCoordinator(t);
    await coordinator.submit(END, {}, bearer(coordinator.adminKey));
    await elsewhere.submit(END, {}, bearer(elsewhere.adminKey));
    const worker = await join(t, coordinator.url);
    const { token } = await worker.lease();
    const stranger = await join(t, elsewhere.url, { node_id: worker.hello.node_id });
    const ofAnother = await stranger.lease();
    const submission = { end: '5', aggregate: {}, compute_ms: 1 };
    const refused = async (text: string): Promise<void> => {
      for (const name of ['submit', 'release']) {
        const body =
          name === 'submit'
            ? { ...submission, token: text }
            : { token: text, reason: 'stopping', message: '' };
        assert.equal(codeIn(await worker.request(name, body)), 'lease_forged', text);
      }
    };
    await refused(ofAnother.token);
    for (let i = 0; i < token.length; i++) {
      const other = token[i] === 'A' ? 'B' : 'A';
      await refused(token.slice(0, i) + other + token.slice(i + 1));
    }
    await refused(token.replace(/\|(\d+)\|(\d+)\|/, '|1|79228162514264337593543950336|'));
    await refused(`${token}=`);
    await refused(`v0${token.slice(2)}`);
  });

  test('that has expired is refused, however good its signature', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    await coordinator.submit(END, {}, bearer(coordinator.adminKey));
    const worker = await join(t, coordinator.url);
    const answer = answerOf(await worker.lease());
    const now = Date.now() + 30 * DAY_MS;
    worker.socket.disconnect();
    t.mock.method(Date, 'now', () => now);
    const late = await join(t, coordinator.url, worker.hello);
    assert.equal(codeIn(await late.request('submit', answer)), 'lease_expired');
  });

  test('that is stolen is worthless to anybody but the worker that it was given to', async (t) => {
    const coordinator = await runOpenCoordinator(t);
    const job = await coordinator.submit(END, {}, bearer(coordinator.adminKey));
    const { key } = await coordinator.key('worker', 'operator');
    const own = await join(t, coordinator.url, { node_id: 'own', key });
    const answer = answerOf(await own.lease());
    const thief = await join(t, coordinator.url);
    assert.equal(codeIn(await thief.request('submit', answer)), 'lease_foreign');
    const release = { token: answer.token, reason: 'stopping', message: '' };
    assert.equal(codeIn(await thief.request('release', release)), 'lease_foreign');
    const asOwn = connect(t, coordinator.url, helloOf({ node_id: 'own' }));
    assert.equal((await refusalOf(asOwn)).code, 'node_id_in_use');
    assert.deepEqual(await own.request('submit', answer), { ok: true, value: { status: 'accepted' } });
    await assertExact(coordinator, own, job);
  });
});
