/**
 * A coordinator that has failed in a way nobody foresaw ends: what was acknowledged is in the store, a restart
 * is safe, and going on with half-changed memory is not.
 */
import type { Log } from './log.ts';

/** @returns takes the handlers away again */
export function exitOnCrash(log: Log): () => void {
  const crashed = (error: unknown): void => {
    log.fatal(
      { err: error },
      'the coordinator has failed and stops; start it again, nothing acknowledged is lost',
    );
    process.exit(1);
  };
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  return () => {
    process.off('uncaughtException', crashed);
    process.off('unhandledRejection', crashed);
  };
}
