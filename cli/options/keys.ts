/** Options of keys and of the audit log. */
import {
  AUDIT_ACTIONS,
  MAX_KEY_DAYS,
  ROLES,
  userName,
  type AuditAction,
  type Role,
} from '../../protocol/access.ts';
import type { Option } from '../option.ts';
import { knownBy, oneOf, whole } from './values.ts';

export const USER: Option<string | undefined> = {
  flag: 'user',
  value: 'NAME',
  help: 'whose key it is: jobs submitted with it are theirs',
  fallback: undefined,
  parse: knownBy(userName),
};
export const ROLE: Option<Role | undefined> = {
  flag: 'role',
  value: 'ROLE',
  help: ROLES.join(', '),
  fallback: undefined,
  parse: oneOf(ROLES),
};
export const DAYS: Option<number | undefined> = {
  flag: 'days',
  value: 'N',
  help: 'until it expires',
  shown: 'never',
  fallback: undefined,
  parse: whole(1, MAX_KEY_DAYS),
};
export const USER_FILTER: Option<string | undefined> = {
  flag: 'user',
  value: 'NAME',
  help: 'only what this user did',
  fallback: undefined,
  parse: knownBy(userName),
};
export const ACTION_FILTER: Option<AuditAction | undefined> = {
  flag: 'action',
  value: 'ACTION',
  help: AUDIT_ACTIONS.join(', '),
  fallback: undefined,
  parse: oneOf(AUDIT_ACTIONS),
};
export const TARGET_FILTER: Option<string | undefined> = {
  flag: 'target',
  value: 'ID',
  help: 'only what was done to this job, node or key',
  fallback: undefined,
  parse: (text) => text,
};
export const ALL: Option<boolean> = {
  flag: 'all',
  help: 'to the beginning, oldest page last: for an export with --json',
  fallback: false,
  parse: (text) => text === 'true',
};
