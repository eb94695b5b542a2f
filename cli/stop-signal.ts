/** How a service learns that it is to stop. */

/**
 * npm passes a Ctrl-C on to the command that the terminal has sent it to already, so two signals within this
 * time are one.
 */
const SAME_MS = 400;

export interface StopSignal {
  /** Resolves at the first SIGINT, SIGTERM or SIGHUP, or when the process that started this one is gone. */
  readonly stopped: Promise<string>;
  /** Gives the signals back to their defaults. */
  release(): void;
}

/** @param onForce the user has asked a second time */
export function stopSignal(onForce: () => void): StopSignal {
  let firstAt: number | undefined;
  let resolve: (reason: string) => void = () => undefined;
  const stopped = new Promise<string>((done) => {
    resolve = done;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      resolve(signal);
    } else if (performance.now() - firstAt > SAME_MS) onForce();
  };
  const onDisconnect = () => {
    firstAt ??= performance.now();
    resolve('the process that started this one has ended');
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, onSignal);
  if (process.channel !== undefined) {
    process.on('disconnect', onDisconnect);
    // Listening must not keep the process alive once its work is done.
    process.channel?.unref();
  }
  return {
    stopped,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
      process.off('disconnect', onDisconnect);
    },
  };
}
