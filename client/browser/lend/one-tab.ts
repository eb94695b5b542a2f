/**
 * One tab of a browser contributes: two would share one device, each slowing the other. A Web Lock is the
 * claim, so that a tab which crashes loses it. Addresses without a secure context have no Web Locks: there
 * every tab may.
 */

const NAME = 'threads-cluster-contribution';

type Locks = Pick<LockManager, 'request'>;

function locksOfBrowser(): Locks | undefined {
  return 'locks' in navigator ? navigator.locks : undefined;
}

/** @returns how to give the claim back; undefined: another tab of this browser contributes */
export function claimTab(locks: Locks | undefined = locksOfBrowser()): Promise<(() => void) | undefined> {
  if (locks === undefined) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    locks
      .request(NAME, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        // The lock is held until this promise is settled.
        return new Promise<void>((release) => {
          resolve(() => release());
        });
      })
      .catch(reject);
  });
}

/**
 * Waits until no other tab contributes. It claims nothing: several tabs may wait, and the first to claim gets it.
 * @param signal ends the waiting
 * @returns whether the other tab has ended; false: the signal came first
 */
export async function otherTabEnded(
  signal: AbortSignal,
  locks: Locks | undefined = locksOfBrowser(),
): Promise<boolean> {
  if (signal.aborted) return false;
  if (locks === undefined) return true;
  try {
    await locks.request(NAME, { signal }, () => undefined);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
