/**
 * Reads a JSON request body within a bound. Own code rather than express.json(): that reads a too large body
 * to its end before it answers, and passes by a body of another media type.
 */
import type { IncomingMessage } from 'node:http';
import { ClusterError } from '../../protocol/errors.ts';
import { MAX_BODY_BYTES } from '../../protocol/http.ts';
import { refuse } from '../../protocol/problems.ts';

/** How long the rest of a refused body may keep arriving before the connection is cut. */
const DRAIN_MS = 5000;
/** An answer to a hostile body must not be larger than the body. */
const MAX_TOLD = 8;
const MAX_PATH = 200;

/**
 * The parsed body; undefined if there is none.
 * @throws ClusterError too_large, unsupported_media_type, malformed, invalid_request (a field __proto__)
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const { headers } = request;
  const length = headers['content-length'];
  if (headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) {
    return undefined;
  }
  if (length !== undefined && Number(length) > MAX_BODY_BYTES) throw tooLarge(request);
  if (!isJson(headers['content-type'])) {
    drain(request);
    throw new ClusterError(
      'unsupported_media_type',
      'send the body as JSON, with Content-Type: application/json',
    );
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    drain(request);
    throw new ClusterError('unsupported_media_type', 'send the body uncompressed, without Content-Encoding');
  }
  return parse(await readAll(request));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (then: () => void): void => {
      request.off('data', take).off('end', done).off('close', aborted);
      then();
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) settle(() => reject(tooLarge(request)));
    };
    const done = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const aborted = (): void =>
      settle(() => reject(new ClusterError('malformed', 'the connection ended before the body did')));
    request.on('data', take).on('end', done).on('close', aborted);
  });
}

function parse(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ClusterError('malformed', 'the body is not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ClusterError('malformed', `the body is not JSON: ${why}`);
  }
  const fields = prototypeFields(value);
  if (fields.length > 0) refuse(fields.map((path) => ({ path, message: 'unknown field: remove it' })));
  return value;
}

/**
 * Fields, however deep, that are called `__proto__`. Schemas of open records pass them by, so that they would be
 * neither refused nor read. Without recursion: 64 KB hold 32,000 brackets. The first are enough to say it.
 */
function prototypeFields(value: unknown): string[] {
  const found: string[] = [];
  const open: { readonly value: unknown; readonly path: string }[] = [{ value, path: '' }];
  for (let next = open.pop(); next !== undefined && found.length < MAX_TOLD; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    for (const [name, inner] of Object.entries(next.value)) {
      const path = next.path === '' ? name : `${next.path}.${name}`;
      if (name === '__proto__') found.push(path.slice(-MAX_PATH));
      else if (typeof inner === 'object' && inner !== null)
        open.push({ value: inner, path: path.slice(-MAX_PATH) });
    }
  }
  return found;
}

function isJson(contentType: string | undefined): boolean {
  const [type, ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  return (
    type === 'application/json' &&
    parameters.every(
      (parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter),
    )
  );
}

function tooLarge(request: IncomingMessage): ClusterError {
  drain(request);
  return new ClusterError('too_large', `the body is larger than ${MAX_BODY_BYTES} bytes`);
}

/** Closing at once would reset the connection, and the sender might lose the answer that says why. */
function drain(request: IncomingMessage): void {
  const cut = setTimeout(() => request.socket.destroy(), DRAIN_MS);
  request.once('close', () => clearTimeout(cut));
  request.resume();
}
