import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { Fault } from '../../fake-server.ts';
import { espoUsers } from './fake.ts';

test('the fake EspoCRM runs on its own, goes wrong to order, and writes down what it took', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'espocrm-'));
  const effects = join(folder, 'effects.jsonl');
  const program = fileURLToPath(new URL('fake.ts', import.meta.url));
  const child = spawn(process.execPath, [program, '--port', '0', '--effects', effects], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    const headers = { 'X-Api-Key': espoUsers.apiKey, 'Content-Type': 'application/json' };
    const create = (firstName: string) => fetch(`${url}/api/v1/Contact`, { method: 'POST', headers, body: JSON.stringify({ firstName }) });
    const fault: Fault = { do: 'cut', on: 'POST Contact', executes: true };
    await fetch(`${url}/faults`, { method: 'POST', body: JSON.stringify(fault) });
    await expect(create('Anna')).rejects.toThrow();
    expect((await create('Ivan')).status).toBe(200);
    expect((await create('Ivan')).status).toBe(409);
    const written = (await readFile(effects, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written.map(({ did, entity, record }) => [did, entity, record.firstName])).toEqual([
      ['create', 'Contact', 'Anna'],
      ['create', 'Contact', 'Ivan'],
    ]);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await rm(folder, { recursive: true });
  }
});
