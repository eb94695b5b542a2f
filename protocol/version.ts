/**
 * The version of the agreement between coordinator and workers, with its history.
 *
 * Raise it whenever a message, a lease or an aggregate changes in a way that an older peer would misread.
 * `protocol/version.test.ts` hashes all schemas (`schemas`): a change of them without a new line here fails.
 * A worker of another version is refused at the handshake with `protocol_mismatch` (a page then reloads).
 */
export const PROTOCOL_HISTORY = [
  {
    version: 1,
    date: '2026-11-22',
    schemas: '1c1b268f2bf1d987',
    change: 'First version: collatz and thread, leases with signed tokens.',
  },
] as const;

export const PROTOCOL_VERSION: number = PROTOCOL_HISTORY[PROTOCOL_HISTORY.length - 1]?.version ?? 0;
