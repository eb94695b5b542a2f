/**
 * Reads server-sent events (HTML, "Parsing an event stream") from text that arrives in pieces of any length. Ids and
 * `retry` are left out: each event is a whole state, and when to come back the page decides.
 */
export class EventReader {
  readonly #dispatch: (name: string, data: string) => void;
  /** The line that has no end yet. */
  #rest = '';
  #name = '';
  #data: string[] = [];
  /** The last piece ended with a carriage return: a line feed that follows belongs to it. */
  #afterReturn = false;
  #begun = false;

  constructor(dispatch: (name: string, data: string) => void) {
    this.#dispatch = dispatch;
  }

  push(piece: string): void {
    let text = piece;
    if (text === '') return;
    if (!this.#begun && text.startsWith('\uFEFF')) text = text.slice(1);
    this.#begun = true;
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
    this.#afterReturn = piece.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#dispatch(this.#name || 'message', this.#data.join('\n'));
      this.#name = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
  }
}
