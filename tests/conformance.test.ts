/** Every workload of the registry against shaders/conformance.ts: on the CPU engine, and on every GPU adapter. */
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { type TestApi, conformance } from '../shaders/conformance.ts';
import { workloads } from '../shaders/registry.ts';
import { openEngines } from './engines-under-test.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 300 : 5;

const api: TestApi = {
  test: (name, body) => void test(name, body),
  property: (name, body) =>
    void test(`${name} (seed ${seed})`, () =>
      fc.assert(
        fc.asyncProperty(fc.gen(), async (draw) => {
          await body((max) => draw(fc.bigInt, { min: 0n, max }));
        }),
        { seed, numRuns },
      )),
};

const engines = await openEngines();
after(() => engines.close());

for (const workload of workloads.values()) {
  describe(workload.type, () => {
    if (engines.noGpu !== undefined) {
      test(`${workload.type}: GPU = CPU`, { skip: `no GPU adapter: ${engines.noGpu}` }, () => {});
    }
    conformance(api, workload, engines.of(workload));
  });
}
