/**
 * In Grafana's place where there is no Grafana: answers /api/health, under GF_SERVER_ROOT_URL's path too, and keeps
 * a file in its volume, grafana.db, in which it counts its starts. Nothing of Grafana is tested by it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const FILE = '/var/lib/grafana/grafana.db';
const starts = (existsSync(FILE) ? Number(readFileSync(FILE, 'utf8')) : 0) + 1;
writeFileSync(FILE, `${starts}\n`);
const server = createServer((request, response) => {
  const healthy = /\/api\/health$/.test(request.url ?? '');
  response.writeHead(healthy ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ database: 'ok', version: 'stand-in', starts, path: request.url }));
});
server.listen(3000);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
