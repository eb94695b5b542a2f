/** Several coordinators on Kubernetes: what the overlays `production` and `production-outside` are made of. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { at, items, selects, shown } from './manifests/manifest.ts';
import { podsOf, type PodShape } from './manifests/pods.ts';
import { allowedInside, Traffic, type Party } from './manifests/traffic.ts';
import { expected, find, K8S, podOf, render, skip } from './rendered-manifests.ts';

describe('several coordinators', { skip }, () => {
  for (const overlay of ['production', 'production-outside']) {
    test(`${overlay}: three without a volume of their own, replaced one by one, two of them always there`, async () => {
      const manifests = await render(join(K8S, 'overlays', overlay));
      assert.ok(!manifests.some(({ title }) => title === 'StatefulSet/coordinator'));
      const { body } = find(manifests, 'Deployment/coordinator');
      assert.equal(at(body, 'spec', 'replicas'), 3);
      assert.deepEqual(at(body, 'spec', 'strategy', 'rollingUpdate'), { maxSurge: 1, maxUnavailable: 0 });
      assert.equal(at(find(manifests, 'PodDisruptionBudget/coordinator').body, 'spec', 'minAvailable'), 2);
      const { spec, containers } = podOf(manifests, 'Deployment/coordinator');
      assert.ok(!items(spec['volumes']).some((volume) => at(volume, 'persistentVolumeClaim') !== undefined));
      const grace = at(spec, 'terminationGracePeriodSeconds');
      const waits = items(at(containers[0]?.body, 'lifecycle', 'preStop', 'exec', 'command'));
      assert.equal(waits[0], 'sleep');
      // What docker-compose.yml grants, and a margin.
      assert.ok(Number(grace) >= Number(waits[1]) + 20 + 10, `${shown(grace)} s`);
      // No password is in what a container's environment shows.
      const shownEnv = podsOf(manifests).flatMap((pod) =>
        pod.containers.flatMap(({ body: container }) => items(container['env'])),
      );
      const fromSecrets = shownEnv.filter((entry) => at(entry, 'valueFrom', 'secretKeyRef') !== undefined);
      assert.deepEqual(
        fromSecrets.map((entry) => at(entry, 'name')),
        ['GF_SECURITY_ADMIN_PASSWORD'],
      );
    });
  }

  test('what backs the store up is on the node that has the backups’ volume, and never twice at once', async () => {
    const manifests = await render(join(K8S, 'overlays', 'production'));
    const { body } = find(manifests, 'CronJob/store-backup');
    assert.equal(at(body, 'spec', 'concurrencyPolicy'), 'Forbid');
    const job = podOf(manifests, 'CronJob/store-backup');
    const [term] = items(
      at(job.spec, 'affinity', 'podAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'),
    );
    assert.ok(selects(at(term, 'labelSelector'), podOf(manifests, 'Deployment/store-backups').labels));
    const claims = [job, podOf(manifests, 'Deployment/store-backups')].map(({ spec }) =>
      items(spec['volumes'])
        .map((volume) => at(volume, 'persistentVolumeClaim', 'claimName'))
        .find(Boolean),
    );
    assert.deepEqual(claims, ['store-backups', 'store-backups']);
    // pg_dump is never older than its server.
    const image = (pod: PodShape) => pod.containers[0]?.body['image'];
    assert.equal(image(job), image(podOf(manifests, 'StatefulSet/postgres')));
  });

  test('the store is reached by the coordinators and by what backs it up, and by nobody else', async () => {
    const inside = async (overlay: string) =>
      allowedInside(await render(join(K8S, 'overlays', overlay)), expected.namespace).toSorted();
    const without = await inside('default');
    const beyond = async (overlay: string) =>
      (await inside(overlay)).filter((connection) => !without.includes(connection));
    assert.deepEqual(await beyond('production'), [
      'coordinator → postgres:5432',
      'prometheus → store-backups:9113',
      'store-backup → postgres:5432',
    ]);
    assert.deepEqual(await beyond('production-outside'), ['prometheus → store-backups:9113']);
    const manifests = await render(join(K8S, 'overlays', 'production-outside'));
    const traffic = new Traffic(manifests, expected.namespace);
    const world: Party = { kind: 'address', address: '203.0.113.7' };
    const out = podsOf(manifests).filter((pod) => traffic.allows({ kind: 'own', pod }, world, 5432));
    assert.deepEqual(out.map(({ manifest }) => manifest.name).toSorted(), ['coordinator', 'store-backup']);
  });
});
