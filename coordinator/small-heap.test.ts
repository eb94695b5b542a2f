/** Each in a process of its own: the size of a heap is the whole process's. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';

/** Makes objects that live for a while, in turns of the event loop, which are followed by pauses or are not. */
const PROGRAM = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
  import { keepCoordinatorHeapSmall } from ${JSON.stringify(new URL('small-heap.ts', import.meta.url).href)};
  keepCoordinatorHeapSmall();
  const young = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size;
  const kept = [];
  const work = (count) => {
    for (let i = 0; i < count; i++) kept[(kept.length + i) % 200_000] = { i, next: [i] };
  };
  if (process.argv[1] === 'busy') {
    while (young() < 16e6) {
      work(20_000);
      await turn();
    }
  } else {
    // Hundreds of collections would make it grow; most of the time it is at rest, on slow cores too.
    for (let round = 0; round < 600; round++) {
      work(5000);
      await pause(10);
    }
  }
  console.log(young());
`;

async function youngBytes(how: 'busy' | 'at rest'): Promise<number> {
  const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '--eval', PROGRAM, how];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return Number(said);
}

test('the space of short-lived objects grows while the event loop is full, to 8 MB a half or so', async () => {
  const bytes = await youngBytes('busy');
  assert.ok(bytes >= 16e6 && bytes < 70e6, `${bytes} bytes`);
});

test('it stays small while the coordinator waits, whatever it makes now and then', async () => {
  const bytes = await youngBytes('at rest');
  assert.ok(bytes > 0 && bytes < 10e6, `${bytes} bytes`);
});
