/** Coordinators on one store that start at the same moment: which keys come of it. Chance orders their steps, by a seed. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { keepAdminKey, keepWorkerKey, keyFilePath } from './key-file.ts';
import { KeyRing, newKey } from './key-ring.ts';
import type { KeyRecords } from './key-ring.ts';
import { memoryRecords } from './test-access.ts';
import type { MemoryRecords } from './test-access.ts';

const NOBODY = { user: null, role: null, keyId: null, address: null } as const;
const COORDINATORS = 3;
const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 2000 : 40;
/** A failure names the seed and the order of steps. */
const check = (property: fc.IAsyncProperty<unknown>) => fc.assert(property, { seed, numRuns });

/** One store, whose answers come in the order that the scheduler draws. */
class Together {
  readonly folder: string;
  readonly records: MemoryRecords = memoryRecords();
  readonly #scheduler: fc.Scheduler;

  constructor(t: TestContext, scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
    this.folder = mkdtempSync(join(tmpdir(), 'threads-keys-together-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** @param start of one coordinator, with the keys as it has read them */
  async start<T>(start: (ring: KeyRing, index: number) => Promise<T>): Promise<T[]> {
    const began = Array.from({ length: COORDINATORS }, async (_, index) => {
      const records = this.#delayed();
      return start(new KeyRing(await records.loadKeys(), records), index);
    });
    await this.#scheduler.waitFor(Promise.all(began));
    return Promise.all(began);
  }

  /** As it is when all is done. */
  async ring(): Promise<KeyRing> {
    return new KeyRing(await this.records.loadKeys(), this.records);
  }

  readonly pause = () => this.#scheduler.schedule(Promise.resolve());

  /** Something is done at one moment between the call and the answer, in the order that is drawn. */
  #delayed(): KeyRecords {
    const { records } = this;
    const at = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.#scheduler.schedule(Promise.resolve());
      const done = await work();
      await this.#scheduler.schedule(Promise.resolve());
      return done;
    };
    return {
      loadKeys: () => at(() => records.loadKeys()),
      write: (changes) => at(() => records.write(changes)),
      note: (change) => records.note(change),
    };
  }
}

const valid = (ring: KeyRing, role: string) =>
  ring.list().filter((status) => status.role === role && status.state === 'valid');

/** The key in the file is the only one of its role, and good. */
async function assertOneKey(together: Together, path: string, role: 'admin' | 'worker'): Promise<void> {
  const ring = await together.ring();
  const key = ring.check(readFileSync(path, 'utf8').trim());
  assert.deepEqual([key.role, valid(ring, role).map(({ key_id }) => key_id)], [role, [key.id]]);
  assert.deepEqual(
    readdirSync(join(path, '..')).filter((name) => name !== `${role}.key`),
    [],
    'nothing is left beside it',
  );
}

test('one folder for the workers’ key: one is made, whoever is first', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const path = keyFilePath(together.folder, 'worker');
      const outcomes = await together.start(async (ring) => (await keepWorkerKey(ring, path)).outcome);
      assert.equal(outcomes.filter((outcome) => outcome === 'made').length, 1, outcomes.join());
      await assertOneKey(together, path, 'worker');
    }),
  );
});

test('a Secret for the workers’ key: all take the same one in', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const path = keyFilePath(together.folder, 'worker');
      writeFileSync(path, newKey());
      await together.start((ring) => keepWorkerKey(ring, path));
      await assertOneKey(together, path, 'worker');
    }),
  );
});

test('a workers’ key that was revoked: all of them put one and the same in its place', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const path = keyFilePath(together.folder, 'worker');
      const before = await together.ring();
      const old = await before.create({ user: 'operator', role: 'worker' }, NOBODY);
      await before.revoke(old.status.key_id, NOBODY);
      writeFileSync(path, old.key);
      const kept = await together.start((ring) => keepWorkerKey(ring, path));
      assert.ok(
        kept.some(({ outcome, was }) => outcome === 'replaced' && was === 'revoked'),
        JSON.stringify(kept),
      );
      await assertOneKey(together, path, 'worker');
    }),
  );
});

test('one folder for the admin’s key: one is made and told once', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const told = await together.start((ring) => keepAdminKey(ring, together.folder, together.pause));
      assert.equal(told.filter((admin) => admin?.outcome === 'made').length, 1, JSON.stringify(told));
      await assertOneKey(together, keyFilePath(together.folder, 'admin'), 'admin');
    }),
  );
});

test('a folder for each, and no admin yet: one of them keeps the key that it makes', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const folders = Array.from({ length: COORDINATORS }, (_, i) => join(together.folder, String(i)));
      for (const folder of folders) mkdirSync(folder);
      const told = await together.start((ring, i) => keepAdminKey(ring, folders[i] ?? '', together.pause));
      const [made, ...more] = told.filter((admin) => admin !== null);
      assert.ok(made?.outcome === 'made' && more.length === 0, JSON.stringify(told));
      await assertOneKey(together, made.path, 'admin');
      const files = folders.flatMap((folder) => readdirSync(folder));
      assert.deepEqual(files, ['admin.key'], 'the others keep none');
    }),
  );
});

test('a folder for each, and an admin in the store: none makes another', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const together = new Together(t, scheduler);
      const { status } = await (await together.ring()).create({ user: 'ada', role: 'admin' }, NOBODY);
      const told = await together.start((ring) => keepAdminKey(ring, together.folder, together.pause));
      assert.deepEqual(told, [null, null, null]);
      const ring = await together.ring();
      assert.deepEqual(
        ring.list().map(({ key_id }) => key_id),
        [status.key_id],
      );
      assert.deepEqual(readdirSync(together.folder), []);
    }),
  );
});

test('the admin’s key from a Secret: all take it in, beside another admin’s', async (t) => {
  await check(
    fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, moved) => {
      const together = new Together(t, scheduler);
      if (moved) await (await together.ring()).create({ user: 'ada', role: 'admin' }, NOBODY);
      const key = newKey();
      writeFileSync(keyFilePath(together.folder, 'admin'), key);
      const told = await together.start((ring) => keepAdminKey(ring, together.folder, together.pause));
      assert.ok(told.every((admin) => admin !== null && admin.fresh === null));
      const ring = await together.ring();
      assert.equal(ring.check(key).role, 'admin');
      assert.equal(valid(ring, 'admin').length, moved ? 2 : 1);
    }),
  );
});
