/** What a manager’s request may name and be answered, and how often the gateway asks whose it is. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Phone, Viewer } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { createApp } from './app.ts';
import type { Identity } from './keys.ts';
import { routesOf } from './routes.ts';

const Chat = z.strictObject({ chatId: z.string().max(9), viewer: Viewer });
const ring = z.strictObject({ to: z.strictObject({ phones: z.array(Phone).max(3) }) });
const talk = contract('talk', '1.0.0', {
  ring: method({ summary: 'Rings.', input: ring, output: ring, idempotency: 'idempotent', http: 'POST /api/v1/ring' }),
  write: method({
    summary: 'Writes.',
    input: Chat.omit({ viewer: true }),
    output: Chat.omit({ viewer: true }),
    idempotency: 'idempotent',
    http: 'POST /api/v1/write',
  }),
  look: method({
    summary: 'Looks.',
    input: Chat,
    output: Chat.omit({ viewer: true }),
    idempotency: 'read',
    http: { route: 'GET /api/v1/look/{chatId}', viewer: 'viewer' },
  }),
});

const asked: (readonly string[])[] = [];
/** The chat `mine` and the phones that end in 1 are of the manager who asks. */
function appFor(reply: () => unknown) {
  const manager = { keyId: 's_1', client: 'staff', person: 'anna', actor: 'staff/s_1/anna', expiresAtMs: 0, namespace: 'anna' };
  const identity: Identity = { ...manager, allows: () => true, viewer: { personId: 'anna', role: 'manager' } };
  return createApp({
    routes: routesOf([talk.write, talk.look, talk.ring], []),
    ask: async () => reply(),
    admit: async () => identity,
    decided: async () => {},
    changed: () => {},
    owners: {
      async ofChats(chatIds) {
        if (chatIds.length > 0) asked.push(chatIds);
        return new Map(chatIds.map((chatId) => [chatId, [chatId === 'mine' ? 'anna' : 'boris']]));
      },
      async ofPhones(phones) {
        if (phones.length > 0) asked.push(phones);
        return new Map(phones.map((phone) => [phone, phone.endsWith('1') ? ['anna', 'boris'] : ['boris']]));
      },
    },
    observed: () => {},
    log: quiet,
    options: {
      ...{ bodyLimitBytes: 1_000, requestTimeoutMs: 1_000, maxConnections: 10, maxInFlight: 10, trustedProxies: [] },
      requireIfMatch: false,
    },
  });
}

test('a manager’s request asks once whose its chat is, and not where the owner of the table narrows; the chat of a reply is asked for too', async () => {
  const replied = { chatId: 'mine' };
  const app = appFor(() => replied);
  const write = async (chatId: string) => (await app.inject({ method: 'POST', url: '/api/v1/write', payload: { chatId } })).statusCode;
  expect([await write('mine'), asked]).toEqual([200, [['mine']]]);
  expect([await write('other'), asked.splice(0)]).toEqual([404, [['mine'], ['other']]]);
  replied.chatId = 'another';
  expect([await write('mine'), asked.splice(0)]).toEqual([404, [['mine'], ['another']]]);
  expect((await app.inject('/api/v1/look/other')).statusCode).toBe(200);
  expect(asked).toEqual([]);
  await app.close();
});

test('a phone of another manager’s client is refused anywhere in a request and in its reply, in any spelling, and each is asked for once', async () => {
  const of = (...phones: readonly string[]) => ({ to: { phones } });
  let replied = of();
  const app = appFor(() => replied);
  const ring = async (...phones: readonly string[]) =>
    (await app.inject({ method: 'POST', url: '/api/v1/ring', payload: of(...phones) })).statusCode;
  replied = of('+79990000001');
  expect([await ring('8 999 000-00-01'), asked.splice(0)]).toEqual([200, [['+79990000001']]]);
  expect([await ring('+79990000001', '8 999 000-00-02'), asked.splice(0)]).toEqual([404, [['+79990000001', '+79990000002']]]);
  replied = of('+79990000002');
  expect([await ring('+79990000001'), asked.splice(0)]).toEqual([404, [['+79990000001'], ['+79990000002']]]);
  await app.close();
});
