/** Questions to other coordinators and their answers, over the store's mail. Soft: what is lost is asked again. */
import type { ZodType } from 'zod';
import { ClusterError } from '../../protocol/errors.ts';
import type { Runtime } from '../cluster.ts';
import type { Log } from '../log.ts';
import { MAX_MAIL_BYTES } from '../store/store.ts';
import type { ReplicaChannel } from '../store/store.ts';
import { mail } from './mail.ts';
import type { Answer, Mail, News, Question } from './mail.ts';

interface Waiting {
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: ClusterError) => void;
}

export interface PostListener {
  /** @throws ClusterError which the asker gets */
  asked(question: Question, from: number): Promise<Answer<Question['of']>>;
  told(news: News, from: number): void;
}

export class Post {
  readonly #channel: ReplicaChannel;
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #listener: PostListener;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  constructor(channel: ReplicaChannel, runtime: Runtime, log: Log, listener: PostListener) {
    this.#channel = channel;
    this.#runtime = runtime;
    this.#log = log;
    this.#listener = listener;
  }

  /**
   * @throws ClusterError what the other one refuses it with; not_ready: it does not answer in time; store_unavailable
   */
  async ask<T>(to: number, question: Question, answer: ZodType<T>, timeoutMs: number): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { settle: resolve, fail: reject });
    const cancel = this.#runtime.setTimer(timeoutMs, () => {
      reject(new ClusterError('not_ready', 'another coordinator does not answer: try again soon'));
    });
    try {
      await this.#send(to, { kind: 'question', id, question });
      const read = answer.safeParse(await promise);
      if (read.success) return read.data;
      throw new ClusterError(
        'not_ready',
        'another coordinator, perhaps of another version, answers in another form',
      );
    } finally {
      cancel();
      this.#waiting.delete(id);
      // Nobody may be waiting for it any more.
      promise.catch(() => undefined);
    }
  }

  /** What those say that answer in time. */
  async askAll<T>(
    others: readonly number[],
    question: Question,
    answer: ZodType<T>,
    timeoutMs: number,
  ): Promise<readonly T[]> {
    const answers = await Promise.allSettled(others.map((to) => this.ask(to, question, answer, timeoutMs)));
    return answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  }

  tell(to: number | 'all', news: News): void {
    void this.#send(to, { kind: 'news', news }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'other coordinators could not be told');
    });
  }

  receive(from: number, body: string): void {
    const read = mail.safeParse(parseJson(body));
    if (!read.success) {
      this.#log.debug({ err: read.error, from }, 'what another coordinator says can’t be read');
      return;
    }
    const said = read.data;
    switch (said.kind) {
      case 'question':
        void this.#answer(from, said.id, said.question);
        return;
      case 'answer':
        this.#waiting.get(said.id)?.settle(said.answer);
        return;
      case 'refusal':
        this.#waiting.get(said.id)?.fail(new ClusterError(said.error.code, said.error.message));
        return;
      case 'news':
        this.#listener.told(said.news, from);
    }
  }

  async #answer(to: number, id: number, question: Question): Promise<void> {
    let reply: Mail;
    try {
      reply = { kind: 'answer', id, answer: await this.#listener.asked(question, to) };
    } catch (error) {
      const refused =
        error instanceof ClusterError
          ? error
          : new ClusterError('internal', 'the other coordinator failed at this');
      if (refused !== error) this.#log.error({ err: error }, 'a question of another coordinator failed');
      reply = { kind: 'refusal', id, error: { code: refused.code, message: refused.message } };
    }
    await this.#send(to, reply).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'another coordinator could not be answered');
    });
  }

  #send(to: number | 'all', said: Mail): Promise<void> {
    const body = JSON.stringify(said);
    if (Buffer.byteLength(body) > MAX_MAIL_BYTES) {
      return Promise.reject(
        new ClusterError('limit_reached', 'this is more than one coordinator can send another'),
      );
    }
    return this.#channel.send(to, body);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
