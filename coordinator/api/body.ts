/**
 * Reads a JSON request body within a bound. Own code rather than express.json(): that reads a too large body
 * to its end before it answers, and passes by a body of another media type.
 */
import type { IncomingMessage } from 'node:http';
import { ClusterError } from '../../protocol/errors.ts';
import { MAX_BODY_BYTES } from '../../protocol/http.ts';

/** How long the rest of a refused body may keep arriving before the connection is cut. */
const DRAIN_MS = 5000;

/**
 * The parsed body; undefined if there is none.
 * @throws ClusterError too_large, unsupported_media_type, malformed
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
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ClusterError('malformed', `the body is not JSON: ${why}`);
  }
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
