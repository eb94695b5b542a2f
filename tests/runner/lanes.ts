/** Several tasks at a time, of which some can't run beside others. */
/**
 * Runs each task once, in their order as far as `apart` allows: a lane takes the first that may run beside what the
 * other lanes run, and waits for one of those to end if there is none.
 */
export async function runLanes<T>(
  tasks: readonly T[],
  lanes: number,
  apart: (one: T, other: T) => boolean,
  run: (task: T) => Promise<void>,
): Promise<void> {
  const queue = [...tasks];
  const running = new Map<T, Promise<void>>();
  const lane = async () => {
    while (queue.length > 0) {
      const next = queue.findIndex((task) => ![...running.keys()].some((other) => apart(task, other)));
      const [task] = next < 0 ? [] : queue.splice(next, 1);
      if (task === undefined) {
        await Promise.race(running.values());
        continue;
      }
      const done = run(task).finally(() => running.delete(task));
      running.set(task, done);
      await done;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** They make and remove network interfaces of this machine. */
const CHANGES_NETWORK = new Set([
  'tests/access/gateway.test.ts',
  'tests/deploy/docker-cluster.test.ts',
  'tests/deploy/docker-postgres.test.ts',
  'tests/deploy/images.test.ts',
]);

/** Chromium ends whatever it loads when an interface comes or goes (ERR_NETWORK_CHANGED), loopback's too. */
export function runApart(one: string, other: string): boolean {
  const changes = (name: string) => CHANGES_NETWORK.has(name);
  const browses = (name: string) => name.startsWith('tests/browser/');
  return (changes(one) && browses(other)) || (changes(other) && browses(one));
}
