/**
 * Messages of workers made from their schemas, good ones and spoilt ones, the handshake among them: each is answered
 * in its form, refused by a closed kind of error, or ends its own connection; honest users go on.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { REQUESTS, hello, leaseReply } from '../../protocol/messages.ts';
import type { RequestName } from '../../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { answerOf, helloOf } from '../coordinator/worker-socket.ts';
import { mutated } from './hostile.ts';
import { honestUsers } from './honest.ts';
import { observe } from './observed.ts';
import type { Observed } from './observed.ts';
import { RawSocket } from './raw-socket.ts';
import type { Echo } from './raw-socket.ts';
import { valuesOf } from './schema-arbitrary.ts';

const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = process.env['TEST_FULL'] === '1' ? 10_000 : 1000;
const MOST_GROWN_MB = 300;

const REQUEST_NAMES = ['lease', 'submit', 'release', 'heartbeat'] as const satisfies readonly RequestName[];
const BEAT = JSON.stringify([
  'heartbeat',
  { state: 'idle', busy_fraction: 0, rate_per_second: 0, leases: [] },
]);

/** A stranger's connection: joined, with the answer to a lease at hand as long as there is one. */
class Stranger {
  readonly #coordinator: Observed;
  /** One worker all along: each new connection gives back what the last one held. */
  readonly #hello = helloOf({ node_id: 'stranger', session: randomBytes(16).toString('hex') });
  #socket: RawSocket | undefined;
  /** JSON of a right submission. */
  #answer: unknown = null;

  constructor(coordinator: Observed) {
    this.#coordinator = coordinator;
  }

  /** The connection, a new one if the last was closed. */
  async socket(): Promise<RawSocket> {
    if (this.#socket?.isOpen === true) return this.#socket;
    const socket = await RawSocket.open(this.#coordinator.port);
    const echo = await socket.hello(JSON.stringify(this.#hello));
    assert.equal(echo.kind, 'joined', JSON.stringify(echo));
    this.#socket = socket;
    const leased = await socket.request('["lease",{"target_ms":1000,"rate_per_second":1000}]');
    assert.ok(leased.kind === 'answer', leased.kind);
    const given = leased.answer.ok ? leaseReply.parse(leased.answer.value).lease : null;
    this.#answer = given === null ? null : answerOf(given);
    return socket;
  }

  get answer(): unknown {
    return this.#answer;
  }

  /** Leaves, and gives back what it holds. */
  async leave(): Promise<void> {
    await this.#socket?.close();
    const last = await RawSocket.open(this.#coordinator.port);
    await last.hello(JSON.stringify(this.#hello));
    await last.close();
  }
}

interface Shot {
  readonly name: string;
  /** JSON of the body. `@answer`: a right submission, or what a mutation makes of it. */
  readonly body: string;
}

const good: fc.Arbitrary<Shot> = fc.oneof(
  ...REQUEST_NAMES.map((name) =>
    valuesOf(REQUESTS[name].request).map((body) => ({ name, body: JSON.stringify(body) })),
  ),
);

const spoilt: fc.Arbitrary<Shot> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...REQUEST_NAMES)
      .chain((name) => mutated(valuesOf(REQUESTS[name].request)).map((body) => ({ name, body }))),
  },
  {
    weight: 2,
    arbitrary: good.chain(({ body }) =>
      fc
        .constantFrom(
          '',
          '__proto__',
          'constructor',
          'hello',
          'welcome',
          'disconnect',
          'connect_error',
          'x'.repeat(9999),
        )
        .map((name) => ({ name, body })),
    ),
  },
);

/** Most with the version that is asked first: without it nothing else would be looked at. */
const hellos = fc
  .tuple(valuesOf(hello), fc.nat(9))
  .map(([value, n]) => (n === 0 ? value : { ...helloOf(), ...fieldsOf(value), protocol: PROTOCOL_VERSION }));

function fieldsOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

/** Good frames of a right submission with one thing in its aggregate wrong. */
const spoilAnswer = (answer: unknown): fc.Arbitrary<string> => mutated(fc.constant(answer));

const FRAMES: readonly (string | Uint8Array)[] = [
  '',
  '4',
  '42',
  '42[]',
  '42"x"',
  '42{"a":1}',
  '42null',
  '420["lease"',
  '42[1,2]',
  '4399["x"]',
  '430[]',
  '41',
  '44{}',
  '40/admin,{}',
  '40/__proto__,{}',
  '42/x,1["lease",{}]',
  '451-["submit",{"_placeholder":true,"num":0}]',
  '46999999999-1["submit",{}]',
  '4299999999999999999999["lease",{}]',
  '2probe',
  '5',
  '6',
  '9',
  'b4AAAA',
  new Uint8Array([0, 1, 2]),
  new Uint8Array(0),
];

/** Answers that are in order; what is closed is so for a reason that the log tells. */
function assertDecent(echo: Echo, about: string): void {
  const code =
    echo.kind === 'refused'
      ? echo.error.code
      : echo.kind === 'answer' && !echo.answer.ok
        ? echo.answer.error.code
        : null;
  assert.notEqual(code, 'internal', about);
}

function kindOf(echo: Echo): string {
  if (echo.kind === 'answer') return echo.answer.ok ? 'ok' : echo.answer.error.code;
  return echo.kind === 'refused' ? `hello ${echo.error.code}` : echo.kind;
}

test(`messages made from the schemas, ${numRuns} good and ${numRuns} spoilt of each kind (TEST_SEED=${seed})`, async (t) => {
  const coordinator = await observe(t);
  const honest = await honestUsers(t, coordinator);
  const stranger = new Stranger(coordinator);
  const before = coordinator.memory_mb();
  const kinds = new Map<string, number>();
  const seen = (echo: Echo, about: string): void => {
    assertDecent(echo, about);
    kinds.set(kindOf(echo), (kinds.get(kindOf(echo)) ?? 0) + 1);
  };
  const shoot = async ({ name, body }: Shot): Promise<Echo> => {
    const echo = await (await stranger.socket()).request(`[${JSON.stringify(name)},${body}]`);
    seen(echo, `${name} ${body.slice(0, 300)}`);
    return echo;
  };
  await fc.assert(
    fc.asyncProperty(good, async (shot) => {
      const echo = await shoot(shot);
      assert.equal(echo.kind, 'answer', 'a good message never ends a connection');
      assert.notEqual(kindOf(echo), 'invalid_request', JSON.stringify(shot));
    }),
    { seed, numRuns },
  );
  await fc.assert(
    fc.asyncProperty(spoilt, async (shot) => void (await shoot(shot))),
    { seed, numRuns },
  );

  // What is not even a message: then a good one is answered, or the connection is over.
  for (const frame of FRAMES) {
    const socket = await stranger.socket();
    socket.frame(frame);
    seen(await socket.request(BEAT), String(frame));
  }

  // A right answer with one thing in it wrong: it is never counted as something else.
  let spoiltAnswers = 0;
  while (spoiltAnswers < numRuns / 10) {
    const socket = await stranger.socket();
    const { answer } = stranger;
    const [body = 'null'] = fc.sample(spoilAnswer(answer), { seed: seed + spoiltAnswers, numRuns: 1 });
    seen(await socket.request(`["submit",${body}]`), body.slice(0, 300));
    spoiltAnswers += 1;
  }

  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        hellos.map((value) => JSON.stringify(value)),
        mutated(hellos),
      ),
      async (json) => {
        const socket = await RawSocket.open(coordinator.port);
        seen(await socket.hello(json), json.slice(0, 300));
        await socket.close();
      },
    ),
    { seed, numRuns },
  );
  await stranger.leave();
  const after = coordinator.memory_mb();
  t.diagnostic(`answers: ${[...kinds].map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
  t.diagnostic(`memory ${before} MB before, ${after} MB after`);
  t.diagnostic(`exact jobs of the honest user meanwhile: ${await honest.end()}`);
  assert.ok(after - before < MOST_GROWN_MB, `${before} MB grew to ${after} MB`);
  await coordinator.stop();
  coordinator.assertNothingBroke();
});
