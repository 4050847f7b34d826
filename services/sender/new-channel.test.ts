/** A channel is one value: with no other code than below, its messages are stored, answered, approved and sent. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { channels } from '../../adapters/channel/index.ts';
import type { ChannelAdapter, Intake, ReadMessage, Sending, Update } from '../../adapters/channel/port.ts';
import { text } from '../../config/settings.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { messages } from '../../contracts/messages.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { collector } from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { sender } from './service.ts';

const sent: string[] = [];
const read = (_bot: string, raw: string): Update => {
  const { id, from, words, sentAt = Date.now() } = JSON.parse(raw) as { id: string; from: string; words: string; sentAt?: number };
  const person = { externalId: from, name: from, username: null, phoneNumber: null, firstRole: 'client' } as const;
  const message: ReadMessage = {
    ...({
      chat: { externalId: from, kind: 'private' as const, title: null },
      sender: person,
      externalId: id,
      kind: 'text',
      direction: 'in',
    } as const),
    ...{ text: words, content: [], threadId: null, albumId: null, replyTo: null, isForwarded: false, sentAt, editedAt: null },
    files: [],
  };
  return { externalId: id, raw, parts: [{ is: 'message', message }] };
};
const pigeon: ChannelAdapter = {
  name: 'pigeon_post',
  provider: 'loft',
  intake: {
    settings: z.object({ PIGEON_SECRET: text() }),
    create: ({ PIGEON_SECRET: secret }: { PIGEON_SECRET: string }): Intake => ({
      read,
      receive({ headers, query, body }) {
        if (headers['x-pigeon'] !== secret) throw new PolybError('permission_denied', 'Not our pigeon.', { reason: 'bad_signature' });
        if (query.ask !== undefined) return { batches: [], reply: `coo ${query.ask}` };
        return { batches: [{ botId: '1', updates: [read('1', Buffer.from(body).toString())] }] };
      },
    }),
  },
  sending: {
    settings: z.object({}),
    create: (): Sending => ({
      deliver: {
        async attempt({ to, text: words, threadId, replyTo }, { ref }) {
          sent.push(`${to}: ${words}`);
          return { externalId: ref, to, text: words, threadId, replyTo, at: new Date().toISOString() };
        },
        onUnknown: review,
      },
      quotas: ({ botId }) => [{ bucket: `pigeon:${botId}`, limit: 10, windowMs: 1_000 }],
    }),
  },
  replyWindowMs: 60_000,
};

let here: World;
beforeAll(async () => {
  here = await world();
  const all = [...channels, pigeon];
  await here.start('collector', collector(all), { PIGEON_SECRET: 'feather' });
  await here.start('journal', journalService);
  await here.start('sender', sender(all), { SENDER_UNDO_MS: '0' });
});
afterAll(() => here.stop());
const headers = { 'x-pigeon': 'feather' };
const webhook = (body: object, more: object = {}) =>
  here.bus.call(inbox.channel_webhook, { channel: 'pigeon_post', headers, body: Buffer.from(JSON.stringify(body)), ...more });

test('a webhook of a new channel is stored, and its draft is sent through the channel after an approval', async () => {
  expect(await webhook({ id: 'm1', from: 'anna', words: 'Сколько стоит?' })).toMatchObject({ updates: 1, messages: 1 });
  const { items } = await here.bus.call(inbox.list_messages, {});
  expect(items).toMatchObject([{ channel: 'pigeon_post', text: 'Сколько стоит?', sender: { name: 'anna' } }]);
  const { chatId } = items[0] as { chatId: string };
  const { id, state } = await here.bus.call(messages.send_message, { chatId, text: '300 рублей' }, { key: 'k1' });
  expect([state, sent]).toEqual(['pending', []]);
  await here.bus.call(journal.approve, { id });
  await until(async () => (await here.bus.call(messages.get_delivery, { id })).status === 'sent' || null);
  expect(sent).toEqual(['anna: 300 рублей']);
});

test('a reply leaves within the window although the event of the customer’s message has not arrived yet', async () => {
  await webhook({ id: 'm9', from: 'vera', words: 'Есть розы?' });
  const [message] = (await here.bus.call(inbox.list_messages, { q: 'розы' })).items;
  const { chatId = '' } = message ?? {};
  await until(async () => (await here.store.query('select from sender.chats where chat_id = $1', [chatId])).length > 0);
  await here.store.query('delete from sender.chats where chat_id = $1', [chatId]);
  const { id } = await here.bus.call(messages.send_message, { chatId, text: 'Есть' }, { key: 'k9' });
  await here.bus.call(journal.approve, { id });
  const ended = async () => (await here.bus.call(messages.get_delivery, { id })).status;
  await until(async () => (await ended()) !== 'queued');
  expect(await ended()).toBe('sent');
});

test('a new channel verifies its webhook with its own reply, and refuses a stranger', async () => {
  const { body, contentType } = await webhook({}, { query: { ask: '7' } });
  expect([Buffer.from(body).toString(), contentType]).toEqual(['coo 7', 'text/plain']);
  await expect(webhook({}, { headers: {} })).rejects.toMatchObject({ code: 'permission_denied', reason: 'bad_signature' });
});

test('templates and the reply window follow from the value of the channel', async () => {
  await webhook({ id: 'm2', from: 'boris', words: 'Есть пионы?', sentAt: Date.now() - 61_000 });
  const [message] = (await here.bus.call(inbox.list_messages, { q: 'пионы' })).items;
  const { chatId = '' } = message ?? {};
  const template = { name: 'order_ready', language: 'ru' };
  const send = (key: string, more: object = {}) => here.bus.call(messages.send_message, { chatId, text: 'Да', ...more }, { key });
  await expect(send('k2', { template })).rejects.toMatchObject({ code: 'invalid_argument', reason: 'wrong_channel' });
  await expect(send('k3')).rejects.toMatchObject({ code: 'failed_precondition', reason: 'window_closed' });
});

test('a channel that is not there has no webhook', async () => {
  await expect(here.bus.call(inbox.channel_webhook, { channel: 'telepathy' })).rejects.toMatchObject({
    code: 'not_found',
    reason: 'no_webhook',
  });
});
