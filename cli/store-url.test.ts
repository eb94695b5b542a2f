import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Settings, UsageError, type Environment } from './option.ts';
import { storeUrl } from './store-url.ts';

const URL_WITH_PASSWORD = 'postgres://threads:hush@db/threads';
const of = (environment: Environment) => storeUrl(new Settings(new Map(), environment));

test('the address of the store comes from one of two places, or there is none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'threads-store-url-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'url');
  writeFileSync(path, `${URL_WITH_PASSWORD}\n`);
  assert.equal(of({}), undefined);
  assert.equal(of({ STORE_URL: '', STORE_URL_FILE: '' }), undefined);
  assert.equal(of({ STORE_URL: URL_WITH_PASSWORD }), URL_WITH_PASSWORD);
  assert.equal(of({ STORE_URL_FILE: path }), URL_WITH_PASSWORD);

  const refused = (environment: Environment, says: RegExp) =>
    assert.throws(
      () => of(environment),
      (error) => error instanceof UsageError && says.test(error.message) && !error.message.includes('hush'),
    );
  refused({ STORE_URL: URL_WITH_PASSWORD, STORE_URL_FILE: path }, /both given/);
  refused({ STORE_URL_FILE: join(folder, 'none') }, /can't be read: ENOENT.*none/);
  refused({ STORE_URL_FILE: folder }, /can't be read/);
  for (const text of ['', '\n\n', `${URL_WITH_PASSWORD}\n${URL_WITH_PASSWORD}\n`]) {
    writeFileSync(path, text);
    refused({ STORE_URL_FILE: path }, /url holds no address: one line/);
  }
});
