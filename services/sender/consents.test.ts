import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});
const say = (chatId: string, isGiven: boolean, key: string) =>
  here.bus.call(consents.set_consent, { chatId, isGiven, evidence: key }, { key });
const statusOf = async (id: string) =>
  (await here.store.query<{ status: string }>('select status from sender.pending_responses where id = $1', [id]))[0]?.status;

test('nothing goes out to whom we may not write: what waits is outdated, what is new is refused, until they agree again', async () => {
  const { chatId } = await it.says(it.somebody());
  const { id } = await it.send(chatId, 'Скидка до пятницы');
  expect(await statusOf(id)).toBe('pending');
  await say(chatId, false, 'called us');
  await it.comes(id, 'failed');
  expect(await statusOf(id)).toBe('stale');
  await expect(it.approve(id)).rejects.toMatchObject({ reason: 'stale', message: expect.stringContaining('refuses messages') });
  await expect(it.send(chatId, 'Ещё скидка')).rejects.toMatchObject({ code: 'permission_denied', reason: 'opted_out' });
  await say(chatId, true, 'wrote again');
  const again = await it.send(chatId, 'Ваш букет готов');
  await it.approve(again.id);
  await it.comes(again.id, 'sent');
  expect(await statusOf(again.id)).toBe('sent');
  expect(it.telegram.sent.map(({ text }) => text)).toEqual(['Ваш букет готов']);
  const { items } = await here.bus.call(consents.list_consents, { chatId });
  expect(items).toMatchObject([
    { isGiven: true, evidence: 'wrote again' },
    { isGiven: false, evidence: 'called us' },
  ]);
});

test('who asks something after they refuses messages is answered once, by what names it, and by no template', async () => {
  const vika = it.somebody();
  const { chatId, messageId: before } = await it.says(vika, 'Сколько стоят розы?');
  await it.says(vika, 'Не пишите мне больше');
  await it.when(async () => (await here.bus.call(consents.list_consents, { chatId })).items[0]);
  const { messageId } = await it.says(vika, 'А когда привезут мой заказ?');
  await expect(it.send(chatId, 'Скидка всем')).rejects.toMatchObject({ code: 'permission_denied', reason: 'opted_out' });
  await expect(it.send(chatId, 'О розах', 'b', { answers: before })).rejects.toMatchObject({ reason: 'opted_out' });
  const [one, two] = await Promise.allSettled([1, 2].map((n) => it.send(chatId, `Завтра ${n}`, `z${n}`, { answers: messageId })));
  const taken = [one, two].flatMap((each) => (each?.status === 'fulfilled' ? [each.value] : []));
  expect(taken).toHaveLength(1);
  await it.approve(taken[0]?.id ?? '');
  await it.comes(taken[0]?.id ?? '', 'sent');
  await expect(it.send(chatId, 'И ещё скидка', 'z3', { answers: messageId })).rejects.toMatchObject({ reason: 'opted_out' });
  const { messageId: next } = await it.says(vika, 'А во сколько?');
  const { id } = await it.send(chatId, 'В десять', 'z4', { answers: next });
  await here.store.query(`update sender.chats set last_inbound_at = now() - interval '25 h' where chat_id = $1`, [chatId]);
  await it.approve(id);
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'opted_out' });
});

test('an approved message that has not gone out stays here when consent is withdrawn within its undo window', async () => {
  const { chatId } = await it.says(it.somebody());
  const { id } = await it.send(chatId, 'Поздно');
  await here.store.query('update journal.rows set undo_ms = 60000 where id = $1', [id]);
  await it.approve(id);
  await say(chatId, false, 'stop');
  await it.comes(id, 'failed');
  expect(it.telegram.sent.some(({ text }) => text === 'Поздно')).toBe(false);
});

test('a refusal under the former id of a chat holds for the chat, and one for a chat that is not there is refused', async () => {
  const [former, chat] = [await it.says(it.somebody()), await it.says(it.somebody())];
  await here.store.query('update collector.chats set merged_into = $2 where chat_id = $1', [former.chatId, chat.chatId]);
  await expect(say(former.chatId, false, 'called')).resolves.toMatchObject({ chatId: chat.chatId });
  await expect(it.send(chat.chatId, 'Скидка')).rejects.toMatchObject({ reason: 'opted_out' });
  await expect(here.bus.call(consents.list_consents, { chatId: former.chatId })).resolves.toMatchObject({ items: [{ isGiven: false }] });

  await expect(say('chat_nope', false, 'mistyped')).rejects.toMatchObject({ code: 'not_found' });
  await expect(here.bus.call(consents.list_consents, { chatId: 'chat_nope' })).rejects.toMatchObject({ code: 'not_found' });
});

test('who says /start after /stop is greeted, however long it takes to keep that they agree again', async () => {
  const from = it.somebody();
  const { chatId } = await it.says(from, '/stop');
  const saysNow = async () => (await here.bus.call(consents.list_consents, { chatId })).items[0]?.isGiven;
  await it.when(async () => (await saysNow()) === false);
  const method = consents.set_consent.address;
  await here.bus.call(journal.pause, { method, why: 'so that it takes long' });
  const { messageId } = await it.says(from, '/start');
  await it.when(async () => {
    const [begun] = await here.store.query(
      `select from journal.rows where $1 in (input->>'messageId', input->>'answers') and mode = 'send' and attempts > 0`,
      [messageId],
    );
    return begun;
  });
  await here.bus.call(journal.resume, { method });
  const drafts = await it.when(async () => {
    const found = await here.store.query<{ text: string }>(
      'select response_text as text from sender.pending_responses where chat_id = $1',
      [chatId],
    );
    return found.length > 0 && found;
  });
  expect(drafts).toEqual([{ text: expect.stringContaining('Здравствуйте') }]);
  expect(await saysNow()).toBe(true);
});

test('what a group said of our writing holds when it has become a supergroup, and so does what it says there', async () => {
  const [group, supergroup] = [-500, -1001234567890123];
  const from = { id: 42, is_bot: false, first_name: 'Анна' };
  let lastId = 0;
  const tells = (id: number, fields: object) =>
    it.telegram.update('7001:AAAA-test', {
      message: { message_id: ++lastId, date: 1_790_000_000, chat: { id, type: id === group ? 'group' : 'supergroup' }, from, ...fields },
    });
  const writes = async (id: number, text: string) => {
    tells(id, { text });
    const find = 'select chat_id as "chatId" from collector.messages where text = $1';
    return (await it.when(async () => (await here.store.query<{ chatId: string }>(find, [text]))[0])).chatId;
  };
  const before = await writes(group, 'Мы тут');
  await say(before, false, 'told by the administrator');
  tells(group, { migrate_to_chat_id: supergroup });
  const after = await writes(supergroup, 'Мы переехали');
  await expect(it.send(after, 'Скидка переехавшим')).rejects.toMatchObject({ reason: 'opted_out' });
  await say(after, true, 'told there');
  const { id } = await it.send(before, 'Добро пожаловать', 'under the former id');
  await it.approve(id);
  await it.comes(id, 'sent');
  expect(it.telegram.sent.at(-1)).toMatchObject({ chatId: supergroup, text: 'Добро пожаловать' });
});

test('a manager neither reads nor records consents of a chat of another', async () => {
  const { chatId } = await it.says(it.somebody());
  const viewer = { personId: 'anna', role: 'manager' } as const;
  await here.bus.call(consents.set_consent, { chatId, isGiven: true, evidence: 'канарейка', viewer }, { key: 'own' });
  await here.bus.call(inbox.assign_chat, { chatId, personId: 'boris' });
  await expect(here.bus.call(consents.list_consents, { chatId, viewer })).rejects.toMatchObject({ code: 'not_found' });
  const refusal = here.bus.call(consents.set_consent, { chatId, isGiven: false, viewer }, { key: 'others' });
  await expect(refusal).rejects.toMatchObject({ code: 'not_found' });
  expect((await here.bus.call(consents.list_consents, { chatId })).items).toMatchObject([{ evidence: 'канарейка', isGiven: true }]);
});
