import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tuningFile } from './tuning-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'threads-tunings-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'gpu-tunings.json');
const noWarning = (message: string) => assert.equal(message, 'no warning');

test('choices are kept per device and kernel, over restarts, and leave no other file', () => {
  const warnings: string[] = [];
  const open = (device: string) => tuningFile(folder, device, (message) => warnings.push(message));
  open('a').set('k', '{"LANES":16}');
  open('b').set('k', '{"LANES":64}');
  assert.equal(open('a').get('k'), '{"LANES":16}');
  assert.equal(open('b').get('k'), '{"LANES":64}');
  assert.equal(open('a').get('other'), undefined);
  assert.deepEqual(readdirSync(folder), ['gpu-tunings.json']);
  assert.deepEqual(warnings, []);
});

test('the oldest entries go', () => {
  const memory = tuningFile(folder, 'c', noWarning);
  for (let kernel = 0; kernel < 250; kernel++) memory.set(`k${kernel}`, '{}');
  assert.equal(memory.get('k0'), undefined);
  assert.equal(memory.get('k249'), '{}');
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  assert.equal(lines.length, 200 + 2);
});

test('a broken file counts as empty and is written anew', () => {
  for (const text of ['', '{', 'null', '[1]', '{"a k":5}']) {
    writeFileSync(path, text);
    const memory = tuningFile(folder, 'a', noWarning);
    assert.equal(memory.get('k'), undefined, text);
    memory.set('k', 'x');
    assert.equal(memory.get('k'), 'x');
  }
});

test('where the folder can’t be written, it is said and nothing breaks', () => {
  const file = join(folder, 'no-folder');
  writeFileSync(file, '');
  const warnings: string[] = [];
  tuningFile(file, 'a', (message) => warnings.push(message)).set('k', 'x');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /gpu-tunings\.json can't be written/);
});
