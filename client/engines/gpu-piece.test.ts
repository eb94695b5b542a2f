import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Range } from '../../protocol/range.ts';
import { workloads } from '../../shaders/registry.ts';
import { probeOf } from './gpu-piece.ts';

test('the CPU is asked for a known answer when its probe begins, once; that it fails is no one’s yet', async () => {
  for (const workload of workloads.values()) {
    const parameters = workload.parameters.parse(workload.samples[0]?.parameters);
    const asked: Range[] = [];
    const probe = probeOf(workload, parameters, (range) => {
      asked.push(range);
      return Promise.reject(new Error('the CPU thread died'));
    });
    assert.deepEqual(asked, [], workload.type);
    probe.begin();
    probe.begin();
    await nextTurn();
    assert.deepEqual(asked, [workload.probe(parameters)], workload.type);
  }
});
