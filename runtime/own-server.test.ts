import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../bus/service.ts';
import { openSources } from '../config/env.ts';
import { quiet } from '../runtime/noop-log.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { connect } from './client.ts';
import { startDaemon } from './daemon.ts';
import { ownServer } from './own-server.ts';

const idle = service({ serves: {}, settings: z.object({}) }).start(async () => ({}) as never);
const greeting = { server_name: 'polyb-other', version: '2.9.10', headers: true, max_payload: 1_048_576 };
/** A checkout whose nats-server is down, with another system's at its address. */
async function taken() {
  let received = '';
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', (data) => (received += data));
    socket.write(`INFO ${JSON.stringify(greeting)}\r\n`);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const root = temporaryDir();
  await mkdir(join(root, '.polyb'));
  const run = { NATS_URL: url, POLYB_SYSTEM_ID: 'polyb-own', POLYB_NATS_OPERATOR_PASSWORD: 'secret', NATS_PASSWORD_GREETER: 'secret' };
  await writeFile(join(root, '.polyb', 'run.json'), JSON.stringify(run), { mode: 0o600 });
  return {
    url,
    root,
    sources: (env: Record<string, string>) => openSources({ env, root }),
    received: () => received,
    close: () => server.close(),
  };
}

test('neither a client nor a service shows its password to the nats-server of another system', async () => {
  const { root, url, sources, received, close } = await taken();
  const before = process.env.NATS_URL;
  process.env.NATS_URL = url;
  await expect(connect({ root, log: quiet })).rejects.toMatchObject({ reason: 'other_system' });
  process.env.NATS_URL = before;
  const waiting = Promise.withResolvers<unknown>();
  const stop = new AbortController();
  const log = { ...quiet, warn: (facts: object) => waiting.resolve(facts) };
  const find = sources({ DATABASE_URL: process.env.DATABASE_URL ?? '' });
  const daemon = startDaemon([{ folder: 'greeter', service: idle }], { migrations: [], find, log, signal: stop.signal });
  const over = daemon.catch(() => {});
  expect(await waiting.promise).toMatchObject({ err: { reason: 'other_system' } });
  stop.abort();
  await over;
  expect(received()).toBe('');
  close();
});

test('the password that up made goes to the server that up started, and to no other', async () => {
  const { url, sources, close } = await taken();
  const started = sources({});
  expect(ownServer(url, started, started)).toEqual({ system: 'polyb-own', password: 'secret' });
  expect(ownServer('nats://other:4222', started, started)).toEqual({ system: undefined, password: undefined });
  const given = sources({ POLYB_NATS_OPERATOR_PASSWORD: 'given' });
  expect(ownServer('nats://other:4222', given, started)).toEqual({ system: undefined, password: 'given' });
  close();
});
