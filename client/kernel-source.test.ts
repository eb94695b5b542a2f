import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { MAX_KERNEL_BYTES } from '../protocol/kernels.ts';
import { HttpKernels } from './kernel-source.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const KERNEL = new TextEncoder().encode('fn main() {}');

async function serve(t: TestContext, listener: RequestListener): Promise<HttpKernels> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return new HttpKernels(`http://127.0.0.1:${address.port}/`, {
    fetch: (url) => fetch(url),
    sha256: (bytes) => Promise.resolve(sha256(bytes)),
  });
}

test('a kernel is fetched once and kept; a failure is not', async (t) => {
  const asked: string[] = [];
  const kernels = await serve(t, (request, response) => {
    asked.push(request.url ?? '');
    response.statusCode = asked.length === 1 ? 503 : 200;
    response.end(KERNEL);
  });
  const hash = sha256(KERNEL);
  await assert.rejects(kernels.load(hash), /answered 503/);
  const [first, second] = await Promise.all([kernels.load(hash), kernels.load(hash)]);
  assert.deepEqual(first.bytes, KERNEL);
  assert.equal(second, first);
  assert.deepEqual(asked, [`/kernels/${hash}`, `/kernels/${hash}`]);
  assert.equal(kernels.fetchedBytes, KERNEL.length);
});

test('bytes that are not those of the hash, and more bytes than a kernel has, are refused', async (t) => {
  const kernels = await serve(t, (request, response) => {
    response.end(request.url?.endsWith('0') === true ? KERNEL : Buffer.alloc(MAX_KERNEL_BYTES + 1));
  });
  await assert.rejects(kernels.load('0'.repeat(64)), /other bytes than those of its hash/);
  await assert.rejects(kernels.load('1'.repeat(64)), /larger than/);
});

test('an index of another shape is refused', async (t) => {
  const kernels = await serve(t, (_request, response) => response.end('{"kernels":[{"source":1}]}'));
  await assert.rejects(kernels.index());
});
