import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { intents } from '../../contracts/intents.ts';
import type { InputOf, OutputOf } from '../../contracts/kit/define.ts';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { answerTo, botId, emptied, start, type Written, writeTo } from './fixture.ts';
import { migrate } from './rows/chats.ts';
import { put } from './rows/put.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() => emptied(here.store, 'collector.chats, collector.users, collector.raw_updates, journal.events'));
afterAll(() => here.stop());

type Wanted = InputOf<typeof inbox.list_chats>;
type Item = OutputOf<typeof inbox.list_chats>['items'][number];
const write = (...told: readonly Written[]) => writeTo(hosted.bus, ...told);
const answer = (written: Written, knows?: string) => answerTo(hosted.bus, written, knows);
const list = async (wanted: Wanted = {}) => (await here.bus.call(inbox.list_chats, wanted)).items;
/** All pages. */
async function all(wanted: Wanted, limit: number): Promise<readonly Item[]> {
  const found: Item[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await here.bus.call(inbox.list_chats, { ...wanted, limit, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}
const state = async () => (await list()).map(({ unanswered, waitingSince, isUrgent }) => [unanswered, waitingSince, isUrgent]).at(0);
const at = (minute: number) => new Date(start + minute * 60_000).toISOString();
const messageIds = async () => (await here.bus.call(inbox.list_messages, {})).items.map(({ messageId }) => messageId);
const classify = (messageId: string, chatId: string, judged: { intent: string; isUrgent: boolean }) =>
  hosted.bus.commit(async (tx) =>
    tx.emit(intents.message_classified, { messageId, chatId, isCertain: true, confidence: 0.9, stage: 'local', ...judged } as never),
  );

test('a chat waits since the oldest message without an answer, until staff or the bot answers', async () => {
  const say = (minute: number, more: Partial<Written> = {}) => write({ text: `${minute}`, at: start + minute * 60_000, ...more });
  await say(1);
  await say(2);
  expect(await state()).toEqual([2, at(1), false]);
  await say(3, { role: 'broadcast_bot', from: '9' });
  expect(await state()).toEqual([2, at(1), false]);
  await answer({ text: 'ответ', at: start + 4 * 60_000 });
  expect(await state()).toEqual([0, null, false]);
  await say(5);
  await say(6, { role: 'manager', from: '50' });
  expect(await state()).toEqual([0, null, false]);
  // Sent before the answer and delivered after it.
  await say(0);
  expect(await state()).toEqual([1, at(0), false]);
});

test('an answer leaves unanswered what its author did not know', async () => {
  await write({ text: 'раз', at: start }, { text: 'два', at: start + 60_000 });
  const [second, first] = await messageIds();
  await answer({ text: 'ответ на первое', at: start + 90_000 }, first);
  expect(await state()).toEqual([1, at(1), false]);
  await answer({ text: 'ответ на второе', at: start + 95_000 }, second);
  expect(await state()).toEqual([0, null, false]);
});

test('a chat shows the intent of the last message of the customer, and is urgent while an unanswered one is', async () => {
  await write({ text: 'Срочно!', at: start }, { text: 'ау', at: start + 60_000 });
  const [second = '', first = ''] = await messageIds();
  const [{ chatId } = { chatId: '' }] = await list();
  const shown = async () => (await list()).map(({ intent, isUrgent }) => [intent, isUrgent])[0];
  const becomes = (expected: unknown) => until(async () => (JSON.stringify(await shown()) === JSON.stringify(expected) ? true : null));
  await classify(first, chatId, { intent: 'complaint', isUrgent: true });
  await becomes([null, true]);
  await classify(second, chatId, { intent: 'question', isUrgent: false });
  await becomes(['question', true]);
  await classify(first, chatId, { intent: 'question', isUrgent: false });
  await becomes(['question', false]);
  await classify(first, chatId, { intent: 'complaint', isUrgent: true });
  await becomes(['question', true]);
  await answer({ text: 'ответ' });
  expect(await shown()).toEqual(['question', false]);
  await write({ text: 'ещё' });
  expect(await shown()).toEqual([null, false]);
});

test('a withdrawn message, an erased customer and a new colleague wait for nothing', async () => {
  await write({ text: 'а', chat: '1', from: '1' }, { text: 'б', chat: '2', from: '2' }, { text: 'в', chat: '3', from: '3' });
  const waiting = async () => (await list({ order: 'waiting' })).map(({ lastMessage }) => lastMessage?.text);
  expect(await waiting()).toEqual(['а', 'б', 'в']);
  const items = (await here.bus.call(inbox.list_messages, {})).items;
  const of = (text: string) => items.find((item) => item.text === text);
  await hosted.bus.commit((tx) =>
    put(tx, 'telegram', {
      botId,
      updates: [
        {
          externalId: 'r1',
          raw: '{}',
          parts: [
            {
              is: 'removal',
              chat: { externalId: '1', kind: 'private', title: null },
              externalIds: [of('а')?.externalId ?? ''],
              at: Date.now(),
            },
          ],
        },
      ],
    } as never),
  );
  expect(await waiting()).toEqual(['б', 'в']);
  await here.bus.call(inbox.set_role, { customerId: of('б')?.sender?.customerId ?? '', role: 'manager' });
  expect(await waiting()).toEqual(['в']);
  await here.bus.call(inbox.erase_person, { customerId: of('в')?.sender?.customerId ?? '' });
  expect(await waiting()).toEqual([]);
  expect((await list()).map(({ chatId }) => chatId)).not.toContain(of('в')?.chatId);
});

test('of two chats that become one, the customer who waits longest still waits', async () => {
  await write({ text: 'а', chat: '1', from: '1', at: start }, { text: 'б', chat: '2', from: '1', at: start + 60_000 });
  await hosted.bus.commit((tx) => migrate(tx, { channel: 'telegram', botId }, '1', '2'));
  expect(await list()).toMatchObject([{ unanswered: 2, waitingSince: at(0), lastMessage: { text: 'б' }, customer: { name: 'Клиент 1' } }]);
});

test('a filter shows exactly the chats that have what it names, in order over all pages, and totals count them', async () => {
  const random = seededRandom(7);
  const pick = <T>(...of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
  for (let chat = 1; chat <= 30; chat++) {
    // Several times are equal.
    await write({ text: `вопрос ${chat}`, chat: `${chat}`, from: `${chat}`, at: start + Math.floor(random() * 8) * 1000 });
    if (random() < 0.3) await answer({ text: 'ответ', chat: `${chat}`, at: start + 10_000 });
    else if (random() < 0.2) await write({ text: 'я отвечу', chat: `${chat}`, from: '77', role: 'manager', at: Date.now() });
    else if (random() < 0.5) await write({ text: 'и ещё', chat: `${chat}`, from: `${chat}`, at: start + 20_000 });
  }
  for (const { chatId, waitingSince } of await all({}, 50)) {
    await here.bus.call(inbox.assign_chat, { chatId, personId: pick(null, 'anna', 'boris') });
    if (random() < 0.3) await here.bus.call(inbox.set_chat_owner, { chatId, owner: pick('human', 'off') });
    await here.store.query('update collector.chats set intent = $2, is_urgent = $3 where chat_id = $1', [
      chatId,
      pick(null, 'order', 'question'),
      waitingSince !== null && random() < 0.3,
    ]);
  }
  const every = await all({}, 50);
  expect(every).toHaveLength(30);
  const ids = (items: readonly Item[]) => items.map(({ chatId }) => chatId);
  const cases: readonly [Wanted, (item: Item) => boolean][] = [
    [{}, () => true],
    [{ assigned: 'mine', of: 'anna' }, ({ assignedTo }) => assignedTo === 'anna'],
    [{ assigned: 'others', of: 'anna' }, ({ assignedTo }) => assignedTo === 'boris'],
    [{ assigned: 'nobody' }, ({ assignedTo }) => assignedTo === null],
    [{ intent: 'order' }, ({ intent }) => intent === 'order'],
    [{ owner: 'bot' }, ({ owner }) => owner === 'bot'],
    [{ owner: 'human' }, ({ owner }) => owner === 'human'],
    [{ owner: 'off' }, ({ owner }) => owner === 'off'],
    [{ isUrgent: true }, ({ isUrgent }) => isUrgent],
    [{ isUrgent: false }, ({ isUrgent }) => !isUrgent],
    [{ isWaiting: true }, ({ waitingSince }) => waitingSince !== null],
    [{ isWaiting: false }, ({ waitingSince }) => waitingSince === null],
    [{ channel: 'telegram', isWaiting: true, owner: 'human' }, ({ owner, waitingSince }) => owner === 'human' && waitingSince !== null],
    [{ channel: 'whatsapp' }, () => false],
    [{ viewer: { personId: 'anna', role: 'manager' } }, ({ assignedTo }) => assignedTo !== 'boris'],
    [{ viewer: { personId: 'anna', role: 'manager' }, assigned: 'mine' }, ({ assignedTo }) => assignedTo === 'anna'],
    [{ viewer: { personId: 'anna', role: 'manager' }, assigned: 'mine', of: 'boris' }, () => false],
    [{ viewer: { personId: 'anna', role: 'director' }, assigned: 'others' }, ({ assignedTo }) => assignedTo === 'boris'],
  ];
  for (const [wanted, has] of cases) {
    const expected = every.filter(has);
    expect([wanted, ids(await all(wanted, 4))]).toEqual([wanted, ids(expected)]);
    const waiting = expected
      .filter(({ waitingSince }) => waitingSince !== null)
      .sort((a, b) => ((a.waitingSince ?? '') + a.chatId < (b.waitingSince ?? '') + b.chatId ? -1 : 1));
    expect([wanted, ids(await all({ ...wanted, order: 'waiting' }, 4))]).toEqual([wanted, ids(waiting)]);
  }
  for (const who of [
    {},
    { of: 'anna' },
    { viewer: { personId: 'anna', role: 'manager' } as const },
    { viewer: { personId: 'anna', role: 'director' } as const },
  ]) {
    const count = async (wanted: Wanted) => (await all({ ...who, ...wanted, isWaiting: true }, 50)).length;
    const [oldest] = await list({ ...who, order: 'waiting', limit: 1 });
    expect(await here.bus.call(inbox.chat_totals, who)).toEqual({
      waiting: await count({}),
      urgent: await count({ isUrgent: true }),
      forPerson: await count({ owner: 'human' }),
      unassigned: await count({ assigned: 'nobody' }),
      mine: 'of' in who || 'viewer' in who ? await count({ assigned: 'mine' }) : null,
      oldestAt: oldest?.waitingSince,
    });
  }
  await expect(list({ assigned: 'mine' })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('chats are found by words of any message, by the customer, and by likeness where that finds little', async () => {
  await write(
    { text: 'Красные розы', chat: '1', from: '1', name: 'Анна Ли' },
    { text: 'спасибо', chat: '1', from: '1', name: 'Анна Ли' },
    { text: 'доставка', chat: '2', from: '2', name: 'Борис', phone: '+79165550123' },
  );
  const found = async (q: string) => (await list({ q })).map(({ customer }) => customer?.name);
  expect(await found('роза')).toEqual(['Анна Ли']);
  expect(await found('анна')).toEqual(['Анна Ли']);
  expect(await found('8 916 555')).toEqual(['Борис']);
  expect(await found('достваку')).toEqual(['Борис']);
  expect(await found('слон')).toEqual([]);
  const [{ customer } = { customer: null }] = await list({ q: 'роза' });
  expect((await list({ customerId: customer?.customerId })).map((item) => item.customer?.name)).toEqual(['Анна Ли']);
});
