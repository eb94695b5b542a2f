import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresSuite } from '../../tests/setup/postgres-suite.ts';
import { answer, connect, submitSquares, takeLease, work } from '../jobs/test-cluster.ts';
import { startReplica, until } from './test-replicas.ts';

await postgresSuite(
  'what idle coordinators are given',
  ({ newDatabase }) => {
    test('when a job is over nothing of it is left open, also where all before the given part was folded', async (t) => {
      const url = await newDatabase();
      const a = await startReplica(t, url);
      const b = await startReplica(t, url);
      await until('they see each other', () =>
        [a, b].every(({ cluster }) => cluster.gauges.replicas() === 2),
      );
      const { job_id: id } = await submitSquares(a.cluster, 1n, 40_001n);
      const first = connect(a.cluster, 'first');
      const lease = await takeLease(first);
      await first.session.submit(answer(lease));
      const segments = async () => (await a.store.findSnapshot(id))?.segments ?? [];
      await until('what it did is folded', async () => {
        const [segment] = await segments();
        return segment?.covered.some(({ end }) => end === BigInt(lease.end)) === true;
      });
      const second = connect(b.cluster, 'second');
      await until('the rest is given and done', async () => {
        await work(second);
        return (await b.cluster.status(id)).status === 'completed';
      });
      await until('it is folded', async () => {
        const snapshot = await a.store.findSnapshot(id);
        return snapshot?.results.length === 0;
      });
      assert.deepEqual(await segments(), []);
    });
  },
  { fsync: false },
);
