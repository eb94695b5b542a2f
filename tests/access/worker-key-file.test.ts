/** WORKER_KEY_FILE: a key that a deployment made for its coordinator and workers, over restarts and its revocation. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join as pathOf } from 'node:path';
import { test } from 'node:test';
import { newKey } from '../../coordinator/access/key-ring.ts';
import { StartError } from '../../coordinator/config.ts';
import type { CoordinatorConfig } from '../../coordinator/config.ts';
import { startCoordinator } from '../../coordinator/start.ts';
import { auditList } from '../../protocol/access.ts';
import { nodeStatus } from '../../protocol/http.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { runCoordinator } from '../coordinator/running.ts';
import { connect, helloOf, join, refusalOf } from '../coordinator/worker-socket.ts';
import { bearer, runOpenCoordinator } from './keys.ts';

test('a key made elsewhere lets workers in as the operator’s own, after restarts too, until it is revoked', async (t) => {
  const folder = temporaryFolder(t);
  const workerKeyFile = pathOf(folder, 'worker.key');
  const key = newKey();
  // As where a Secret is mounted: what would take its place can't be written at its side.
  const next = createHash('sha256').update(key).digest('hex').slice(0, 12);
  mkdirSync(`${workerKeyFile}.after-${next}`);
  writeFileSync(workerKeyFile, key, { mode: 0o600 });
  const config = { dataDir: pathOf(folder, 'data'), workerKeyFile };
  for (const start of ['first', 'second']) {
    const coordinator = await runOpenCoordinator(t, config);
    const worker = await join(t, coordinator.url, { node_id: start, key });
    const node = nodeStatus.parse((await coordinator.ask(`/api/nodes/${start}`)).body);
    assert.equal(node.own, true, start);
    worker.socket.disconnect();
    const audit = await coordinator.ask('/api/audit?action=key.create', {
      headers: bearer(coordinator.adminKey),
    });
    const made = auditList.parse(audit.body).entries.filter(({ target }) => target === key.slice(3, 15));
    assert.deepEqual(
      made.map(({ user, role }) => [user, role]),
      [['operator', 'admin']],
      start,
    );
    if (start === 'second') await coordinator.revoke(key.slice(3, 15));
    await coordinator.close();
  }
  const coordinator = await runOpenCoordinator(t, config);
  const socket = connect(t, coordinator.url, helloOf({ key }));
  assert.equal((await refusalOf(socket)).code, 'key_refused');
  assert.equal(readFileSync(workerKeyFile, 'utf8'), key);
});

test('on loopback alone it is kept where it is asked for, and nowhere else', async (t) => {
  const workerKeyFile = pathOf(temporaryFolder(t), 'worker.key');
  const coordinator = await runCoordinator(t, { workerKeyFile });
  const worker = await join(t, coordinator.url, { key: readFileSync(workerKeyFile, 'utf8').trim() });
  worker.socket.disconnect();
  assert.throws(() => readFileSync(pathOf(coordinator.dataDir, 'admin.key')), { code: 'ENOENT' });
});

test('a file with something else in it: the coordinator does not start, and leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  const workerKeyFile = pathOf(folder, 'worker.key');
  const config: CoordinatorConfig = {
    host: '0.0.0.0',
    port: 0,
    metricsPort: 0,
    logLevel: 'silent',
    exitOnCrash: false,
    dataDir: pathOf(folder, 'data'),
    workerKeyFile,
  };
  writeFileSync(workerKeyFile, 'changeme');
  await assert.rejects(
    startCoordinator(config),
    (error: unknown) => error instanceof StartError && error.problem === 'key_file',
  );
  writeFileSync(workerKeyFile, newKey());
  const running = await startCoordinator(config);
  await running.close();
});
