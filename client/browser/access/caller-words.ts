/** What a key is good for, in words. */
import type { CallerStatus } from '../../../protocol/access.ts';

const STEER: Readonly<Record<CallerStatus['may']['steer'], string>> = {
  all: 'pause or cancel any job',
  own: 'pause or cancel your own jobs',
  none: 'pause or cancel jobs',
};

/** `With it you may read and submit jobs. You may not contribute.` */
export function mayWords({ kind, role, may }: Pick<CallerStatus, 'kind' | 'role' | 'may'>): string {
  const own = role === 'worker' || role === 'admin';
  const all: readonly (readonly [allowed: boolean, what: string])[] = [
    [may.read, 'read'],
    [may.volunteer, own ? 'contribute as the cluster’s own' : 'contribute'],
    [may.submit, 'submit jobs'],
    [may.steer !== 'none', STEER[may.steer]],
    [may.administer, 'make keys'],
  ];
  const can = all.filter(([allowed]) => allowed).map(([, what]) => what);
  const cannot = all.filter(([allowed]) => !allowed).map(([, what]) => what);
  const given = kind === 'key' ? 'With it' : 'Without a key';
  if (can.length === 0) return `${given} you may do nothing here.`;
  const not = cannot.length === 0 ? '' : ` You may not ${listed(cannot, 'or')}.`;
  return `${given} you may ${listed(can, 'and')}.${not}`;
}

function listed(parts: readonly string[], last: 'and' | 'or'): string {
  if (parts.length <= 2) return parts.join(` ${last} `);
  return `${parts.slice(0, -1).join(', ')}, ${last} ${parts.at(-1) ?? ''}`;
}
