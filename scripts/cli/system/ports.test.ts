import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { portFrom } from './ports.ts';

async function listening(host: string): Promise<{ port: number; [Symbol.dispose](): void }> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, [Symbol.dispose]: () => server.close() };
}

test('a port that somebody listens on is passed over, also when he listens on all addresses', async () => {
  using one = await listening('127.0.0.1');
  using all = await listening('0.0.0.0');
  const [afterOne, afterAll] = await Promise.all([portFrom(one.port), portFrom(all.port)]);
  expect(afterOne).toBeGreaterThan(one.port);
  expect(afterAll).toBeGreaterThan(all.port);
});

test('the first wanted port that is free is taken', async () => {
  using taken = await listening('127.0.0.1');
  const free = await portFrom(taken.port);
  expect(await portFrom(taken.port, free)).toBe(free);
});
