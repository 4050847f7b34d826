import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectNats } from '../../../bus/transports/nats.ts';
import { commandEnv, ended, type Said } from '../../../test/kit/checkout.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../../test/kit/gateway.ts';
import { until } from '../../../test/kit/world.ts';
import { type RunningServer, startNats } from '../../infra/start.ts';
import { temporaryDir } from '../../infra/temporary.ts';

let nats: RunningServer;
let it: GatewayWorld;
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  it = await gatewayWorld(['call-orchestrator', 'telephony-gateway', 'crm-connector'], {}, (user) =>
    connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }),
  );
});
afterAll(async () => {
  await it?.stop();
  await nats?.stop();
});

function polyb(...words: readonly string[]): Promise<Said> {
  const program = join(import.meta.dirname, '..', '..', 'polyb.js');
  return ended(
    spawn(process.execPath, [program, ...words], {
      env: { ...commandEnv(), NATS_USER: 'operator', POLYB_NATS_URL: nats.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

test('a key that is made here lets in over HTTP, is listed without its secret, and lets in no more once it is revoked', async () => {
  const made = await polyb('keys', 'create', '--client', 'website', '--scope', 'read,send', '--expires', '90d');
  expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining('it is shown only once') });
  const { key, keyId, expiresAt } = JSON.parse(made.stdout) as { key: string; keyId: string; expiresAt: string };
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(89 * 86_400_000);
  expect((await http(it.origin, key)('GET', '/api/v1/calls')).status).toBe(200);

  const listed = await polyb('keys', 'list', '--client', 'website');
  expect(JSON.parse(listed.stdout)).toMatchObject({ items: [{ keyId, client: 'website', scopes: ['read', 'send'] }], nextCursor: null });
  expect(listed.stdout).not.toContain(key.split('.')[1]);

  // Whoever pastes the whole key revokes it as well.
  expect(await polyb('keys', 'revoke', key)).toMatchObject({ status: 0 });
  await until(async () => (await http(it.origin, key)('GET', '/api/v1/calls')).status === 401 || null);
});

test.each([
  [['create', '--scope', 'read,all'], 2, 'expected some of read, send, admin'],
  [['create', '--expires', 'soon'], 2, 'expected a length of time'],
  [['revoke'], 2, 'expected a key id'],
  [['revoke', 'pk_000000000000'], 3, 'There is no key pk_000000000000'],
] as const)('%j is refused', async (words, status, said) => {
  const ran = await polyb('keys', ...words);
  expect({ status: ran.status, said: ran.stderr }).toEqual({ status, said: expect.stringContaining(said) });
});

test('an invited person gets a link, is listed, and what does not exist is refused', async () => {
  const made = await polyb('people', 'invite', 'anna', '--role', 'director', '--name', 'Анна');
  expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining('it is good once') });
  const { link } = JSON.parse(made.stdout) as { link: string };
  expect(link).toMatch(new RegExp(`^${it.origin}/desk/invite#[\\w-]{43}$`));
  const token = link.split('#')[1] ?? '';
  const accepted = await http(it.origin)(
    'POST',
    '/api/v1/session/accept',
    { token, password: 'длинный пароль' },
    { 'sec-fetch-site': 'none' },
  );
  expect(accepted.body).toMatchObject({ person: { personId: 'anna', role: 'director' } });
  expect(JSON.parse((await polyb('people', 'ls')).stdout)).toMatchObject({ items: [{ personId: 'anna', name: 'Анна', state: 'active' }] });
  const sessions = JSON.parse((await polyb('people', 'sessions')).stdout) as { items: { sessionId: string }[] };
  expect(await polyb('people', 'end', sessions.items[0]?.sessionId ?? '')).toMatchObject({ status: 0 });
  expect(await polyb('people', 'disable', 'boris')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('There is no person boris'),
  });
  expect(await polyb('people', 'role', 'anna', 'boss')).toMatchObject({ status: 2 });
  const table = await polyb('people', 'permissions', '-o', 'table');
  expect(table.stdout).toMatch(/GET \/api\/v1\/people +admin +director admin/);
});
