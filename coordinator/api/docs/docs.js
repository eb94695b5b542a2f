// @ts-check
/* global document, location, performance, fetch, URLSearchParams, EventSource, HTMLDetailsElement */
/**
 * Shows /openapi.json and lets each operation be tried. Everything is put into the page as text, never as
 * HTML, so nothing that the API says can become markup.
 */

/**
 * @typedef {{ type?: string | string[], enum?: unknown[], const?: unknown, properties?: Record<string, Schema>,
 *   required?: string[], items?: Schema, oneOf?: Schema[], anyOf?: Schema[], description?: string,
 *   default?: unknown, minimum?: number, maximum?: number, pattern?: string, format?: string,
 *   'x-events'?: Record<string, Schema> }} Schema
 * @typedef {{ name: string, in: string, description?: string, schema: Schema }} Parameter
 * @typedef {{ description?: string, content?: Record<string, { schema?: Schema }> }} Body
 * @typedef {{ summary: string, operationId: string, parameters?: Parameter[], requestBody?: Body,
 *   responses: Record<string, Body> }} Operation
 * @typedef {{ info: { version: string, description: string }, paths: Record<string, Record<string, Operation>> }} Description
 */

const EVENTS_KEPT = 20;

/** What the body field starts with: a small job of each workload. */
const EXAMPLES = [
  { type: 'collatz', name: 'first million', parameters: { start: '1', end: '1000000' } },
  { type: 'thread', name: 'a thousand programs', parameters: { thread_count: 1000, seed: '0' } },
];

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** @param {Schema} schema @returns {string} */
function typeOf(schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants !== undefined) return [...new Set(variants.map(typeOf))].join(' | ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.format !== undefined) return schema.format;
  return Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
}

/**
 * One row per field, nested ones with a dotted name.
 * @param {Schema} schema @param {string} prefix @returns {HTMLTableRowElement[]}
 */
function fieldRows(schema, prefix) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const needed = schema.required?.includes(name) === true && field.default === undefined;
    const notes = [
      needed ? '' : field.default === undefined ? 'optional' : `default ${JSON.stringify(field.default)}`,
      field.description ?? '',
    ];
    const inner = field.properties === undefined ? (field.items ?? {}) : field;
    const dotted = `${prefix}${name}`;
    return [
      make(
        'tr',
        {},
        make('td', {}, make('code', {}, dotted)),
        make('td', {}, typeOf(field)),
        make('td', {}, notes.filter((note) => note !== '').join('; ')),
      ),
      ...fieldRows(inner, `${dotted}${field.properties === undefined ? '[].' : '.'}`),
    ];
  });
}

/** @param {string} title @param {Schema} schema @returns {Node[]} */
function fields(title, schema) {
  if (schema.oneOf !== undefined) {
    return schema.oneOf.flatMap((one) =>
      fields(`${title}: ${String(one.properties?.['type']?.const ?? '')}`, one),
    );
  }
  const rows = fieldRows(schema, '');
  if (rows.length === 0) return [];
  return [
    make('h2', {}, title),
    make('div', { class: 'fields' }, make('table', {}, make('tbody', {}, ...rows))),
  ];
}

/** @param {Operation} operation @returns {Schema} */
function replySchema(operation) {
  const [good] = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
  const content = good?.[1].content ?? {};
  return content['application/json']?.schema ?? {};
}

/** @param {string} text @returns {string} */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * Inputs of an operation and what they stand for.
 * @param {string} method @param {string} path @param {Operation} operation
 */
function form(method, path, operation) {
  const element = make('form');
  /** @type {[Parameter, HTMLInputElement][]} */
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const input = make('input', { name: parameter.name, autocomplete: 'off', spellcheck: 'false' });
    if (parameter.in === 'path') input.required = true;
    if (parameter.schema.default !== undefined) input.placeholder = String(parameter.schema.default);
    const note =
      parameter.description ?? (parameter.schema.enum === undefined ? '' : typeOf(parameter.schema));
    element.append(make('label', {}, `${parameter.name}${note === '' ? '' : ` · ${note}`}`, input));
    return [parameter, input];
  });
  /** @type {HTMLTextAreaElement | undefined} */
  let body;
  if (operation.requestBody !== undefined) {
    body = make('textarea', { rows: '10', spellcheck: 'false', name: 'body' });
    const area = body;
    area.value = JSON.stringify(EXAMPLES[0], null, 2);
    element.append(make('label', {}, 'Body', area));
    for (const example of EXAMPLES) {
      const fill = make('button', { type: 'button', class: 'quiet' }, `Example: ${example.type}`);
      fill.addEventListener('click', () => (area.value = JSON.stringify(example, null, 2)));
      element.append(fill);
    }
  }
  const request = () => {
    let target = path;
    const query = new URLSearchParams();
    /** @type {Record<string, string>} */
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    for (const [parameter, input] of inputs) {
      if (input.value === '') continue;
      if (parameter.in === 'path')
        target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === 'query') query.set(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    const address = query.size === 0 ? target : `${target}?${query.toString()}`;
    return {
      address,
      init: { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body: body.value }) },
    };
  };
  return { element, request };
}

/** @param {ReturnType<ReturnType<typeof form>['request']>} request @returns {string} */
function curl({ address, init }) {
  /** @param {string} text */
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ['curl', ...(init.method === 'GET' ? [] : ['-X', init.method])];
  for (const [name, value] of Object.entries(init.headers)) parts.push('-H', quoted(`${name}: ${value}`));
  if ('body' in init && init.body !== undefined) parts.push('-d', quoted(init.body));
  return [...parts, quoted(new URL(address, location.href).href)].join(' ');
}

/** @param {string} method @param {string} path @param {Operation} operation @returns {HTMLElement} */
function section(method, path, operation) {
  const { element, request } = form(method, path, operation);
  const events = operation.responses['200']?.content?.['text/event-stream']?.schema?.['x-events'];
  const output = make('div', { 'aria-live': 'polite' });
  element.append(make('button', { type: 'submit' }, events === undefined ? 'Send' : 'Watch'));
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const asked = request();
    output.replaceChildren(make('h2', {}, 'As a command'), make('pre', {}, curl(asked)));
    if (events === undefined) void send(asked, output);
    else watch(asked.address, Object.keys(events), output);
  });
  const errors = Object.entries(operation.responses).filter(([status]) => !status.startsWith('2'));
  const inside = make(
    'div',
    { class: 'inside' },
    element,
    output,
    ...fields('Takes', operation.requestBody?.content?.['application/json']?.schema ?? {}),
    ...fields('Gives', replySchema(operation)),
    make('h2', {}, 'Errors'),
    make('p', {}, errors.map(([status, body]) => `${status}: ${body.description ?? ''}`).join(' · ')),
  );
  const summary = make(
    'summary',
    {},
    make('span', { class: `method ${method}` }, method.toUpperCase()),
    make('span', { class: 'path' }, path),
    make('span', { class: 'what' }, operation.summary),
  );
  return make('details', { id: operation.operationId }, summary, inside);
}

/** @param {ReturnType<ReturnType<typeof form>['request']>} asked @param {HTMLElement} output */
async function send(asked, output) {
  const started = performance.now();
  try {
    const reply = await fetch(asked.address, asked.init);
    const text = await reply.text();
    const ms = Math.round(performance.now() - started);
    const state = make('span', { class: reply.ok ? 'good' : 'bad' }, `${reply.status} ${reply.statusText}`);
    output.append(make('h2', {}, state, ` after ${ms} ms`), make('pre', {}, pretty(text)));
  } catch {
    output.append(make('p', { class: 'bad' }, 'The coordinator cannot be reached: is it running?'));
  }
}

/** @param {string} address @param {readonly string[]} names of the events @param {HTMLElement} output */
function watch(address, names, output) {
  const source = new EventSource(address);
  const stop = make('button', { type: 'button', class: 'quiet' }, 'Stop');
  const list = make('div');
  output.append(stop, list);
  /** @param {string} text */
  const end = (text) => {
    source.close();
    stop.replaceWith(make('p', {}, text));
  };
  stop.addEventListener('click', () => end('Stopped.'));
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED)
      end('No events: is what you asked for right, and is there a job with this id?');
  });
  for (const name of names) {
    source.addEventListener(name, (event) => {
      list.prepend(
        make('h2', {}, `${name} ${event.lastEventId}`),
        make('pre', {}, pretty(String(event.data))),
      );
      while (list.childNodes.length > 2 * EVENTS_KEPT) list.lastChild?.remove();
      if (name === 'end') end('The job is over.');
    });
  }
}

async function main() {
  const reply = await fetch('/openapi.json');
  /** @type {Description} */
  const description = await reply.json();
  byId('about').textContent = `${description.info.description} Version ${description.info.version}.`;
  const operations = byId('operations');
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods))
      operations.append(section(method, path, operation));
  }
  const chosen = document.getElementById(location.hash.slice(1));
  if (chosen instanceof HTMLDetailsElement) chosen.open = true;
}

main().catch(() => {
  byId('about').textContent = 'The description could not be loaded: is the coordinator running?';
});
