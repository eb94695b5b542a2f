import { postgresSuite } from '../../../tests/setup/postgres-suite.ts';
import { storeConformance } from '../store-conformance.ts';
import { openPostgresStore } from './store.ts';

await postgresSuite('the store on PostgreSQL', ({ newDatabase }) => {
  storeConformance('postgres', () => {
    const database = newDatabase();
    return { open: async () => openPostgresStore(await database) };
  });
});
