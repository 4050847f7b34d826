/** How often the gateway asks whose chat it is. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Viewer } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { createApp } from './app.ts';
import type { Identity } from './keys.ts';
import { routesOf } from './routes.ts';

const Chat = z.strictObject({ chatId: z.string().max(9), viewer: Viewer });
const talk = contract('talk', '1.0.0', {
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

test('a manager’s request asks once whose its chat is, and not where the owner of the table narrows; the chat of a reply is asked for too', async () => {
  const asked: (readonly string[])[] = [];
  const replied = { chatId: 'mine' };
  const manager = { keyId: 's_1', client: 'staff', person: 'anna', actor: 'staff/s_1/anna', expiresAtMs: 0, namespace: 'anna' };
  const identity: Identity = { ...manager, allows: () => true, viewer: { personId: 'anna', role: 'manager' } };
  const app = createApp({
    routes: routesOf([talk.write, talk.look], []),
    ask: async () => replied,
    admit: async () => identity,
    decided: async () => {},
    changed: () => {},
    async ownersOf(chatIds) {
      asked.push(chatIds);
      return new Map(chatIds.map((chatId) => [chatId, chatId === 'mine' ? 'anna' : 'boris']));
    },
    observed: () => {},
    log: quiet,
    options: {
      ...{ bodyLimitBytes: 1_000, requestTimeoutMs: 1_000, maxConnections: 10, maxInFlight: 10, trustedProxies: [] },
      requireIfMatch: false,
    },
  });
  const write = async (chatId: string) => (await app.inject({ method: 'POST', url: '/api/v1/write', payload: { chatId } })).statusCode;
  expect([await write('mine'), asked]).toEqual([200, [['mine']]]);
  expect([await write('other'), asked.splice(0)]).toEqual([404, [['mine'], ['other']]]);
  replied.chatId = 'another';
  expect([await write('mine'), asked.splice(0)]).toEqual([404, [['mine'], ['another']]]);
  expect((await app.inject('/api/v1/look/other')).statusCode).toBe(200);
  expect(asked).toEqual([]);
  await app.close();
});
