/** DATA_DIR on a folder that really is on a network filesystem, as far as the kernel can tell. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { Threads } from '../cluster/processes.ts';
import { temporaryFolder } from '../cluster/temporary.ts';
import { installSshfs, mountSshfs } from '../setup/sshfs.ts';

test('a coordinator refuses a DATA_DIR by sshfs, says why, and leaves nothing there', async (t) => {
  const problem = await installSshfs();
  if (problem !== undefined) return t.skip(problem);
  await buildKernels();
  const folder = temporaryFolder(t);
  const [shared, place] = [join(folder, 'shared'), join(folder, 'place')];
  for (const path of [shared, place]) mkdirSync(path);
  const unmount = await mountSshfs(shared, place);
  try {
    const env = {
      DATA_DIR: join(place, 'data'),
      COORDINATOR_PORT: '0',
      METRICS_PORT: '0',
      LOG_LEVEL: 'warn',
    };
    const coordinator = new Threads(t, ['coordinator'], env);
    assert.deepEqual(await coordinator.exited, { code: 1, signal: null }, coordinator.output);
    assert.match(coordinator.output, /is on fuse\.sshfs: .*locks.*local volume/);
    assert.doesNotMatch(coordinator.output, /\n\s+at /);
    assert.deepEqual(readdirSync(shared), []);
  } finally {
    await unmount();
  }
});
