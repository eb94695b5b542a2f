/**
 * A stand-in for an ACME authority (RFC 8555), as much of it as a client with an HTTP-01 challenge needs: it checks
 * signatures and nonces, asks for the challenge over plain HTTP and signs what it is sent with an authority of its own.
 */
import {
  createHash,
  createPublicKey,
  randomBytes,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Ending } from '../cluster/processes.ts';
import { runCommand } from '../setup/command.ts';

const jws = z.object({ protected: z.string(), payload: z.string(), signature: z.string() });
const header = z.object({
  alg: z.enum(['ES256', 'ES384', 'RS256']),
  nonce: z.string(),
  url: z.string(),
  kid: z.string().optional(),
  jwk: z.record(z.string(), z.string()).optional(),
});
const newOrder = z.object({
  identifiers: z.array(z.object({ type: z.literal('dns'), value: z.string() })).length(1),
});
const finalize = z.object({ csr: z.string() });

const text = (base64url: string) => Buffer.from(base64url, 'base64url').toString('utf8');

interface Account {
  readonly key: KeyObject;
  readonly thumbprint: string;
}

export class StandInAcme {
  /** How many certificates were asked for and given. */
  issued = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), 'threads-acme-'));
  readonly #nonces = new Set<string>();
  readonly #token = randomBytes(16).toString('base64url');
  readonly #challengePort: number;
  readonly #days: number;
  #account: Account | undefined;
  #url = '';
  #domain = '';
  #state: 'pending' | 'ready' | 'valid' | 'invalid' = 'pending';
  #certificate = '';

  /** @param challengePort where the domain's web server is on 127.0.0.1, @param days that certificates last */
  static async start(ending: Ending, challengePort: number, days: number): Promise<StandInAcme> {
    const acme = new StandInAcme(challengePort, days);
    await acme.#openssl([
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=Stand-in for an ACME authority',
      '-keyout',
      acme.#file('ca.key'),
      '-out',
      acme.#file('ca.pem'),
    ]);
    const server = createServer((request, response) => void acme.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    acme.#url = `http://127.0.0.1:${address.port}`;
    ending.after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(acme.#folder, { recursive: true, force: true });
    });
    return acme;
  }

  private constructor(challengePort: number, days: number) {
    this.#challengePort = challengePort;
    this.#days = days;
  }

  get directory(): string {
    return `${this.#url}/directory`;
  }

  get ca(): string {
    return readFileSync(this.#file('ca.pem'), 'utf8');
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  async #openssl(args: readonly string[]): Promise<void> {
    const { ok, problem } = await runCommand('openssl', args);
    if (!ok) throw new Error(problem);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const nonce = randomBytes(12).toString('base64url');
    this.#nonces.add(nonce);
    response.setHeader('Replay-Nonce', nonce);
    try {
      const path = request.url ?? '/';
      if (request.method === 'POST')
        await this.#post(path, jws.parse(JSON.parse(await bodyOf(request))), response);
      else send(response, 200, this.#directory());
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      send(response, 400, { type: 'urn:ietf:params:acme:error:malformed', detail });
    }
  }

  #directory(): Record<string, unknown> {
    const at = (name: string) => `${this.#url}/${name}`;
    return {
      newNonce: at('nonce'),
      newAccount: at('account'),
      newOrder: at('new-order'),
      revokeCert: at('revoke'),
      keyChange: at('key-change'),
      meta: { termsOfService: at('terms') },
    };
  }

  async #post(path: string, message: z.infer<typeof jws>, response: ServerResponse): Promise<void> {
    this.#check(path, message);
    switch (path) {
      case '/account':
        response.setHeader('Location', `${this.#url}/account/1`);
        return send(response, 201, { status: 'valid' });
      case '/new-order':
        this.#domain = newOrder.parse(JSON.parse(text(message.payload))).identifiers[0]?.value ?? '';
        this.#state = 'pending';
        response.setHeader('Location', `${this.#url}/order`);
        return send(response, 201, this.#order());
      case '/authorization':
        return send(response, 200, this.#authorization());
      case '/challenge':
        this.#state = (await this.#challengeIsMet()) ? 'ready' : 'invalid';
        return send(response, 200, this.#challenge());
      case '/finalize':
        await this.#sign(finalize.parse(JSON.parse(text(message.payload))).csr);
        return send(response, 200, this.#order());
      case '/certificate':
        response.writeHead(200, { 'Content-Type': 'application/pem-certificate-chain' });
        response.end(`${this.#certificate}${this.ca}`);
        return;
      default:
        return send(response, 200, this.#order());
    }
  }

  /** @throws Error if the message is not signed by the account's key for this address with a fresh nonce */
  #check(path: string, message: z.infer<typeof jws>): void {
    const { alg, nonce, url, jwk } = header.parse(JSON.parse(text(message.protected)));
    if (!this.#nonces.delete(nonce)) throw new Error('badNonce');
    if (url !== `${this.#url}${path}`) throw new Error(`signed for ${url}`);
    if (jwk !== undefined && path === '/account') this.#account = accountOf(jwk);
    if (this.#account === undefined) throw new Error('no account');
    const signed = Buffer.from(`${message.protected}.${message.payload}`);
    const signature = Buffer.from(message.signature, 'base64url');
    const key = { key: this.#account.key, dsaEncoding: 'ieee-p1363' as const };
    if (!verify(`sha${alg.slice(2)}`, signed, key, signature)) throw new Error('the signature is wrong');
  }

  #order(): Record<string, unknown> {
    return {
      status: this.#state,
      identifiers: [{ type: 'dns', value: this.#domain }],
      authorizations: [`${this.#url}/authorization`],
      finalize: `${this.#url}/finalize`,
      ...(this.#state === 'valid' ? { certificate: `${this.#url}/certificate` } : {}),
    };
  }

  #challenge(): Record<string, unknown> {
    const status = this.#state === 'ready' ? 'valid' : this.#state;
    return { type: 'http-01', url: `${this.#url}/challenge`, token: this.#token, status };
  }

  #authorization(): Record<string, unknown> {
    const challenge = this.#challenge();
    return {
      status: challenge['status'],
      identifier: { type: 'dns', value: this.#domain },
      challenges: [challenge],
    };
  }

  /** RFC 8555, 8.3: the token and the account's thumbprint, in plain HTTP under the domain. */
  #challengeIsMet(): Promise<boolean> {
    const wanted = `${this.#token}.${this.#account?.thumbprint ?? ''}`;
    return new Promise((resolve) => {
      const asked = get(
        {
          host: '127.0.0.1',
          port: this.#challengePort,
          path: `/.well-known/acme-challenge/${this.#token}`,
          headers: { host: this.#domain },
        },
        (reply) =>
          void bodyOf(reply).then((body) => resolve(reply.statusCode === 200 && body.trim() === wanted)),
      );
      asked.on('error', () => resolve(false));
    });
  }

  async #sign(csr: string): Promise<void> {
    if (this.#state !== 'ready') throw new Error('orderNotReady');
    writeFileSync(this.#file('csr.der'), Buffer.from(csr, 'base64url'));
    await this.#openssl([
      'x509',
      '-req',
      '-inform',
      'DER',
      '-in',
      this.#file('csr.der'),
      '-CA',
      this.#file('ca.pem'),
      '-CAkey',
      this.#file('ca.key'),
      '-copy_extensions',
      'copy',
      '-days',
      String(this.#days),
      '-out',
      this.#file('leaf.pem'),
    ]);
    this.#certificate = readFileSync(this.#file('leaf.pem'), 'utf8');
    this.#state = 'valid';
    this.issued++;
  }
}

/** RFC 7638: the members that a key must have, in the order of the alphabet. */
function accountOf(jwk: JsonWebKey & Record<string, string>): Account {
  const members = Object.entries(jwk).filter(([name]) => ['crv', 'e', 'kty', 'n', 'x', 'y'].includes(name));
  const canonical = JSON.stringify(Object.fromEntries(members.toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return {
    key: createPublicKey({ key: jwk, format: 'jwk' }),
    thumbprint: createHash('sha256').update(canonical).digest('base64url'),
  };
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}
