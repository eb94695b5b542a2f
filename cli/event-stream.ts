/** Reads server-sent events (WHATWG HTML, 9.2.6). */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** A coordinator's largest event is a result of about 100 KB. */
const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/** @throws whatever the stream throws; RangeError for an event without end */
export async function* readEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let event = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n') };
        event = '';
        data = [];
        size = 0;
        continue;
      }
      size += line.length;
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    if (size + rest.length > MAX_EVENT_CHARACTERS) throw new RangeError('an event without end');
  }
}
