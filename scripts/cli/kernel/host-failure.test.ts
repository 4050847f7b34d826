import { expect, test } from '@jest/globals';
import { exitOf, PolybError } from '../../../contracts/kit/errors.ts';
import { failureOf, hostFailure } from './host-failure.ts';

const failed = (message: string, facts: object) => Object.assign(new Error(message), facts);

test.each([
  ['a write', failed('ENOSPC: no space left on device, write', { code: 'ENOSPC', syscall: 'write' }), 'The disk is full; free some space'],
  ['a file', failed('ENOSPC: no space', { code: 'ENOSPC', path: '/data/x' }), 'The disk is full: /data/x could not be written'],
  [
    'a child process',
    failed('Command failed: initdb', { code: 1, stderr: 'could not extend file: No space left on device' }),
    'The disk is full',
  ],
])('%s on a full disk fails with disk_full', (_, thrown, said) => {
  expect(hostFailure(thrown)).toMatchObject({ code: 'unavailable', reason: 'disk_full', message: expect.stringContaining(said) });
});

test.each([
  [
    'a system call',
    failed('EACCES: permission denied, mkdir', { code: 'EACCES', path: '/root/.pm2' }),
    '/root/.pm2 cannot be used (EACCES)',
  ],
  [
    'a child process',
    failed("[PM2][ERROR] Error: EROFS: read-only file system, mkdir '/home/a/.pm2'", {}),
    '/home/a/.pm2 cannot be used (EROFS)',
  ],
])('%s without access fails with not_writable and the path', (_, thrown, said) => {
  expect(hostFailure(thrown)).toMatchObject({
    code: 'failed_precondition',
    reason: 'not_writable',
    message: expect.stringContaining(said),
  });
});

test('an aborted operation fails with the reason of the stop, an unknown error as a defect', () => {
  const stopped = AbortSignal.abort(new PolybError('cancelled', 'stopped by SIGINT'));
  const aborted = failed('The operation was aborted\n60 lines of initdb', { name: 'AbortError', code: 'ABORT_ERR' });
  expect(exitOf(failureOf(aborted, stopped))).toBe(130);
  expect(failureOf(aborted, stopped).message).toBe('stopped by SIGINT');
  const { signal } = new AbortController();
  expect(failureOf(new TypeError('x is not a function\n    at …'), signal).message).toBe('Defect of the command line: x is not a function');
});
