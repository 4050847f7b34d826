import { expect, test } from '@jest/globals';
import { onPath, serverMissing } from './find-program.ts';

test('a missing server says what to type, where to point instead, and why unpacking failed', () => {
  const install = { debian: 'apt-get install x', macos: 'brew install x', windows: 'winget install x' };
  const missing = serverMissing('x-server', install, 'X_URL', new Error('no network'));
  const command = process.platform === 'darwin' ? install.macos : process.platform === 'win32' ? install.windows : install.debian;
  expect(missing).toMatchObject({ reason: 'server_missing', data: { server: 'x-server', install: command } });
  expect(missing.message).toBe(
    `x-server was not found (unpacking it failed: no network). Install it: ${command} — or set X_URL to a running one.`,
  );
});

test('the project’s own tools do not count as installed on the machine', () => {
  expect(onPath('biome')).toBeNull();
});
