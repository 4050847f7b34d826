import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import type { Entry, Method } from '../../contracts/kit/define.ts';
import { type World, world } from '../../test/kit/world.ts';
import { answerTo, start, writeTo } from './fixture.ts';
import { numberMessages } from './rows/feed.ts';
import collector from './service.ts';

/** A chat with everything of it that may be shown. */
type Canary = {
  readonly chatId: string;
  readonly messageId: string;
  readonly customerId: string;
  readonly text: string;
  readonly name: string;
  readonly phone: string;
};
type Of = 'own' | 'nobody' | 'other';
let here: World;
const canaries = {} as Record<Of, Canary>;
const viewer = { personId: 'anna', role: 'manager' } as const;
type Look = { readonly viewer?: typeof viewer | { personId: string; role: 'director' | 'admin' | 'operator' } };

beforeAll(async () => {
  here = await world();
  const hosted = await here.start('collector', collector);
  for (const [nth, of] of (['other', 'nobody', 'own'] as const).entries()) {
    const from = `80${nth}1`;
    const phone = `+7916555000${nth}`;
    const text = `Тайна ${of} канарейка`;
    await writeTo(
      hosted.bus,
      { text, chat: from, from, phone, at: Date.now() - 60_000 + nth },
      { text: `${text} да`, chat: from, from, at: start },
    );
    const { items } = await here.bus.call(inbox.list_messages, { q: `"${text}"` });
    const message = items.find((item) => item.text === text);
    if (message?.sender == null) throw new Error('no message');
    const { chatId, messageId, sender } = message;
    canaries[of] = { chatId, messageId, customerId: sender.customerId, name: sender.name, phone, text };
    await here.store.query(
      `insert into collector.voices (message_id, channel, bot_id, file_id, content_type, state, body, bytes) values ($1, 'telegram', '7001', 'f', 'audio/ogg', 'kept', $2, 3)`,
      [message.messageId, Buffer.from(of)],
    );
    await here.store.query(
      `insert into collector.files (message_id, n, channel, bot_id, file_id, kind, content_type, state) values ($1, 0, 'telegram', '7001', 'f', 'voice', 'audio/ogg', 'kept')`,
      [message.messageId],
    );
    // The answer knew nothing, so that the chat still waits.
    await answerTo(hosted.bus, { text: 'ответ', chat: from, at: start - 60_000 }, '0');
    await here.store.query(
      `insert into collector.message_statuses (channel, bot_id, external_id, status, rank, at)
       select channel, bot_id, external_id, 'read', 3, now() from collector.messages where chat_id = $1 and direction = 'out'`,
      [chatId],
    );
    await here.store.query(
      `insert into collector.client_merges (merge_id, customer_id, merged_into, who, at) values ($1, 'usr_former', $2, 'operator', now())`,
      [...[`merge_${nth}`, sender.customerId]],
    );
  }
  while ((await numberMessages(here.store, 100)) > 0);
  await here.bus.call(inbox.assign_chat, { chatId: canaries.own.chatId, personId: 'anna' });
  await here.bus.call(inbox.assign_chat, { chatId: canaries.other.chatId, personId: 'boris' });
});
afterAll(() => here.stop());

/** Methods that show one thing, each called for a canary; they know nothing of another's. */
const single: Readonly<Record<string, (of: Canary, look: Look) => Promise<unknown>>> = {
  get_message: ({ messageId }, look) => here.bus.call(inbox.get_message, { messageId, ...look }),
  get_client: ({ customerId }, look) => here.bus.call(inbox.get_client, { customerId, ...look }),
  client_messages: ({ customerId }, look) => here.bus.call(inbox.client_messages, { customerId, ...look }),
  client_history: ({ customerId }, look) => here.bus.call(inbox.client_history, { customerId, ...look }),
  chat_context: ({ chatId }, look) => here.bus.call(inbox.chat_context, { chatId, ...look }),
  set_chat_owner: ({ chatId }, look) => here.bus.call(inbox.set_chat_owner, { chatId, owner: 'bot', ...look }),
  list_notes: ({ chatId }, look) => here.bus.call(inbox.list_notes, { chatId, ...look }),
  add_note: ({ chatId }, look) =>
    here.bus.call(inbox.add_note, { chatId, text: 'заметка', ...look }, { key: JSON.stringify([chatId, look]) }),
  read_file: ({ messageId }, look) => here.bus.call(inbox.read_file, { messageId, n: 0, ...look }),
  get_voice: ({ messageId }, look) => here.bus.call(inbox.get_voice, { messageId, ...look }),
  merge_clients: ({ customerId }, look) => here.bus.call(inbox.merge_clients, { customerId, into: customerId, ...look }),
  // Ends the test: it moves the chat.
  assign_chat: ({ chatId }, look) => here.bus.call(inbox.assign_chat, { chatId, personId: 'anna', ...look }),
};
/** Methods that list: they show what is there, without another's. */
const lists: Readonly<Record<string, (look: Look) => Promise<unknown>>> = {
  list_messages: (look) => here.bus.call(inbox.list_messages, look),
  'list_messages, q': (look) => here.bus.call(inbox.list_messages, { q: 'канарейка', ...look }),
  'list_messages, fuzzy q': (look) => here.bus.call(inbox.list_messages, { q: 'каннарейка', ...look }),
  'list_messages, stored': (look) => here.bus.call(inbox.list_messages, { order: 'stored', ...look }),
  list_clients: (look) => here.bus.call(inbox.list_clients, look),
  'list_clients, words': (look) => here.bus.call(inbox.list_clients, { q: 'канарейка', ...look }),
  'list_clients, phone': (look) => here.bus.call(inbox.list_clients, { q: '8 916 555', ...look }),
  list_chats: (look) => here.bus.call(inbox.list_chats, look),
  'list_chats, waiting': (look) => here.bus.call(inbox.list_chats, { order: 'waiting', ...look }),
  'list_chats, q': (look) => here.bus.call(inbox.list_chats, { q: 'канарейка', ...look }),
  'list_chats, phone': (look) => here.bus.call(inbox.list_chats, { q: '8 916 555', ...look }),
  list_deliveries: (look) => here.bus.call(inbox.list_deliveries, look),
  list_client_merges: (look) => here.bus.call(inbox.list_client_merges, look),
  active_clients: (look) => here.bus.call(inbox.active_clients, look),
};
/** Lists of one chat or customer of another are empty. */
const narrowed: Readonly<Record<string, (of: Canary, look: Look) => Promise<{ readonly items: readonly unknown[] }>>> = {
  'list_messages, chatId': ({ chatId }, look) => here.bus.call(inbox.list_messages, { chatId, ...look }),
  'list_messages, customerId': ({ customerId }, look) => here.bus.call(inbox.list_messages, { customerId, ...look }),
  'list_messages, chatId and q': ({ chatId }, look) => here.bus.call(inbox.list_messages, { chatId, q: 'канарейка', ...look }),
  'list_messages, stored, chatId': ({ chatId }, look) => here.bus.call(inbox.list_messages, { order: 'stored', chatId, ...look }),
  'list_chats, customerId': ({ customerId }, look) => here.bus.call(inbox.list_chats, { customerId, ...look }),
  'list_deliveries, chatId': ({ chatId }, look) => here.bus.call(inbox.list_deliveries, { chatId, ...look }),
  'list_clients, q': ({ name }, look) => here.bus.call(inbox.list_clients, { q: name, ...look }),
};
const namesIn = (shown: unknown) => {
  const text = JSON.stringify(shown);
  return (['own', 'nobody', 'other'] as const).filter((of) => Object.values(canaries[of]).some((each) => text.includes(`"${each}"`)));
};
const methodOf = (name: string) => name.split(',')[0];

test('every method that people may use is in this matrix, or shows nothing of a customer to a manager', () => {
  const forPeople = Object.values<Entry>(inbox).filter(
    (entry): entry is Method =>
      entry.kind === 'method' && entry.http.body !== 'raw' && (entry.roles === undefined || entry.roles.includes('gateway')),
  );
  const barred = forPeople.filter(({ http }) => http.people !== undefined && !http.people.includes('manager'));
  const tested = new Set(
    [...Object.keys(single), ...Object.keys(lists), ...Object.keys(narrowed), 'message_totals', 'chat_totals'].map(methodOf),
  );
  expect(
    forPeople
      .filter((method) => !barred.includes(method))
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...tested].sort());
  expect(
    forPeople
      .filter(({ http }) => http.viewer === 'viewer')
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...tested].sort());
});

test.each(Object.keys(lists))(
  '%s shows a manager what is theirs and what is nobody’s, and a director or no viewer everything',
  async (name) => {
    expect(namesIn(await lists[name]?.({ viewer }))).toEqual(['own', 'nobody']);
    for (const role of ['director', 'admin', 'operator'] as const)
      expect(namesIn(await lists[name]?.({ viewer: { personId: 'anna', role } }))).toEqual(['own', 'nobody', 'other']);
    expect(namesIn(await lists[name]?.({}))).toEqual(['own', 'nobody', 'other']);
  },
);

test.each(Object.keys(narrowed))('%s is empty for the chat of another', async (name) => {
  const found = async (of: Of, look: Look) => (await narrowed[name]?.(canaries[of], look))?.items.length;
  expect([await found('own', { viewer }), await found('nobody', { viewer }), await found('other', {})]).not.toContain(0);
  expect(await found('other', { viewer })).toBe(0);
});

test('totals count what the lists show', async () => {
  const totals = async (look: Look) => {
    const { messages, chats, clients } = await here.bus.call(inbox.message_totals, look);
    return [messages, chats, clients];
  };
  expect(await totals({ viewer })).toEqual([6, 2, 2]);
  expect(await totals({})).toEqual([9, 3, 3]);
  expect((await here.bus.call(inbox.chat_totals, { viewer })).waiting).toBe(2);
  expect((await here.bus.call(inbox.chat_totals, {})).waiting).toBe(3);
});

test.each(Object.keys(single))('%s does not know what is another’s', async (name) => {
  const call = (of: Of, look: Look) => single[name]?.(canaries[of], look);
  await expect(call('other', { viewer })).rejects.toMatchObject({ code: 'not_found' });
  await call('own', { viewer });
  await call('nobody', { viewer });
  await call('other', {});
});
