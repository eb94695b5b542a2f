import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { workloads } from '../shaders/registry.ts';
import { ERROR_KINDS } from './errors.ts';
import { openApi } from './openapi.ts';
import { ROUTES } from './routes.ts';

const operation = z.object({
  summary: z.string().min(1),
  operationId: z.string(),
  parameters: z.array(z.object({ name: z.string(), in: z.enum(['path', 'query', 'header']) })).optional(),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string() })),
});
const description = z
  .object({
    openapi: z.literal('3.1.0'),
    paths: z.record(z.string(), z.record(z.string(), operation)),
  })
  .parse(JSON.parse(JSON.stringify(openApi('1.2.3', workloads.values()))));

test('every route is described, and nothing else', () => {
  const described = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replace(/\{([a-z_]+)\}/g, ':$1')}`),
  );
  assert.deepEqual(described.toSorted(), ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
});

test('every operation has its own id, its path’s parameters and its errors', () => {
  const ids = new Set<string>();
  for (const route of ROUTES) {
    const path = route.path.replace(/:([a-z_]+)/g, '{$1}');
    const found = description.paths[path]?.[route.method];
    assert.ok(found !== undefined, path);
    assert.equal(ids.has(found.operationId), false, found.operationId);
    ids.add(found.operationId);
    const inPath = (found.parameters ?? []).filter((parameter) => parameter.in === 'path');
    assert.equal(inPath.length, [...route.path.matchAll(/:/g)].length);
    for (const code of route.errors) {
      const response = found.responses[String(ERROR_KINDS[code].status)];
      assert.match(response?.description ?? '', new RegExp(code), `${path} ${code}`);
    }
  }
});

test('a submit is described for each workload, with its parameters and the Idempotency-Key', () => {
  const submit = description.paths['/api/submit']?.['post'];
  const text = JSON.stringify(submit?.requestBody);
  for (const field of ['collatz', 'thread', 'start_number', 'spawn_threshold', 'batch_size', 'mode']) {
    assert.ok(text.includes(`"${field}"`), field);
  }
  assert.ok(submit?.parameters?.some(({ name }) => name === 'Idempotency-Key'));
});

test('all references lead somewhere', () => {
  const document = openApi('1.2.3', workloads.values());
  for (const [, path = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let at: unknown = document;
    for (const part of path.split('/')) at = z.record(z.string(), z.unknown()).parse(at)[part];
    assert.ok(at !== undefined, path);
  }
});
