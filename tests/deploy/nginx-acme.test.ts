/** A domain's certificate from an authority that speaks ACME (a stand-in, stand-in-acme.ts), by the real scripts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect } from 'node:tls';
import { freePort } from '../cluster/processes.ts';
import { provideNginx, RunningNginx } from './running-nginx.ts';
import { StandInAcme } from './stand-in-acme.ts';

const missing = await provideNginx();
const DOMAIN = 'cluster.example.org';

it(
  'gets a certificate for the domain, renews it before it ends, and says HSTS only with it',
  { skip: missing ?? false, timeout: 170_000 },
  async (t) => {
    const httpPort = await freePort();
    // So short that each look finds it due.
    const acme = await StandInAcme.start(t, httpPort, 20);
    const nginx = await RunningNginx.start(t, {
      DOMAIN,
      ACME_EMAIL: 'operator@example.org',
      ACME_SERVER: acme.directory,
      HTTP_LISTEN: `127.0.0.1:${httpPort}`,
      CERTIFICATE_EVERY_S: '4',
    });
    const shown = async () => {
      const socket = connect({
        host: '127.0.0.1',
        port: Number(new URL(nginx.url).port),
        servername: DOMAIN,
        ca: acme.ca,
      });
      try {
        await once(socket, 'secureConnect');
        return socket.getPeerX509Certificate()?.fingerprint256 ?? '';
      } finally {
        socket.destroy();
      }
    };
    let first = '';
    await nginx.until(async () => (first = await shown()) !== '', 'the domain’s certificate is shown');
    await nginx.until(async () => (await shown()) !== first, 'another one is shown');
    assert.ok(acme.issued >= 2);
    const keys = readdirSync(join(nginx.certificates, 'acme'), { recursive: true, encoding: 'utf8' }).filter(
      (name) => /key.*\.pem$/.test(name),
    );
    assert.ok(keys.length > 0);
    for (const key of keys)
      assert.equal(statSync(join(nginx.certificates, 'acme', key)).mode & 0o077, 0, key);
    const answer = await fetchWith(nginx, acme.ca);
    assert.equal(answer, 'max-age=31536000');
  },
);

it(
  'starts with a certificate of its own and says why the domain has none',
  { skip: missing ?? false, timeout: 60_000 },
  async (t) => {
    const nginx = await RunningNginx.start(t, {
      DOMAIN,
      ACME_EMAIL: 'operator@example.org',
      ACME_SERVER: 'http://127.0.0.1:9/directory',
    });
    await nginx.until(
      () => /no certificate for cluster\.example\.org from/.test(nginx.output),
      'the reason is told',
    );
    const { headers } = await nginx.ask('/trust');
    assert.equal(headers['strict-transport-security'], undefined);
  },
);

async function fetchWith(nginx: RunningNginx, ca: string): Promise<string | undefined> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const port = Number(new URL(nginx.url).port);
    const asked = request({ host: '127.0.0.1', port, servername: DOMAIN, ca, path: '/trust' }, (reply) => {
      reply.resume();
      resolve(reply.headers['strict-transport-security']);
    });
    asked.on('error', reject);
    asked.end();
  });
}
