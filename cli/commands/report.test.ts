/** report's ways to fail: each an exit code and a line that says what to do. tests/deploy/ has it against a real cluster. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test, type TestContext } from 'node:test';
import { run } from '../program.ts';

async function report(...args: string[]) {
  let stdout = '';
  let stderr = '';
  const code = await run(['report', ...args], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    environment: {},
  });
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /\n\s+at /);
  return { code, stderr };
}

/** Answers everything with the same text. @returns its address */
async function answering(t: TestContext, status: number, text: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

test('wrong usage is exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['--hours', '0'], /--hours="0".*0\.01 to 8784/],
    [['--hours', '-1'], /--hours="-1"/],
    [['--since', 'yesterday'], /--since="yesterday".*2026-05-01T18:30Z/],
    [['--since', '2026-02-30T99:00'], /--since=/],
    [['--since', '2999-01-01'], /yet to come/],
    [['--since', '2026-05-01', '--hours', '1'], /give one of them/],
    [['--prometheus', 'ftp://x'], /--prometheus=.*address of Prometheus/],
    [['--prometheus', 'http://u:p@x'], /without a user/],
    [['now'], /one word too many/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await report(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

test('a Prometheus that cannot be reached, or is none, is exit code 3', async (t) => {
  const nobody = await report('--prometheus', '127.0.0.1:1');
  assert.equal(nobody.code, 3);
  assert.match(nobody.stderr, /Prometheus at http:\/\/127\.0\.0\.1:1 cannot be reached .*PROMETHEUS_URL/);
  for (const text of ['<html>', '{"status":"success"}', '[]']) {
    const other = await report('--prometheus', await answering(t, 200, text));
    assert.equal(other.code, 3);
    assert.match(other.stderr, /is no Prometheus/);
  }
});

test('what Prometheus refuses is exit code 1, in its own words', async (t) => {
  const refusal = '{"status":"error","errorType":"timeout","error":"query timed out"}';
  const { code, stderr } = await report('--prometheus', await answering(t, 503, refusal));
  assert.equal(code, 1);
  assert.match(stderr, /refused: query timed out/);
});

test('a Prometheus that has seen no coordinator is exit code 1, and says where to look', async (t) => {
  const nothing = '{"status":"success","data":{"resultType":"vector","result":[]}}';
  const { code, stderr } = await report('--prometheus', await answering(t, 200, nothing), '--hours', '2');
  assert.equal(code, 1);
  assert.match(stderr, /has seen no coordinator since \d{4}-.*--hours.*\/targets/);
});
