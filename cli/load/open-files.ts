/** Each connection is a file descriptor at either end. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../option.ts';

/** Beside connections: the store, pages, Node's own. */
const OTHERS = 200;

/** @throws UsageError if this system does not let a process have so many; where it does not tell, it is tried */
export function checkOpenFiles(connections: number): void {
  const limit = hardLimit();
  if (limit === undefined || connections + OTHERS <= limit) return;
  throw new UsageError(
    `${connections} connections need ${connections + OTHERS} open files, a process here may have ${limit}: raise it (ulimit -n), or simulate fewer workers`,
  );
}

/** Node raises its own limit to this one when it starts. */
function hardLimit(): number | undefined {
  try {
    const [, hard] = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return hard === undefined ? undefined : Number(hard);
  } catch {
    return undefined;
  }
}
