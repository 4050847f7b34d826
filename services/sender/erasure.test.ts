import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import classifier from '../intent-classifier/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService, 'intent-classifier': classifier });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});

/** Which of these texts stand anywhere in the database: every row of every table, as text; what is told at the end of a line is where. */
async function found(texts: readonly string[]): Promise<readonly string[]> {
  const tables = await here.store.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const hits: string[] = [];
  for (const { name } of tables)
    for (const { row } of await here.store.query<{ row: string }>(`select lower(t::text) as row from ${name} t`))
      hits.push(...texts.filter((text) => row.includes(text.toLowerCase())).map((text) => `${text} in ${name}`));
  return [...new Set(hits)].sort();
}
const named = (hits: readonly string[]) => [...new Set(hits.map((hit) => hit.split(' in ')[0]))].sort();

/** Words that stand nowhere else, one for each place that they come to. */
const wordsOf = (tag: string) => ({
  name: `Имярек${tag}`,
  first: `заветное${tag}`,
  edited: `переделанное${tag}`,
  sent: `отправленное${tag}`,
  pending: `ожидающее${tag}`,
  doubted: `сомнительное${tag}`,
  failed: `мертвое${tag}`,
  raw: `нечитаемое${tag}`,
});

/** A draft of each state that it can be in: sent, in doubt, a dead letter, waiting. */
async function drafts(chatId: string, words: ReturnType<typeof wordsOf>, doubt: (() => void) | null) {
  const draft = (text: string) => it.send(chatId, text, `${text}-key`);
  const sent = await draft(words.sent);
  await it.approve(sent.id);
  await it.comes(sent.id, 'sent');
  const failed = await draft(words.failed);
  await here.store.query(`update journal.rows set state = 'failed', ended_at = now(), error = $2 where id = $1`, [
    failed.id,
    JSON.stringify({ code: 'internal', detail: `cannot send ${words.failed}` }),
  ]);
  const doubted = await draft(words.doubted);
  if (doubt !== null) {
    doubt();
    await it.approve(doubted.id);
    await it.when(async () => (await it.row(doubted.id)).state === 'review');
  }
  const pending = await draft(words.pending);
  await it.when(async () => (await here.bus.call(inbox.list_messages, { chatId })).items.some(({ text }) => text === words.sent));
  return { sent, failed, doubted, pending };
}
const raw = (channel: string, body: object) =>
  here.store.query(
    `insert into collector.raw_updates (channel, bot_id, external_id, digest, body) values ($1, '1', gen_random_uuid()::text, 'd', $2)`,
    [channel, JSON.stringify(body)],
  );
const userOf = async (chatId: string) => {
  const { messages: said } = await here.bus.call(inbox.chat_context, { chatId });
  return said.find(({ direction }) => direction === 'in')?.sender?.customerId ?? '';
};
/** Erases, and waits until every service has heard of it. */
async function erases(chatId: string, ids: readonly string[]) {
  expect((await here.bus.call(inbox.erase_person, { customerId: await userOf(chatId) })).messages).toBeGreaterThan(0);
  await it.when(async () => (await here.store.query('select from sender.chats where chat_id = $1', [chatId])).length === 0);
  await it.when(async () => {
    const [left] = await here.store.query<{ n: number }>(
      'select count(*)::int as n from intent_classifier.message_analysis where chat_id = $1',
      [chatId],
    );
    return left?.n === 0;
  });
  for (const id of ids) expect(['done', 'cancelled', 'stale']).toContain((await here.bus.call(journal.get, { id })).state);
}

test('of a person of Telegram nothing is left in the whole database, in whatever state it was, and others keep theirs', async () => {
  const [id, other] = [7_700_123_451, 7_700_123_452];
  const words = wordsOf('альфа');
  const from = { id, is_bot: false, first_name: words.name };
  const chat = { id, type: 'private', first_name: words.name };
  const said = { message_id: 5_001, date: 1_790_000_000, chat, from, text: words.first };
  const { chatId: kept } = await it.says(other, 'незабвенное');
  it.telegram.update('7001:AAAA-test', { message: said });
  it.telegram.update('7001:AAAA-test', { edited_message: { ...said, text: words.edited, edit_date: 1_790_000_010 } });
  const { chatId } = await it.when(async () => {
    const [row] = await here.store.query<{ chatId: string }>('select chat_id as "chatId" from collector.messages where text = $1', [
      words.edited,
    ]);
    return row;
  });
  await raw('telegram', { update_id: 'x', message: { sender: { phone: String(id) }, text: words.raw } });
  const { sent, doubted, pending } = await drafts(chatId, words, () =>
    it.telegram.order({ do: 'cut', on: 'sendMessage', to: id, after: true }),
  );
  const canaries = [String(id), ...Object.values(words)];
  expect(named(await found(canaries))).toEqual([...canaries].sort());
  await erases(chatId, [sent.id, doubted.id, pending.id]);
  expect(await found(canaries)).toEqual([]);
  await expect(it.send(chatId, 'После', 'after')).rejects.toMatchObject({ reason: 'blocked' });
  await expect(it.approve(pending.id)).rejects.toMatchObject({ code: expect.stringMatching(/conflict|failed_precondition/) });
  expect((await here.bus.call(inbox.chat_context, { chatId: kept })).messages).toMatchObject([{ text: 'незабвенное' }]);
  expect(named(await found(['незабвенное', String(other)]))).toHaveLength(2);
});

test('of a person of WhatsApp neither the phone, nor the user id, nor a word is left', async () => {
  const phone = '79990007701';
  const userId = 'RU.77012086552027419';
  const words = wordsOf('бета');
  const { chatId } = await it.writes({ phone, userId, name: words.name });
  it.whatsapp.say({ phone, userId, name: words.name }, `${words.first} ${words.edited}`);
  await it.when(async () => (await found([words.first])).length > 0);
  await raw('whatsapp', { unknown: { who: { wa: phone }, body: words.raw } });
  const { sent, doubted, pending } = await drafts(chatId, words, null);
  const canaries = [phone, userId, ...Object.values(words)];
  expect(named(await found(canaries))).toEqual([...canaries].sort());
  await erases(chatId, [sent.id, doubted.id, pending.id]);
  expect(await found(canaries)).toEqual([]);
});

test('of a person of the site nothing is left, also where storing what they wrote had failed', async () => {
  const phone = '+79990007702';
  const words = wordsOf('гамма');
  const put = (text: string, key: string) =>
    here.bus.call(inbox.put_message, { from: phone, name: words.name, phoneNumber: phone, text }, { key });
  const { chatId, messageId } = await put(`${words.first} ${words.edited}`, 'site-1');
  await it.when(async () => (await here.store.query('select from sender.chats where last_inbound_id = $1', [messageId]))[0]);
  await put(words.raw, 'site-2');
  await it.when(
    async () => (await here.store.query(`select from sender.chats where chat_id = $1 and last_inbound_id > $2`, [chatId, messageId]))[0],
  );
  await here.store.query(`update journal.rows set state = 'failed', output = null where method = 'inbox.put_message' and key = 'site-2'`);
  const { sent, doubted, pending } = await drafts(chatId, words, null);
  const canaries = [phone.slice(1), ...Object.values(words)];
  expect(named(await found(canaries))).toEqual([...canaries].sort());
  await erases(chatId, [sent.id, doubted.id, pending.id]);
  expect(await found(canaries)).toEqual([]);
});

test('who never became a person is erased by the id of the channel', async () => {
  await raw('whatsapp', { unknown: { who: { wa: '79990007703' }, body: 'загадочное' } });
  expect(await here.bus.call(inbox.erase_external_id, { channel: 'whatsapp', externalId: '79990007703' })).toEqual({
    customerId: null,
    userId: null,
    messages: 0,
  });
  expect(await found(['79990007703', 'загадочное'])).toEqual([]);
});

test('an attempt that is under way when its person is erased keeps nothing of what it learns', async () => {
  const anna = it.somebody();
  const { chatId } = await it.says(anna, 'здравствуйте');
  const { id } = await it.send(chatId, 'подоспевшее', 'late-key');
  const token = 'lease-of-somebody';
  await here.store.query(
    `update journal.rows set state = 'attempting', token = $2, lease_until = now() + interval '1 min', held_by = 'x' where id = $1`,
    [id, token],
  );
  await here.bus.call(inbox.erase_person, { customerId: await userOf(chatId) });
  const kept = await here.store.journal.end(null, id, token, { state: 'done', output: { text: 'подоспевшее' } });
  expect([kept, await found(['подоспевшее'])]).toEqual([false, []]);
  expect(await here.bus.call(journal.get, { id })).toMatchObject({
    state: 'cancelled',
    reason: 'erased',
    method: messages.deliver.address,
  });
});

test('when the inbox forgets what is old, nothing stays of its chats and messages elsewhere, and younger ones keep theirs', async () => {
  const { chatId } = await it.says(it.somebody());
  const { chatId: young, messageId } = await it.says(it.somebody());
  await here.store.query(`insert into sender.consents (chat_id, is_given, who, at) values ($1, true, 'customer', now())`, [chatId]);
  const judge = (id: string, chat: string, sentDays: number, judgedDays: number) =>
    here.store.query(
      `insert into intent_classifier.message_analysis (message_id, version, is_latest, chat_id, message_at, intent, is_certain, is_urgent, confidence, stage, judged_at)
       values ($1, 9, false, $2, now() - $3 * interval '1 day', 'none', true, false, 1, 'pattern', now() - $4 * interval '1 day')`,
      [id, chat, sentDays, judgedDays],
    );
  await Promise.all([judge('late', chatId, 50, 1), judge('futuristic', chatId, -50, 50), judge('young', young, 1, 1)]);
  const before = new Date(Date.now() - 30 * 86_400_000).toISOString();
  await here.store.query('insert into journal.events (event, key, payload) values ($1, $2, $3)', [
    inbox.history_forgotten.address,
    before,
    JSON.stringify({ before, chatIds: [chatId], at: new Date().toISOString() }),
  ]);
  const left = () =>
    here.store.query<{ id: string }>(
      `select chat_id as id from sender.chats where chat_id = any ($1) union all select chat_id from sender.consents where chat_id = any ($1)
       union all select message_id from intent_classifier.message_analysis where version = 9 order by 1`,
      [[chatId, young]],
    );
  await it.when(async () => (await left()).length === 2);
  expect(await left()).toEqual([{ id: young }, { id: 'young' }]);
  expect((await here.bus.call(inbox.get_message, { messageId })).chatId).toBe(young);
});
