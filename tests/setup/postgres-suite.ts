/** Tests that share one real PostgreSQL, with a database for each; skipped by name where there is none. */
import { after, before, suite } from 'node:test';
import { providePostgres, startPostgres, type PostgresOptions, type RunningPostgres } from './postgres.ts';

export interface SharedPostgres {
  /** Once a test runs. */
  server(): RunningPostgres;
  /** The address of a new, empty database. */
  newDatabase(): Promise<string>;
}

export async function postgresSuite(
  name: string,
  tests: (shared: SharedPostgres) => void,
  options: PostgresOptions = {},
): Promise<void> {
  const missing = await providePostgres();
  suite(name, { skip: missing ?? false, timeout: 600_000 }, () => {
    const ends: (() => Promise<void>)[] = [];
    let started: RunningPostgres | undefined;
    let databases = 0;
    const server = () => {
      if (started === undefined) throw new Error('the server is there once a test runs');
      return started;
    };
    before(async () => {
      started = await startPostgres({ after: (end) => void ends.push(end) }, options);
    });
    after(async () => {
      for (const end of ends.toReversed()) await end();
    });
    tests({
      server,
      newDatabase: () => {
        databases += 1;
        return server().createDatabase(`cluster_${databases}`);
      },
    });
  });
}
