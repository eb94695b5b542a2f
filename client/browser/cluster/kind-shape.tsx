/** ● browser GPU, ■ server GPU, ▲ CPU: told apart by shape as well as by colour. */
import type { WorkerKind } from '../../../protocol/messages.ts';

const COLOURS: Readonly<Record<WorkerKind, string>> = {
  'browser-gpu': 'var(--c0)',
  'node-gpu': 'var(--c1)',
  cpu: 'var(--c2)',
};

export function kindColour(kind: WorkerKind, own = false): string {
  return own ? 'var(--c3)' : COLOURS[kind];
}

export function KindShape({ kind, own = false }: { readonly kind: WorkerKind; readonly own?: boolean }) {
  const fill = kindColour(kind, own);
  return (
    <svg class="kind-shape" aria-hidden="true" width="12" height="12" viewBox="0 0 12 12" fill={fill}>
      {kind === 'browser-gpu' ? (
        <circle cx="6" cy="6" r="5.5" />
      ) : kind === 'node-gpu' ? (
        <rect x="1" y="1" width="10" height="10" />
      ) : (
        <path d="M6 .5 12 11.5H0z" />
      )}
    </svg>
  );
}
