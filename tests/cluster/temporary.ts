/** Folders that go with the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ending } from './processes.ts';

export function temporaryFolder(ending: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'threads-cluster-'));
  ending.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
