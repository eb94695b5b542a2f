import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterError, ERROR_CODES, ERROR_KINDS, isErrorCode } from './errors.ts';
import { errorBody } from './http.ts';
import { wireError } from './messages.ts';
import { errorBodyOf, wireErrorOf } from './problems.ts';

test('every kind has an error status of HTTP and says whether to retry', () => {
  assert.equal(ERROR_CODES.length, Object.keys(ERROR_KINDS).length);
  for (const code of ERROR_CODES) {
    const error = new ClusterError(code, 'what is wrong');
    assert.ok(error.status >= 400 && error.status <= 599, code);
    assert.equal(error.retry, ERROR_KINDS[code].retry);
  }
});

test('every kind crosses HTTP and the socket by its schema', () => {
  for (const code of ERROR_CODES) {
    const fields = [{ path: 'parameters.start', message: 'expected a number' }];
    const error = new ClusterError(code, 'what is wrong', { fields });
    assert.deepEqual(errorBody.parse(errorBodyOf(error)).error, {
      code,
      message: 'what is wrong',
      details: { fields },
    });
    assert.deepEqual(wireError.parse(wireErrorOf(error)), {
      code,
      message: 'what is wrong',
      retry: ERROR_KINDS[code].retry,
    });
    assert.equal(errorBodyOf(new ClusterError(code, 'x')).error.details, null);
  }
});

test('names of Object.prototype are no error codes', () => {
  for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', '']) {
    assert.equal(isErrorCode(name), false, name);
  }
});
