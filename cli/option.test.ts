import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpLine, parseArguments, Settings, suggestion, UsageError, type Option } from './option.ts';
import * as options from './options.ts';

const PORT: Option<number> = {
  flag: 'port',
  env: 'PORT',
  value: 'N',
  help: 'a port',
  fallback: 7,
  parse(text) {
    if (!/^\d+$/.test(text)) throw new Error('a port');
    return Number(text);
  },
};
const LOUD: Option<boolean> = {
  flag: 'loud',
  help: 'noise',
  fallback: false,
  parse: (text) => text === 'true',
};
const both = [PORT, LOUD];

test('flags with a value, with =, switches, and the rest', () => {
  const read = (args: string[]) => {
    const { flags, positionals } = parseArguments(args, both);
    return { ...Object.fromEntries(flags), rest: positionals.join(' ') };
  };
  assert.deepEqual(read(['a', '--port', '5', 'b', '--loud']), { port: '5', loud: 'true', rest: 'a b' });
  assert.deepEqual(read(['--port=5', '--loud=false']), { port: '5', loud: 'false', rest: '' });
  assert.deepEqual(read(['--port', '-5']), { port: '-5', rest: '' });
  assert.deepEqual(read(['--port=']), { port: '', rest: '' });
  assert.deepEqual(read(['--', '--port', '-']), { rest: '--port -' });
});

test('what cannot be meant is refused with what to do', () => {
  const refused: [string[], RegExp][] = [
    [['--prot', '5'], /no option --prot; did you mean --port\?/],
    [['--port'], /--port needs a value: --port N/],
    [['--port', '--loud'], /--port needs a value/],
    [['--port', '5', '--port', '6'], /--port is given twice/],
    [['-p', '5'], /no option -p/],
    [['-port', '5'], /no option -port/],
  ];
  for (const [args, message] of refused) {
    assert.throws(
      () => parseArguments(args, both),
      (error) => error instanceof UsageError && message.test(error.message),
      args.join(' '),
    );
  }
});

test('a flag wins over the environment, that over the default; empty variables are not set', () => {
  const get = (flags: [string, string][], env: Record<string, string>) =>
    new Settings(new Map(flags), env).get(PORT);
  assert.equal(get([['port', '1']], { PORT: '2' }), 1);
  assert.equal(get([], { PORT: '2' }), 2);
  assert.equal(get([], { PORT: '' }), 7);
  assert.equal(get([], {}), 7);
});

test('a bad value names where it came from and what is expected', () => {
  assert.throws(
    () => new Settings(new Map([['port', 'x']]), {}).get(PORT),
    /^UsageError: --port="x" .* expected a port$/,
  );
  assert.throws(
    () => new Settings(new Map(), { PORT: 'x' }).get(PORT),
    /^UsageError: PORT="x" .* expected a port$/,
  );
});

test('suggestions are near, or none', () => {
  assert.equal(suggestion('stauts', ['status', 'submit']), '; did you mean --status?');
  assert.equal(suggestion('coord', ['coordinator'], ''), '; did you mean coordinator?');
  assert.equal(suggestion('xyzzy', ['status', 'submit']), '');
});

function isOption(value: unknown): value is Option<unknown> {
  return typeof value === 'object' && value !== null && 'flag' in value && 'fallback' in value;
}
const exported: readonly unknown[] = Object.values(options);
const declared = exported.filter(isOption);

test('the environment of the public interface is declared, with its defaults', () => {
  const byVariable = new Map(declared.map((option) => [option.env, option]));
  const defaults: Record<string, unknown> = {
    HOST: '127.0.0.1',
    COORDINATOR_PORT: 3000,
    METRICS_PORT: 9090,
    DATA_DIR: './data',
    STORE_URL: undefined,
    STORE_URL_FILE: undefined,
    COORDINATOR_URL: undefined,
    NODE_TYPE: undefined,
    NODE_ID: undefined,
    NODE_TAGS: [],
    NODE_PRIORITY: 0,
    NODE_GPU_MEMORY_MB: undefined,
    GPU_ENABLED: 'auto',
    WORKER_PORT: 0,
    GPU_DEVICES: undefined,
    GPU_BATCH_SIZE: undefined,
    CLUSTER_SIZE: undefined,
    LOG_LEVEL: 'info',
  };
  for (const [name, fallback] of Object.entries(defaults)) {
    assert.deepEqual(byVariable.get(name)?.fallback, fallback, name);
  }
  assert.ok(Number(byVariable.get('WORKER_THREADS')?.fallback) >= 1);
});

test('every option has a help line, and no command has two options of one name', () => {
  for (const option of declared) {
    const name = option.secret === true ? `${option.env ?? '?'}=` : `--${option.flag}`;
    assert.match(helpLine(option), new RegExp(`^  ${name}`));
    assert.ok(option.help.length > 3, option.flag);
  }
  for (const group of [options.SERVICE_OPTIONS, options.WORKER_OPTIONS]) {
    assert.equal(new Set(group.map(({ flag }) => flag)).size, group.length);
  }
});

test('values that are taken, and values that are not', () => {
  const read = (option: Option<unknown>, text: string) => option.parse(text);
  const taken: [Option<unknown>, string, unknown][] = [
    [options.COORDINATOR_PORT, '0', 0],
    [options.COORDINATOR_PORT, '65535', 65535],
    [options.HOST, '::1', '::1'],
    [options.HOST, 'node-1.example', 'node-1.example'],
    [options.COORDINATOR_URL, 'http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    [options.COORDINATOR_URL, 'coordinator:3000', 'http://coordinator:3000'],
    [options.COORDINATOR_URL, 'https://example.org', 'https://example.org'],
    [options.PUBLIC_URL, 'https://cluster.example.org/', 'https://cluster.example.org'],
    [options.PUBLIC_URL, 'http://10.0.0.7:3000', 'http://10.0.0.7:3000'],
    [options.NODE_TAGS, 'a, zone=b ,', ['a', 'zone=b']],
    [options.NODE_PRIORITY, '-100', -100],
    [options.GPU_DEVICES, 'all', undefined],
    [options.GPU_DEVICES, '0,2', [0, 2]],
    [options.GPU_BATCH_SIZE, '2^30', 2 ** 30],
    [options.GPU_BATCH_SIZE, '1e9', 1e9],
    [
      options.ALLOWED_ORIGINS,
      'https://a.example,http://b.example:8080',
      ['https://a.example', 'http://b.example:8080'],
    ],
  ];
  for (const [option, text, value] of taken)
    assert.deepEqual(read(option, text), value, `${option.flag} ${text}`);
  const refused: [Option<unknown>, string][] = [
    ...['-1', '65536', '3000.5', '1e3', 'http', ' 1'].map((text): [Option<unknown>, string] => [
      options.COORDINATOR_PORT,
      text,
    ]),
    [options.HOST, ''],
    [options.HOST, 'a b'],
    [options.COORDINATOR_URL, 'ftp://a'],
    [options.COORDINATOR_URL, 'http://a/b'],
    [options.COORDINATOR_URL, 'http://user:word@a'],
    [options.COORDINATOR_URL, 'http://'],
    ...['cluster.example.org', 'ftp://a', 'https://a/b', 'https://a/?q', 'https://me@a', '"><script>'].map(
      (text): [Option<unknown>, string] => [options.PUBLIC_URL, text],
    ),
    [options.NODE_ID, '-a'],
    [options.NODE_ID, 'a'.repeat(65)],
    [options.NODE_TAGS, 'a b'],
    [options.NODE_PRIORITY, '101'],
    [options.NODE_PRIORITY, '1.5'],
    [options.NODE_TYPE, 'boss'],
    [options.GPU_ENABLED, 'yes'],
    [options.GPU_DEVICES, '-1'],
    [options.WORKER_THREADS, '-1'],
    [options.WORKER_THREADS, 'two'],
    [options.CLUSTER_SIZE, '0'],
    [options.LOG_LEVEL, 'loud'],
    [options.ALLOWED_ORIGINS, 'https://a.example/path'],
  ];
  for (const [option, text] of refused) assert.throws(() => read(option, text), `${option.flag} ${text}`);
});
