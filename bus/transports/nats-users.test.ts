import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nkeys } from '@nats-io/transport-node';
import { startNats } from '../../scripts/infra/start.ts';
import { memoryLog, shopContract, until } from '../../test/kit/bed.ts';
import { createBus } from '../bus.ts';
import { connectNats } from './nats.ts';

const key = nkeys.createUser();
let dir: string;
let server: Awaited<ReturnType<typeof startNats>>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'polyb-users-'));
  const configFile = join(dir, 'users.conf');
  const limits = `permissions: { publish: ["_INBOX.>", "*.rpc.*.add.by.till", "*.ctl.>"], subscribe: ["_INBOX.till.>"] }`;
  await writeFile(
    configFile,
    `authorization { users: [
      { user: "shop", password: "right" }
      { user: "till", password: "right", ${limits} }
      { nkey: "${key.getPublicKey()}" }
    ] }\n`,
  );
  server = await startNats({ dir: join(dir, 'server'), configFile, temporary: true });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const as = (user: string, pass = 'right') =>
  connectNats({ servers: server.url, user, pass, name: user, inboxUser: user, timeoutMs: 10_000 });

test('a call without permission fails at once, and other calls are unaffected', async () => {
  const { log } = memoryLog();
  const shop = shopContract();
  const serving = createBus({ transport: await as('shop'), name: 'shop', log });
  await serving.serve([shop.add, shop.quick], {
    [shop.add.address]: (async ({ a, b }: { a: number; b: number }) => ({ sum: a + b })) as never,
    [shop.quick.address]: (async () => ({})) as never,
  });
  const bus = createBus({ transport: await as('till'), name: 'till', log });
  expect(await bus.call(shop.add, { a: 1, b: 2 })).toEqual({ sum: 3 });
  const begun = Date.now();
  await expect(bus.call({ ...shop.quick, timeoutMs: 10_000 }, {})).rejects.toMatchObject({
    code: 'permission_denied',
    message: expect.stringContaining('`polyb permissions till` lists its permissions'),
    outcome: 'not_executed',
  });
  expect(Date.now() - begun).toBeLessThan(1000);
  expect(await bus.call(shop.add, { a: 1, b: 2 })).toEqual({ sum: 3 });
  await Promise.all([bus.close(), serving.close()]);
});

test('a subscription without permission is reported, and others are unaffected', async () => {
  const till = await as('till');
  const told: unknown[] = [];
  till.subscribe('some.subject', () => {}, { onError: (error) => told.push(error) });
  await until(() => told.length === 1);
  expect(told[0]).toMatchObject({ code: 'permission_denied' });
  expect(till.connected).toBe(true);
  await till.close();
});

test('a wrong password is unauthenticated, and a valid nkey connects', async () => {
  await expect(as('shop', 'wrong')).rejects.toMatchObject({ code: 'unauthenticated', message: expect.not.stringContaining('wrong') });
  const nkeySeed = new TextDecoder().decode(key.getSeed());
  const transport = await connectNats({ servers: server.url, nkeySeed, name: 'shop', inboxUser: 'shop', timeoutMs: 10_000 });
  expect(await transport.rtt()).toBeGreaterThan(0);
  await transport.close();
});
