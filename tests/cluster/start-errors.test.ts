/** What keeps a coordinator from starting: one line that says what to do, and exit code 1. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { CuttingProxy } from '../setup/cutting-proxy.ts';
import { postgresSuite } from '../setup/postgres-suite.ts';
import { RealCluster } from './cluster.ts';
import { freePort, Threads } from './processes.ts';
import type { Ending } from './processes.ts';
import { temporaryFolder } from './temporary.ts';

/** The lines that a coordinator prints before it gives up. */
async function refused(ending: Ending, env: Record<string, string>): Promise<string> {
  const child = new Threads(ending, ['coordinator'], { METRICS_PORT: '0', LOG_LEVEL: 'warn', ...env });
  const exit = await child.exited;
  assert.deepEqual(exit, { code: 1, signal: null }, child.output);
  assert.doesNotMatch(child.output, /\n\s+at /, 'a stack trace is no message');
  return child.output;
}

test('a second coordinator on the same DATA_DIR is refused; after kill -9 of the first it may start at once', async (t) => {
  const cluster = await RealCluster.start(t);
  const port = String(await freePort());
  const output = await refused(t, { DATA_DIR: cluster.dataDir, COORDINATOR_PORT: port });
  assert.match(output, /another coordinator|already/i);
  assert.ok(output.includes(cluster.dataDir), output);
  // The first one was not disturbed.
  assert.ok(await cluster.api.ready());
  await cluster.restartCoordinator('SIGKILL');
  assert.ok(await cluster.api.ready());
});

test('a port in use: the message names the port and the setting', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  const dataDir = temporaryFolder(t);
  const output = await refused(t, { DATA_DIR: dataDir, COORDINATOR_PORT: String(address.port) });
  assert.match(output, new RegExp(String(address.port)));
  assert.match(output, /in use/i);
});

test('a DATA_DIR that cannot be written: the message names the folder', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  const dataDir = join(file, 'data');
  const output = await refused(t, { DATA_DIR: dataDir, COORDINATOR_PORT: String(await freePort()) });
  assert.ok(output.includes(dataDir), output);
});

/** Whatever the store keeps beside its lock. */
function databases(dataDir: string): string[] {
  const files = readdirSync(dataDir).filter((name) => /\.(db|sqlite)$/.test(name) && !name.includes('lock'));
  assert.ok(files.length > 0, readdirSync(dataDir).join(' '));
  return files;
}

test('a damaged database: the message names the file and is no crash', async (t) => {
  const dataDir = temporaryFolder(t);
  const cluster = await RealCluster.start(t, { dataDir });
  await cluster.coordinator.end('SIGTERM');
  for (const name of databases(dataDir)) writeFileSync(join(dataDir, name), Buffer.alloc(8192, 0x5a));
  const output = await refused(t, { DATA_DIR: dataDir, COORDINATOR_PORT: String(await freePort()) });
  assert.ok(output.includes(dataDir), output);
  assert.match(output, /damaged|corrupt|not a database/i);
});

test('a STORE_URL that leads nowhere: the message names the setting', async (t) => {
  const output = await refused(t, {
    DATA_DIR: temporaryFolder(t),
    COORDINATOR_PORT: String(await freePort()),
    STORE_URL: 'postgres://example.invalid/threads',
  });
  assert.match(output, /STORE_URL/);
});

await postgresSuite('a shared store', ({ newDatabase }) => {
  test('one that goes away while jobs are read: the message says so, and is no crash', async (t) => {
    const proxy = await CuttingProxy.to(await newDatabase(), t);
    const cut = proxy.cutNext('active-jobs', 'before');
    const output = await refused(t, {
      DATA_DIR: temporaryFolder(t),
      COORDINATOR_PORT: String(await freePort()),
      STORE_URL: proxy.url,
    });
    await cut;
    assert.match(output, /the store can’t be read/);
  });
});
