import assert from 'node:assert/strict';
import { it } from 'node:test';
import { addSuiteToLines, addSuiteToStanzas } from './apt.ts';

it('adds the backports suite to one-line sources of the release, and leaves the others out', () => {
  const text = [
    '# deb http://mirror.example/debian bookworm main',
    'deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib',
    'deb http://mirror.example/security bookworm-security main',
    'deb-src http://mirror.example/debian bookworm main',
    'deb http://vendor.example/apt stable main',
  ].join('\n');
  assert.deepEqual(addSuiteToLines(text, 'bookworm', 'bookworm-backports'), [
    'deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib',
    'deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm-backports main contrib',
  ]);
});

it('adds the backports suite to deb822 sources once, and keeps their keys', () => {
  const main =
    'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nSigned-By: /k.gpg';
  const other = 'Types: deb\nURIs: http://vendor.example/apt\nSuites: stable\nComponents: main';
  const once = addSuiteToStanzas(`${main}\n\n${other}\n`, 'bookworm', 'bookworm-backports');
  assert.deepEqual(once, [main.replace('bookworm-updates', 'bookworm-updates bookworm-backports')]);
  assert.deepEqual(addSuiteToStanzas(once.join('\n\n'), 'bookworm', 'bookworm-backports'), once);
});
