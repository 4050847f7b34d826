import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf, PayloadOf } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { botId, type Fixture, fixture, token } from './fixture.ts';

let here: World;
let at: Fixture;
const asked: { key: string; input: InputOf<typeof messages.send_message> }[] = [];
let tell: (sent: PayloadOf<typeof messages.message_sent>) => Promise<void>;
/** A sender that only records its calls. */
const said: InputOf<typeof consents.set_consent>[] = [];
const sender = service({ serves: { messages, consents }, settings: z.object({}) }).start(async ({ bus }) => {
  tell = (sent) => bus.commit(async (tx) => tx.emit(messages.message_sent, sent));
  return {
    messages: {
      send_message: async (input, { commit, key }) =>
        commit(async () => {
          asked.push({ key, input });
          return { id: 'row_1', state: 'pending' };
        }),
      send_reply: () => Promise.reject(new Error('not here')),
      deliver: { attempt: () => Promise.reject(new Error('not here')), onUnknown: { do: 'review' } },
      settle_press: () => Promise.reject(new Error('not here')),
      get_delivery: () => Promise.reject(new Error('not here')),
      list_templates: () => Promise.reject(new Error('not here')),
    },
    consents: {
      set_consent: async (input, { commit }) =>
        commit(async () => {
          said.push(input);
          return { chatId: input.chatId, isGiven: input.isGiven, at: new Date().toISOString() };
        }),
      list_consents: async () => ({ items: [] }),
    },
  };
});
beforeAll(async () => {
  here = await world();
  await here.start('sender', sender);
});
beforeEach(async () => {
  asked.length = 0;
  said.length = 0;
  at = await fixture(here, { INBOX_START_TEXT: 'Добро пожаловать' });
});
afterEach(() => at.close());
afterAll(() => here.stop());

const arrived = (count: number) =>
  until(async () => {
    const found = await at.messages();
    return found.length >= count ? found : null;
  });

test('what we sent stands in the chat as ours, once however often it is told', async () => {
  at.telegram.say(token, 42, 'вопрос');
  const [question] = await arrived(1);
  const sent = {
    id: 'row_1',
    chatId: question?.chatId ?? '',
    channel: 'telegram',
    botId,
    externalId: '77',
    text: 'ответ',
    threadId: '5',
    replyToExternalId: '3',
    author: 'program',
    choices: null,
    media: null,
    knows: null,
    key: 'k',
    writtenBy: 'dialog-orchestrator',
    approvedBy: ['gateway:staff/s_1/anna'],
    at: new Date(Date.now() + 1000).toISOString(),
  } as const;
  await tell({ ...sent, approvedBy: [...sent.approvedBy] });
  await tell({ ...sent, approvedBy: [...sent.approvedBy] });
  const [answer] = await arrived(2);
  expect(answer).toMatchObject({
    text: 'ответ',
    threadId: '5',
    replyToExternalId: '3',
    direction: 'out',
    ...{ writtenBy: 'dialog-orchestrator', approvedBy: ['gateway:staff/s_1/anna'] },
    externalId: '77',
    chatId: question?.chatId,
    sender: { role: 'assistant_bot', isBot: true, isStaff: false },
  });
  const { chat } = await here.bus.call(inbox.chat_context, { chatId: question?.chatId ?? '' });
  expect(chat).toMatchObject({ owner: 'bot', lastInboundAt: question?.sentAt, lastMessageId: answer?.messageId });
  await tell({ ...sent, approvedBy: [], id: 'row_2', externalId: '78', text: 'ещё' });
  await arrived(3);
  expect(await at.messages()).toHaveLength(3);
});

test('/stop forbids us to write and /start allows it again, each on the word of its message', async () => {
  at.telegram.say(token, 42, '/STOP');
  const [stop] = await arrived(1);
  await until(() => said[0]);
  at.telegram.say(token, 42, '/start');
  const [start] = await arrived(2);
  await until(() => said[1]);
  expect(said).toEqual([
    { chatId: stop?.chatId, isGiven: false, evidence: stop?.messageId },
    { chatId: stop?.chatId, isGiven: true, evidence: start?.messageId },
  ]);
  await until(() => asked[0]);
  expect(asked.map(({ input }) => input.text)).toEqual(['Добро пожаловать']);
});

test('who asks in plain words not to be written to is obeyed like /stop, also in an edit; not in a group, and not when somebody forwards it', async () => {
  const anna = { id: 46, is_bot: false, first_name: 'Анна' };
  const tells = (text: string, rest: object = {}, is = 'message') => {
    const chat = { id: 46, type: 'private', first_name: 'Анна' };
    at.telegram.update(token, { [is]: { message_id: 1, date: 1_790_000_000, chat, from: anna, text, ...rest } });
  };
  tells('Не пишите мне больше', { message_id: 2, forward_origin: { type: 'hidden_user', sender_user_name: 'О', date: 1 } });
  tells('СТОП', { message_id: 3, chat: { id: -5, type: 'group', title: 'Г' } });
  tells('Стоп, не то', { message_id: 4 });
  tells('Пишите', { message_id: 5 });
  tells('Больше не пишите мне', { message_id: 5, edit_date: 1_790_000_010 }, 'edited_message');
  const edited = (await arrived(4)).find(({ externalId }) => externalId === '5');
  await until(() => said[0]);
  expect(said).toEqual([{ chatId: edited?.chatId, isGiven: false, evidence: expect.stringMatching(/^msg_/) }]);
  tells('Стоп', { message_id: 6 });
  const stop = (await arrived(5)).find(({ externalId }) => externalId === '6');
  await until(() => said[1]);
  expect(said[1]).toEqual({ chatId: stop?.chatId, isGiven: false, evidence: stop?.messageId });
});

test('/start in a private chat is answered once with the text of the settings', async () => {
  at.telegram.say(token, 42, '/start ref123');
  const [start] = await arrived(1);
  await until(() => asked[0]);
  expect(asked).toEqual([
    {
      key: `command:${start?.messageId}`,
      input: expect.objectContaining({ chatId: start?.chatId, text: 'Добро пожаловать', answers: start?.messageId }),
    },
  ]);
});

test('commands are left alone in groups, in other words, and where staff has taken over', async () => {
  const anna = { id: 43, is_bot: false, first_name: 'Анна' };
  at.telegram.update(token, {
    message: { message_id: 1, date: 1_790_000_000, chat: { id: -5, type: 'group', title: 'Г' }, from: anna, text: '/start' },
  });
  at.telegram.say(token, 42, '/started');
  at.telegram.say(token, 44, 'ответит человек');
  const chat = (await arrived(3)).find(({ text }) => text === 'ответит человек');
  await here.bus.call(inbox.set_chat_owner, { chatId: chat?.chatId ?? '', owner: 'human' });
  at.telegram.say(token, 44, '/help');
  at.telegram.say(token, 45, '/help');
  await until(() => asked[0]);
  await arrived(5);
  expect(asked.map(({ input }) => input.chatId)).toEqual([
    (await at.messages()).find(({ sender: by }) => by?.name === 'Клиент 45')?.chatId,
  ]);
  expect((await at.told('inbox.command_given')).map(({ command }) => command).sort()).toEqual(['help', 'help', 'started']);
});
