/** token: the keys by which users, workers and watchers are let in. */
import type { KeyStatus } from '../../protocol/access.ts';
import { apiClient, CLIENT_OPTIONS, EXIT, note, print, printJson, wantsJson } from '../command.ts';
import type { Command, Context, ExitCode } from '../command.ts';
import { suggestion, UsageError } from '../option.ts';
import * as options from '../options.ts';
import { ago } from '../quantities.ts';
import { table, type Column } from '../table.ts';

const ACTIONS = ['create', 'list', 'revoke'] as const;

/** @param action what stands behind `token` */
export function tokenCommand(action: string | undefined): Command {
  switch (action) {
    case 'create':
      return create;
    case 'list':
      return list;
    case 'revoke':
      return revoke;
    case undefined:
    case '--help':
    case '-h':
      return overview;
    default:
      throw new UsageError(
        `token ${action} is nothing that can be done${suggestion(action, ACTIONS, '')}: create, list or revoke`,
      );
  }
}

const create: Command = {
  usage: 'token create --user NAME --role ROLE',
  about: 'Makes a key. It is printed this once: the coordinator keeps only its hash.',
  options: [options.USER, options.ROLE, options.DAYS, ...CLIENT_OPTIONS],
  takes: [0, 0],
  examples: ['token create --user ada --role submitter --days 30'],
  async run(context) {
    const { settings } = context;
    const user = settings.get(options.USER);
    const role = settings.get(options.ROLE);
    if (user === undefined || role === undefined)
      throw new UsageError('whose, and for what? --user NAME --role ROLE');
    const days = settings.get(options.DAYS);
    const reply = await apiClient(context).createKey({ user, role, ...(days === undefined ? {} : { days }) });
    if (wantsJson(context)) printJson(context, reply.json);
    else {
      print(context, reply.value.key);
      note(context, `The key ${reply.value.key_id} of ${user} (${role}). It is not shown again.`);
    }
    return EXIT.done;
  },
};

const list: Command = {
  usage: 'token list',
  about: 'Every key, without its secret.',
  options: CLIENT_OPTIONS,
  takes: [0, 0],
  async run(context) {
    const { value, json } = await apiClient(context).keys();
    if (wantsJson(context)) printJson(context, json);
    else if (value.keys.length === 0) note(context, 'There are no keys.');
    else print(context, table(value.keys, keyColumns(Date.now())));
    return EXIT.done;
  },
};

const revoke: Command = {
  usage: 'token revoke KEY_ID',
  about: 'Makes a key worthless at once, and ends the connections made with it.',
  options: CLIENT_OPTIONS,
  takes: [1, 1],
  async run(context): Promise<ExitCode> {
    const { value, json } = await apiClient(context).revokeKey(keyIdOf(context));
    if (wantsJson(context)) printJson(context, json);
    else note(context, `The key ${value.key_id} of ${value.user} (${value.role}) is revoked.`);
    return EXIT.done;
  },
};

const overview: Command = {
  usage: 'token create|list|revoke',
  about: 'Keys: `token create --user NAME --role ROLE`, `token list`, `token revoke KEY_ID`.',
  options: CLIENT_OPTIONS,
  takes: [0, 0],
  run: () => Promise.reject(new UsageError('what about keys? token create, token list or token revoke')),
};

/** A whole key is taken too: who has it in hand need not cut it up. Only its id is sent. */
function keyIdOf({ positionals }: Context): string {
  const [given = ''] = positionals;
  const [, id = given] = /^tc_([0-9a-f]{12})_/.exec(given) ?? [];
  if (/^[0-9a-f]{12}$/.test(id)) return id;
  throw new UsageError('which key? Its id has 12 hex digits: token list shows them');
}

function keyColumns(now: number): Column<KeyStatus>[] {
  const day = (time: string | null) => (time === null ? 'never' : time.slice(0, 10));
  return [
    { title: 'KEY', text: (key) => key.key_id },
    { title: 'USER', text: (key) => key.user },
    { title: 'ROLE', text: (key) => key.role },
    { title: 'STATE', text: (key) => key.state },
    { title: 'MADE', text: (key) => day(key.created_at) },
    { title: 'EXPIRES', text: (key) => day(key.expires_at) },
    { title: 'USED', text: (key) => (key.last_used_at === null ? 'never' : ago(key.last_used_at, now)) },
  ];
}
