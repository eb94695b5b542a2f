import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { matchNvidiaGpus, NvidiaMonitor, parseNvidiaGpus, readNvidiaGpus } from './nvidia-smi.ts';

const OUTPUT = 'NVIDIA GeForce RTX 3080, 37, 1234, 10240\nNVIDIA H100 80GB HBM3, [N/A], 0, 81559\n';

test('its table is read; what the driver does not tell is unknown', () => {
  assert.deepEqual(parseNvidiaGpus(OUTPUT), [
    { name: 'NVIDIA GeForce RTX 3080', utilisation: 0.37, memory_used_mb: 1234, memory_total_mb: 10240 },
    { name: 'NVIDIA H100 80GB HBM3', utilisation: null, memory_used_mb: 0, memory_total_mb: 81559 },
  ]);
  assert.deepEqual(parseNvidiaGpus('NVIDIA-SMI has failed because it could not communicate\n'), []);
});

test('adapters are matched by name, equal ones in order', () => {
  const gpus = parseNvidiaGpus('A, 1, 1, 1\nB, 2, 2, 2\nB, 3, 3, 3\n');
  assert.deepEqual(matchNvidiaGpus(['B', 'llvmpipe', 'B', 'A', 'B'], gpus), [1, null, 2, 0, null]);
});

test('the command is run; where it is missing or fails there are no GPUs', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'threads-nvidia-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const command = (name: string, body: string) => {
    const file = join(dir, name);
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const works = command('works', `printf '${OUTPUT.replaceAll('\n', '\\n')}'`);
  assert.equal((await readNvidiaGpus(works)).length, 2);
  assert.equal((await new NvidiaMonitor(works).read())[1]?.memory_total_mb, 81559);
  assert.deepEqual(await readNvidiaGpus(command('fails', 'echo "A, 1, 1, 1"; exit 9')), []);
  assert.deepEqual(await new NvidiaMonitor(join(dir, 'missing')).read(), []);
});
