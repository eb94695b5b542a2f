/**
 * The health check of the containers: `node health-check.mjs URL` ends with 0 if URL answers 200, else with 1 and the
 * reason. Plain JavaScript without imports beyond node:http, since it is started every few seconds: 50 ms of CPU time.
 */
import { get } from 'node:http';

const TIMEOUT_MS = 4000;

const fail = (reason) => {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
};

const url = process.argv[2];
if (url === undefined) fail('usage: node health-check.mjs URL');
const request = get(url, { timeout: TIMEOUT_MS }, (response) => {
  response.resume();
  if (response.statusCode === 200) process.exit(0);
  fail(`${url} answers ${response.statusCode}`);
});
request.on('timeout', () => fail(`${url} did not answer within ${TIMEOUT_MS / 1000} s`));
request.on('error', (error) => fail(`${url}: ${error.message}`));
