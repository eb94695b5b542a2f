/** The embedded store alone: how fast it makes results durable, one at a time and in groups. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../coordinator/store/sqlite.ts';
import type { Change, Store } from '../../coordinator/store/store.ts';
import type { Report } from '../report.ts';

const GROUPS = [1, 16, 256];
/** About that of a batch of statistics. */
const AGGREGATE = JSON.stringify({ histogram: Array.from({ length: 250 }, (_, i) => String(i)) });

export async function benchStore(seconds: number, signal: AbortSignal): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'threads-bench-'));
  try {
    const store = await openSqliteStore(folder);
    try {
      await store.commit([job(), { kind: 'segment_claimed', jobId: 'bench', range: RANGE }]);
      const figures = [];
      let seq = 1;
      for (const group of GROUPS) {
        const { commits, next } = await commitFor(store, group, seq, seconds, signal);
        seq = next;
        figures.push({
          what: `results durable, ${group} a commit`,
          value: (commits * group) / seconds,
          unit: '/s',
          note: `${((seconds / commits) * 1000).toFixed(2)} ms a commit, of ${AGGREGATE.length} bytes a result`,
        });
      }
      return { title: 'Embedded store (SQLite, WAL, synchronous FULL)', figures };
    } finally {
      await store.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const RANGE = { start: 0n, end: 2n ** 60n };

function job(): Change {
  return {
    kind: 'job_added',
    record: {
      id: 'bench',
      seq: 1,
      type: 'collatz',
      workloadVersion: 1,
      parameters: {},
      name: null,
      priority: 'normal',
      gpuPreferred: false,
      placement: {},
      range: RANGE,
      createdAt: Date.now(),
      idempotency: null,
      userId: null,
      expectedSeconds: null,
      maxAttempts: 20,
    },
  };
}

async function commitFor(
  store: Store,
  group: number,
  first: number,
  seconds: number,
  signal: AbortSignal,
): Promise<{ commits: number; next: number }> {
  const until = performance.now() + seconds * 1000;
  let commits = 0;
  let seq = first;
  while (performance.now() < until) {
    signal.throwIfAborted();
    const changes = Array.from({ length: group }, (): Change => {
      const start = BigInt(seq) * 64n;
      seq += 1;
      return {
        kind: 'result_accepted',
        result: {
          jobId: 'bench',
          range: { start, end: start + 64n },
          aggregate: AGGREGATE,
          digest: 'bench',
          nodeId: 'bench',
        },
      };
    });
    await store.commit(changes);
    commits += 1;
  }
  return { commits, next: seq };
}
