/** Options of every command. */
import type { Option } from '../option.ts';
import { switched } from './values.ts';

export const HELP: Option<boolean> = { flag: 'help', help: 'this text', fallback: false, parse: switched };
export const JSON_OUTPUT: Option<boolean> = {
  flag: 'json',
  help: 'the API’s own JSON instead of a table',
  fallback: false,
  parse: switched,
};
