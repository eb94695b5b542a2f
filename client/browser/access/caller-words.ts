/** What a key is good for, in words. */
import type { CallerStatus } from '../../../protocol/access.ts';

type May = CallerStatus['may'];

const STEER: Readonly<Record<Exclude<May['steer'], 'none'>, string>> = {
  all: 'pause, resume and cancel every job',
  own: 'pause, resume and cancel your own jobs',
};

/** `With it you may read, submit jobs and …. You may not contribute.` */
export function mayWords({ kind, role, may }: Pick<CallerStatus, 'kind' | 'role' | 'may'>): string {
  const own = role === 'worker' || role === 'admin';
  const all: readonly (readonly [allowed: boolean, what: string])[] = [
    [may.read, 'read'],
    [may.volunteer, own && may.volunteer ? 'contribute as the cluster’s own' : 'contribute'],
    [may.submit, 'submit jobs'],
    [may.steer !== 'none', may.steer === 'none' ? 'steer jobs' : STEER[may.steer]],
    [may.administer, 'make keys'],
  ];
  const can = all.filter(([allowed]) => allowed).map(([, what]) => what);
  const cannot = all.filter(([allowed]) => !allowed).map(([, what]) => what);
  const with_ = kind === 'key' ? 'With it' : 'Without a key';
  if (can.length === 0) return `${with_} you may do nothing here.`;
  const not = cannot.length === 0 ? '' : ` You may not ${listed(cannot, 'or')}.`;
  return `${with_} you may ${listed(can, 'and')}.${not}`;
}

function listed(parts: readonly string[], last: 'and' | 'or'): string {
  if (parts.length <= 1) return parts.join('');
  return `${parts.slice(0, -1).join('; ')}${parts.length > 2 ? ';' : ''} ${last} ${parts.at(-1) ?? ''}`;
}
