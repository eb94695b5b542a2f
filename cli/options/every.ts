/** Options of every command. */
import type { Option } from '../option.ts';
import { folder, key, switched } from './values.ts';

export const HELP: Option<boolean> = { flag: 'help', help: 'this text', fallback: false, parse: switched };
export const JSON_OUTPUT: Option<boolean> = {
  flag: 'json',
  help: 'the API’s own JSON instead of a table',
  fallback: false,
  parse: switched,
};
export const API_KEY: Option<string | undefined> = {
  flag: 'api-key',
  secret: true,
  env: 'API_KEY',
  value: 'KEY',
  help: 'a key of the coordinator',
  shown: 'for a coordinator of this machine, the one in DATA_DIR',
  fallback: undefined,
  parse: key,
};
export const API_KEY_FILE: Option<string | undefined> = {
  flag: 'key-file',
  env: 'API_KEY_FILE',
  value: 'FILE',
  help: 'a file with the key, instead of API_KEY',
  fallback: undefined,
  parse: folder,
};
