/** Which checks a run consists of, as its arguments say. */
import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm test -- [--only NAME[,NAME…]] [--full] [--list] [FILE…]

  --only NAME   static (types, lint, format), unit (tests beside the code), or a folder or file of tests/,
                e.g. --only static,unit   --only browser   --only structure
  --full        the large counts of property tests and simulations (TEST_FULL=1)
  --list        print what would run
  FILE          only test files whose path contains one of these

TEST_SEED=N repeats the random choices of an earlier run.`;

export interface Selection {
  readonly statics: boolean;
  readonly files: readonly string[];
  readonly full: boolean;
  readonly list: boolean;
}

/** @throws Error whose message is for the person who typed the arguments */
export function select(args: readonly string[], testFiles: readonly string[]): Selection {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: 'string' }, full: { type: 'boolean' }, list: { type: 'boolean' } },
  });
  const names = (values.only ?? '').split(',').filter((name) => name !== '');
  const all = names.length === 0;
  const inTests = testFiles.filter((file) => file.startsWith('tests/'));
  const beside = testFiles.filter((file) => !file.startsWith('tests/'));
  const files = new Set<string>();
  for (const name of names) {
    const found = name === 'unit' ? beside : inTests.filter((file) => belongs(file, name));
    if (found.length === 0 && name !== 'static')
      throw new Error(`--only ${name}: there is no such kind of test`);
    for (const file of found) files.add(file);
  }
  const chosen = all ? testFiles : testFiles.filter((file) => files.has(file));
  const matching = chosen.filter(
    (file) => positionals.length === 0 || positionals.some((part) => file.includes(part)),
  );
  if (matching.length === 0 && positionals.length > 0) {
    throw new Error(`no test file matches ${positionals.join(', ')}`);
  }
  return {
    statics: positionals.length === 0 && (all || names.includes('static')),
    files: matching,
    full: values.full ?? false,
    list: values.list ?? false,
  };
}

/** tests/browser/page.test.ts belongs to `browser`, tests/structure.test.ts to `structure`. */
function belongs(file: string, name: string): boolean {
  const second = file.split('/')[1] ?? '';
  return second === name || second === `${name}.test.ts`;
}
