import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
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

(process.platform === 'darwin' ? test.skip : test)(
  'a port that another process has chosen is passed over until that process ends',
  async () => {
    const free = await portFrom(20_000);
    const program = `import { portFrom } from ${JSON.stringify(join(import.meta.dirname, 'ports.ts'))};
    console.log(await portFrom(${free}));
    process.stdin.resume();`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [chosen] = await once(other.stdout, 'data');
    expect(Number(chosen)).toBeGreaterThan(free); // this process holds `free`
    expect(await portFrom(Number(chosen))).toBeGreaterThan(Number(chosen));
    other.stdin.end();
    await once(other, 'exit');
    expect(await portFrom(Number(chosen))).toBe(Number(chosen));
  },
);
