import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generatedPages } from './build-docs.ts';

test('the generated parts of the docs are those of the code', async () => {
  for (const { path, now, due } of await generatedPages()) {
    assert.equal(
      now,
      due,
      `run node scripts/build-docs.ts and commit ${path.replace(/.*\/docs\//, 'docs/')}`,
    );
  }
});
