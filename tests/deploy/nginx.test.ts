/** nginx's real configuration in front of real coordinators, on loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { brotliDecompressSync } from 'node:zlib';
import type { CoordinatorConfig } from '../../coordinator/config.ts';
import { clusterStatus, errorBody, MAX_BODY_BYTES } from '../../protocol/http.ts';
import { Api } from '../cluster/api.ts';
import { freePort, startWorker } from '../cluster/processes.ts';
import { runCoordinator, type TestCoordinator } from '../coordinator/running.ts';
import { runCommand } from '../setup/command.ts';
import { provideNginx, RunningNginx, type Answer } from './running-nginx.ts';

const missing = await provideNginx();
const PROXY = '127.0.0.1';

interface Served {
  readonly nginx: RunningNginx;
  readonly coordinator: TestCoordinator;
}

async function serve(
  t: TestContext,
  config: Partial<CoordinatorConfig> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const coordinator = await runCoordinator(t, { trustedProxies: [PROXY], ...config });
  const nginx = await RunningNginx.start(
    t,
    {
      UPSTREAM_HOST: 'coordinator',
      UPSTREAM_PORT: new URL(coordinator.url).port,
      GRAFANA_HOST: 'grafana',
      ...env,
    },
    { coordinator: [PROXY], grafana: [PROXY] },
  );
  await nginx.until(
    async () => (await nginx.ask('/health')).status === 200,
    'the coordinator is behind nginx',
  );
  return { nginx, coordinator };
}

const codeOf = ({ body }: Answer) => errorBody.parse(JSON.parse(body.toString('utf8'))).error.code;
const valuesOf = ({ rawHeaders }: Answer, name: string) =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);

describe('nginx', { skip: missing ?? false, timeout: 200_000 }, () => {
  it('carries a worker’s WebSocket and a live stream over TLS of the local authority', async (t) => {
    const { nginx, coordinator } = await serve(t);
    // Opened before anything happens: what comes later has to come while the stream is open.
    const stream = await liveStream(nginx);
    t.after(() => stream.close());
    await stream.has('event: cluster');
    startWorker(t, { url: nginx.url, nodeId: 'through-nginx', env: { NODE_EXTRA_CA_CERTS: nginx.caFile } });
    const api = new Api(coordinator.url);
    await api.worker('through-nginx');
    const job = await coordinator.submit('200000');
    await api.end(job, 60_000);
    const begun_ms = performance.now();
    await stream.has('"status":"completed"');
    t.diagnostic(`the stream told it ${(performance.now() - begun_ms).toFixed(0)} ms after the API`);
    assert.equal(stream.encoding, undefined, 'an event stream is not compressed');
  });

  it('tells the coordinator who asks, whatever the caller says, and opens nothing that needs a key', async (t) => {
    const { nginx } = await serve(t, { rates: { requests: 1 } });
    const submit = { type: 'collatz', parameters: { start: '1', end: '10' } };
    const refused = await nginx.ask('/api/submit', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': '127.0.0.1',
        'x-real-ip': '127.0.0.1',
      },
      body: JSON.stringify(submit),
    });
    assert.equal(refused.status, 401);
    assert.equal(codeOf(refused), 'key_needed');
    // Of one address that names another one each time, only so many pass; another address is not counted with it.
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) {
      const headers = { 'x-forwarded-for': `203.0.113.${i}`, forwarded: `for=203.0.113.${i}` };
      statuses.push((await nginx.ask('/api/status', { from: '127.0.0.5', headers })).status);
    }
    assert.ok(statuses.includes(429), `20 requests: ${statuses.join(' ')}`);
    assert.equal((await nginx.ask('/api/status', { from: '127.0.0.6' })).status, 200);
  });

  it('limits requests and connections by address, in the form of all errors', async (t) => {
    const { nginx } = await serve(
      t,
      {},
      { REQUESTS_PER_SECOND: '1', REQUESTS_AT_ONCE: '10', CONNECTIONS_PER_ADDRESS: '3' },
    );
    const flood = await Promise.all(
      Array.from({ length: 30 }, () => nginx.ask('/health', { from: '127.0.0.7' })),
    );
    const over = flood.filter(({ status }) => status === 429);
    assert.ok(over.length >= 15, `${over.length} of 30 were refused`);
    for (const answer of over) {
      assert.equal(codeOf(answer), 'limit_reached');
      assert.deepEqual(valuesOf(answer, 'retry-after'), ['1']);
    }
    assert.equal((await nginx.ask('/health', { from: '127.0.0.8' })).status, 200);
    const streams = await Promise.all(Array.from({ length: 3 }, () => liveStream(nginx, '127.0.0.9')));
    t.after(() => streams.forEach((stream) => stream.close()));
    await Promise.all(streams.map((stream) => stream.has('event: cluster')));
    const fourth = await nginx.ask('/health', { from: '127.0.0.9' });
    assert.equal(fourth.status, 429);
    assert.equal(codeOf(fourth), 'limit_reached');
  });

  it('keeps figures inside, says no version, and adds no header to those of the coordinator', async (t) => {
    const { nginx, coordinator } = await serve(t);
    for (const path of ['/metrics', '/metrics/', '/metrics/x']) {
      const answer = await nginx.ask(path);
      assert.equal(answer.status, 404, path);
      assert.equal(codeOf(answer), 'not_found');
    }
    const direct = await fetch(`${coordinator.url}/`);
    const page = await nginx.ask('/', { headers: { 'accept-encoding': 'br, gzip' } });
    assert.equal(page.status, 200);
    assert.deepEqual(valuesOf(page, 'server'), ['nginx']);
    assert.deepEqual(valuesOf(page, 'strict-transport-security'), [], 'HSTS is for real certificates');
    for (const name of [
      'content-security-policy',
      'x-content-type-options',
      'x-frame-options',
      'referrer-policy',
      'vary',
    ]) {
      assert.deepEqual(valuesOf(page, name), [direct.headers.get(name)], name);
    }
    assert.deepEqual(valuesOf(page, 'content-encoding'), ['br']);
    assert.equal(brotliDecompressSync(page.body).toString('utf8'), await direct.text());
    const zipped = await nginx.ask('/openapi.json', { headers: { 'accept-encoding': 'gzip' } });
    assert.deepEqual(valuesOf(zipped, 'content-encoding'), ['gzip']);
  });

  it('takes bodies as large as the API does, and the last request of a page', async (t) => {
    const { nginx } = await serve(t);
    const post = (path: string, bytes: number) =>
      nginx.ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: nginx.url },
        body: JSON.stringify('x'.repeat(bytes - 2)),
      });
    const within = await post('/api/hand-back', MAX_BODY_BYTES);
    assert.equal(within.status, 400, 'the coordinator has read it and finds no hand-back in it');
    const beyond = await post('/api/hand-back', MAX_BODY_BYTES + 1);
    assert.equal(beyond.status, 413);
    assert.equal(codeOf(beyond), 'too_large');
  });

  it('follows the coordinators’ addresses without ending what is open, and says when there is none', async (t) => {
    const port = await freePort();
    const first = await runCoordinator(t, { port, clusterSize: 1, trustedProxies: [PROXY] });
    const second = await runCoordinator(t, {
      port,
      host: '127.0.0.2',
      clusterSize: 2,
      trustedProxies: [PROXY],
    });
    const nginx = await RunningNginx.start(t, {
      UPSTREAM_HOST: 'coordinator',
      UPSTREAM_PORT: String(port),
      GRAFANA_HOST: 'grafana',
    });
    const none = await nginx.ask('/api/status');
    assert.equal(none.status, 503);
    assert.equal(codeOf(none), 'not_ready');
    assert.deepEqual(valuesOf(none, 'retry-after'), ['5']);
    const forPeople = await nginx.ask('/', { headers: { accept: 'text/html' } });
    assert.equal(forPeople.status, 503);
    assert.match(forPeople.body.toString('utf8'), /No coordinator answers/);

    const servedBy = async () =>
      clusterStatus.parse(JSON.parse((await nginx.ask('/api/status')).body.toString('utf8'))).workers
        .expected;
    nginx.names({ coordinator: ['127.0.0.1'] });
    await nginx.until(async () => (await servedBy()) === 1, 'the first coordinator serves');
    const worker = { url: nginx.url, nodeId: 'stays', env: { NODE_EXTRA_CA_CERTS: nginx.caFile } };
    startWorker(t, worker);
    const connected = async ({ url }: TestCoordinator) => (await new Api(url).cluster()).workers.connected;
    await nginx.until(async () => (await connected(first)) === 1, 'the worker is connected');
    const stream = await liveStream(nginx);
    t.after(() => stream.close());
    await stream.has('event: cluster');

    nginx.names({ coordinator: ['127.0.0.2'] });
    await nginx.until(async () => (await servedBy()) === 2, 'the second coordinator serves');
    assert.deepEqual([await connected(first), await connected(second)], [1, 0], 'the socket of before stays');
    // However far it has come when it is told.
    await stream.has(await first.submit('1000'));
    nginx.names({ coordinator: ['127.0.0.1', '127.0.0.2'] });
    const seen = new Set<number | null>();
    await nginx.until(async () => seen.add(await servedBy()).size === 2, 'both serve');
  });

  it('follows coordinators that come, drain, die and go, and no caller sees an error', async (t) => {
    const port = await freePort();
    const fleet = new Map<string, StandInCoordinator>();
    for (const address of ['127.0.0.11', '127.0.0.12', '127.0.0.13'])
      fleet.set(address, await StandInCoordinator.start(t, address, port));
    const at = (address: string): StandInCoordinator => {
      const found = fleet.get(address);
      assert.ok(found);
      return found;
    };
    const apiPort = await freePort();
    const nginx = await RunningNginx.start(
      t,
      {
        UPSTREAM_HOST: 'coordinator',
        UPSTREAM_PORT: String(port),
        GRAFANA_HOST: 'grafana',
        API_LISTEN: `127.0.0.1:${apiPort}`,
      },
      { coordinator: ['127.0.0.11'] },
    );
    // As a program of this machine asks, where several coordinators can't have one port.
    const local = async (path: string) => {
      // A reload closes connections that wait for a next request, which browsers then send anew by themselves.
      const reply = await fetch(`http://127.0.0.1:${apiPort}${path}`, { headers: { connection: 'close' } });
      return { status: reply.status, text: await reply.text() };
    };
    const paths = ['/api/status', '/socket.io/?EIO=4&transport=websocket'];
    const seen = new Map<string, number>();
    const problems: string[] = [];
    let asking = true;
    const callers = paths.map(async (path) => {
      while (asking) {
        const { status, text } = await local(path);
        if (status === 200) seen.set(text, (seen.get(text) ?? 0) + 1);
        else problems.push(`${path}: ${status} ${text}`);
      }
    });
    t.after(() => (asking = false));
    /** From now on it is these that answer, and no others. */
    const answered = async (t0: number, what: string, ...addresses: string[]) => {
      await nginx.until(async () => {
        seen.clear();
        await Promise.all(Array.from({ length: 12 }, () => local(paths[0] ?? '')));
        await new Promise((resolve) => setTimeout(resolve, 20));
        return [...seen.keys()].toSorted().join() === addresses.join();
      }, what);
      t.diagnostic(`${what}: after ${(performance.now() - t0).toFixed(0)} ms`);
    };
    await answered(performance.now(), 'one answers', '127.0.0.11');
    let t0 = performance.now();
    nginx.names({ coordinator: [...fleet.keys()] });
    await answered(t0, 'two that came are asked', '127.0.0.11', '127.0.0.12', '127.0.0.13');
    t0 = performance.now();
    at('127.0.0.12').draining = true;
    await answered(t0, 'one that drains is asked no more', '127.0.0.11', '127.0.0.13');
    await at('127.0.0.12').end();
    nginx.names({ coordinator: ['127.0.0.11', '127.0.0.13'] });
    t0 = performance.now();
    await at('127.0.0.13').end();
    await answered(t0, 'one that died, whose name is still known, is passed by', '127.0.0.11');
    asking = false;
    await Promise.all(callers);
    assert.deepEqual(problems, []);
    assert.equal((await local('/metrics')).status, 404);
    // With none left that is ready, the last one says itself why.
    nginx.names({ coordinator: ['127.0.0.11'] });
    at('127.0.0.11').draining = true;
    await nginx.until(async () => (await local('/ready')).text === 'draining', 'its own words');
  });

  it('makes a local authority whose certificate holds for localhost and the network’s names, and no other', async (t) => {
    const { nginx } = await serve(t, {}, { LAN_NAMES: 'box.lan, 192.168.7.9 fd00::7; no_name' });
    for (const name of ['localhost', 'box.lan', '192.168.7.9', 'fd00::7'])
      await assertVouchedFor(nginx, name);
    await assert.rejects(assertVouchedFor(nginx, 'example.org'), /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.match(nginx.output, /no_name is no name or address/);
    await assert.rejects(
      tls(nginx, { maxVersion: 'TLSv1.1', servername: 'localhost' }),
      /protocol|version|alert/i,
    );
    const authority = await runCommand('openssl', ['x509', '-in', nginx.caFile, '-noout', '-text']);
    assert.match(authority.stdout, /Name Constraints: critical\s+Permitted:/);
    const keys = readdirSync(nginx.certificates, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('key.pem'),
    );
    assert.equal(keys.length, 2);
    for (const key of keys) assert.equal(statSync(join(nginx.certificates, key)).mode & 0o777, 0o600, key);

    const session = connectHttp2(nginx.url, { ca: nginx.ca });
    t.after(() => session.close());
    const asked = session.request({ ':path': '/health' });
    const status = await new Promise((resolve) => {
      asked.once('response', (headers) => resolve(headers[':status']));
    });
    assert.equal(status, 200);
    assert.equal(session.alpnProtocol, 'h2');
  });

  it('tells over plain HTTP how to trust it, and leads everything else to TLS', async (t) => {
    const { nginx } = await serve(t);
    const plain = (path: string, accept = '*/*') =>
      fetch(`${nginx.plainUrl}${path}`, { redirect: 'manual', headers: { accept } });
    assert.equal(await (await plain('/ca.crt')).text(), nginx.ca);
    const page = await (await plain('/trust')).text();
    for (const system of ['Windows', 'macOS', 'iPhone', 'Android', 'Linux', 'Firefox'])
      assert.match(page, new RegExp(system));
    assert.deepEqual(page.match(/(src|href)="(?!\/)[^"]*"/g), null, 'nothing comes from elsewhere');
    const program = await plain('/api/status?x=1');
    assert.equal(program.status, 308);
    assert.equal(
      program.headers.get('location'),
      `https://127.0.0.1:${new URL(nginx.url).port}/api/status?x=1`,
    );
    const person = await plain('/cluster.html', 'text/html,*/*;q=0.8');
    assert.equal(person.status, 302);
    assert.equal(person.headers.get('location'), `${nginx.plainUrl}/trust`);
  });

  it('tells Prometheus when its certificate ends and how many coordinators it knows, on a port of its own', async (t) => {
    const { nginx } = await serve(t);
    let figures = '';
    await nginx.until(async () => {
      figures = await (await fetch(nginx.figuresUrl)).text();
      return /^load_balancer_upstreams 1$/m.test(figures);
    }, 'the coordinator is counted');
    const ends_s = Number(/^certificate_not_after_seconds\{issuer="local"\} (\d+)$/m.exec(figures)?.[1]);
    const days = (ends_s - Date.now() / 1000) / 86_400;
    assert.ok(days > 30 && days <= 60, `${days} days`);
    assert.match(figures, /^certificate_checked_seconds\{issuer="local"\} \d+$/m);
    assert.equal((await fetch(new URL('/', nginx.figuresUrl))).status, 404);
  });

  it('leads to Grafana under its path, with the caller’s address', async (t) => {
    const grafana = createServer((request, response) => {
      response.end(JSON.stringify({ path: request.url, from: request.headers['x-forwarded-for'] }));
    });
    grafana.listen(0, '127.0.0.1');
    await once(grafana, 'listening');
    t.after(() => grafana.close());
    const address = grafana.address();
    assert.ok(typeof address === 'object' && address !== null);
    const { nginx } = await serve(t, {}, { GRAFANA_PORT: String(address.port) });
    await nginx.until(async () => (await nginx.ask('/grafana/')).status === 200, 'Grafana is behind nginx');
    const answer = await nginx.ask('/grafana/api/health', {
      from: '127.0.0.4',
      headers: { 'x-forwarded-for': '8.8.8.8' },
    });
    assert.deepEqual(JSON.parse(answer.body.toString('utf8')), {
      path: '/grafana/api/health',
      from: '127.0.0.4',
    });
  });
});

/** Answers with its address, and /ready as it is told to; while it drains it takes no new worker. */
class StandInCoordinator {
  draining = false;
  readonly #server: Server;

  static async start(t: TestContext, address: string, port: number): Promise<StandInCoordinator> {
    const coordinator = new StandInCoordinator(address);
    coordinator.#server.listen(port, address);
    await once(coordinator.#server, 'listening');
    t.after(() => coordinator.end());
    return coordinator;
  }

  private constructor(address: string) {
    this.#server = createServer((asked, reply) => {
      const refuses = this.draining && /^\/(ready|socket\.io)/.test(asked.url ?? '');
      reply.statusCode = refuses ? 503 : 200;
      reply.end(refuses ? 'draining' : address);
    });
  }

  /** As when it is killed: what is open is cut. */
  async end(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function tls(
  nginx: RunningNginx,
  options: { maxVersion?: 'TLSv1.1'; servername: string },
): Promise<void> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: Number(new URL(nginx.url).port),
    ca: nginx.ca,
    ...options,
    ...(options.maxVersion === undefined ? {} : { minVersion: 'TLSv1' as const, ciphers: 'ALL@SECLEVEL=0' }),
  });
  await once(socket, 'secureConnect');
  socket.destroy();
}

/** As a browser would check it: chain, constraints and name, by Node and by OpenSSL. */
async function assertVouchedFor(nginx: RunningNginx, name: string): Promise<void> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: Number(new URL(nginx.url).port),
    ca: nginx.ca,
    servername: 'localhost',
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  const matches = /^[\d.]+$|:/.test(name) ? certificate?.checkIP(name) : certificate?.checkHost(name);
  if (matches === undefined) throw new Error(`ERR_TLS_CERT_ALTNAME_INVALID ${name}`);
}

interface LiveStream {
  readonly encoding: string | undefined;
  /** Resolves when this text has come. */
  has(text: string): Promise<void>;
  close(): void;
}

async function liveStream(nginx: RunningNginx, from?: string): Promise<LiveStream> {
  const asked = request({
    host: '127.0.0.1',
    port: Number(new URL(nginx.url).port),
    servername: 'localhost',
    ca: nginx.ca,
    agent: false,
    path: '/api/events?topics=cluster,jobs',
    headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip, br' },
    ...(from === undefined ? {} : { localAddress: from }),
  });
  asked.on('error', () => undefined);
  asked.end();
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve);
    asked.once('error', reject);
  });
  let text = '';
  const watchers = new Set<() => void>();
  reply.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    for (const watcher of [...watchers]) watcher();
  });
  reply.on('error', () => undefined);
  return {
    encoding: reply.headers['content-encoding'],
    close: () => asked.destroy(),
    has: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!text.includes(wanted)) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve();
        };
        const timer = setTimeout(() => reject(new Error(`no ${wanted} in: ${text.slice(-2000)}`)), 20_000);
        watchers.add(look);
        look();
      }),
  };
}
