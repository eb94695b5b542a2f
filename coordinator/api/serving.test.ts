import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { kernelIndex } from '../../protocol/kernels.ts';
import { runCoordinator } from '../../tests/coordinator/running.ts';

const SCRIPT = `export const words = ${JSON.stringify('fork join '.repeat(500))};`;
const PAGE = `<!doctype html><title>x</title>${'<p>words</p>'.repeat(200)}`;

/** A folder as a build leaves it. */
async function builtPages(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'threads-pages-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'assets'));
  await mkdir(join(folder, '.vite'));
  for (const name of ['index', 'collatz', 'cluster']) await writeFile(join(folder, `${name}.html`), PAGE);
  await writeFile(join(folder, 'assets', 'index-abc.js'), SCRIPT);
  await writeFile(join(folder, '.vite', 'manifest.json'), '{}');
  await writeFile(join(folder, 'manifest.webmanifest'), '{"name": "Threads Cluster"}');
  return folder;
}

interface Raw {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** As a browser asks, without its cache and without unpacking. */
function get(url: string, headers: Record<string, string> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes: Buffer.concat(chunks),
        });
      });
    });
    request.on('error', reject).end();
  });
}

suite('pages', () => {
  test('name the public address in their previews if there is one, and are asked again at no cost', async (t) => {
    const pagesDir = await builtPages(t);
    const head = '<meta property="og:image" content="/preview.png">';
    for (const name of ['index', 'collatz']) await writeFile(join(pagesDir, `${name}.html`), head + PAGE);
    const publicUrl = 'https://cluster.example.org';
    const { url } = await runCoordinator(t, { pagesDir, publicUrl });
    for (const [path, own] of [
      ['/', '/'],
      ['/index.html', '/'],
      ['/collatz.html', '/collatz.html'],
    ] as const) {
      const { status, headers, bytes } = await get(url + path);
      assert.equal(status, 200, path);
      assert.match(bytes.toString(), new RegExp(`<meta property="og:url" content="${publicUrl}${own}">`));
      assert.match(
        bytes.toString(),
        new RegExp(`<meta property="og:image" content="${publicUrl}/preview.png">`),
      );
      assert.ok(bytes.toString().endsWith(PAGE));
      assert.equal(headers['cache-control'], 'no-cache');
      const again = await get(url + path, { 'if-none-match': headers.etag ?? '' });
      assert.deepEqual([again.status, again.bytes.length], [304, 0]);
    }
    assert.equal(
      (await get(`${url}/cluster.html`)).bytes.toString(),
      PAGE,
      'without a preview: as it stands',
    );
    assert.equal((await get(`${url}/device.html`)).status, 404);
    const without = await runCoordinator(t, { pagesDir });
    assert.equal((await get(without.url)).bytes.toString(), head + PAGE);
  });

  test('are served each, and asked again cost nothing; their assets are kept for good', async (t) => {
    const { url } = await runCoordinator(t, { pagesDir: await builtPages(t) });
    for (const path of ['/', '/index.html', '/collatz.html', '/cluster.html']) {
      const { status, headers, bytes } = await get(url + path);
      assert.equal(status, 200, path);
      assert.equal(bytes.toString(), PAGE);
      assert.equal(headers['cache-control'], 'no-cache');
      const etag = headers.etag ?? '';
      const again = await get(url + path, { 'If-None-Match': etag });
      assert.deepEqual([again.status, again.bytes.length], [304, 0], path);
      const packed = await get(url + path, { 'If-None-Match': etag, 'Accept-Encoding': 'gzip' });
      assert.equal(packed.status, 304, path);
    }
    const asset = await get(`${url}/assets/index-abc.js`);
    assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable');
    const manifest = await get(`${url}/manifest.webmanifest`);
    assert.match(manifest.headers['content-type'] ?? '', /^application\/manifest\+json/);
    assert.equal((await get(`${url}/device.html`)).status, 404, 'built, but without this page');
    assert.equal((await get(`${url}/.vite/manifest.json`)).status, 404);
  });

  test('scripts, kernels and JSON are compressed for those who can read it', async (t) => {
    const { url, ask } = await runCoordinator(t, { pagesDir: await builtPages(t) });
    const { kernels } = kernelIndex.parse((await ask('/kernels')).body);
    const paths = ['/assets/index-abc.js', '/index.html', '/openapi.json', '/docs/docs.js'];
    for (const path of [...paths, ...kernels.map(({ sha256 }) => `/kernels/${sha256}`)]) {
      const plain = await get(url + path);
      assert.equal(plain.headers['content-encoding'], undefined);
      for (const [encoding, unpack] of [
        ['gzip', gunzipSync],
        ['br', brotliDecompressSync],
      ] as const) {
        const packed = await get(url + path, { 'Accept-Encoding': encoding });
        assert.equal(packed.headers['content-encoding'], encoding, path);
        assert.match(packed.headers.vary ?? '', /Accept-Encoding/i);
        assert.ok(packed.bytes.length < plain.bytes.length, path);
        assert.deepEqual(unpack(packed.bytes), plain.bytes, path);
        assert.equal(packed.headers['cache-control'], plain.headers['cache-control']);
      }
    }
  });

  test('events are not: each leaves at once', async (t) => {
    const { url } = await runCoordinator(t);
    const first = await new Promise<{ readonly headers: IncomingHttpHeaders; readonly text: string }>(
      (resolve, reject) => {
        const headers = { 'Accept-Encoding': 'gzip, br' };
        const request = httpRequest(`${url}/api/events?topics=batches`, { headers }, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            if (!text.includes('event: batches')) return;
            resolve({ headers: response.headers, text });
            response.destroy();
          });
        });
        request.on('error', reject).end();
      },
    );
    assert.equal(first.headers['content-encoding'], undefined);
    assert.match(first.text, /"batches":\[\]/);
  });
});
