import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { PROTOCOL_PAGE, withTables } from './build-docs.ts';

test('docs/protocol.md shows the schemas as they are', async () => {
  const page = await readFile(PROTOCOL_PAGE, 'utf8');
  assert.equal(page, await withTables(page), 'run node scripts/build-docs.ts and commit docs/protocol.md');
});
