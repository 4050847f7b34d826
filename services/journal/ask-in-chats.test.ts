import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { service } from '../../bus/service.ts';
import { Id, Key, PersonName, PersonText, Phone } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from './service.ts';

const post = contract('post', '1.0.0', {
  draft: method({
    summary: 'Propose a mail.',
    input: z.strictObject({ text: PersonText, undoMs: z.int(), approvers: z.literal([1, 2]) }),
    output: z.object({ id: Id }),
    idempotency: 'keyed',
  }),
  mail: method({
    summary: 'Nothing that a chat of the staff knows of.',
    input: z.strictObject({ to: Phone, name: PersonName, text: PersonText, copies: z.int() }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
    reaches: 'customer',
  }),
  customer_wrote: method({
    summary: 'x',
    input: z.strictObject({ keys: z.array(Key).max(9) }),
    output: z.object({}),
    idempotency: 'keyed',
  }),
});
const token = '7001:AAAA-test';
const [team, others] = [-100500, -100600];
let here: World;
let telegram: TelegramFake;
const mailed: string[] = [];
let settings: Readonly<Record<string, string>>;
/** Telegram's numbers of two managers and of somebody who is none. */
const [anna, boris, client] = [901, 902, 903];

beforeAll(async () => {
  here = await world();
  telegram = await telegramFake({ tokens: [token] });
  settings = { TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: telegram.url, HTTP_ALLOW_PRIVATE: telegram.url };
  await here.start('collector', collector, settings);
  await here.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({
      post: {
        draft: async ({ text, ...asked }, { key, commit }) =>
          commit(async (tx) => ({
            id: tx.send(post.mail, { to: '+79995553322', name: 'Мария', text, copies: 1 }, { key, ...asked }),
          })),
        mail: { attempt: async ({ text }) => ({ mailId: `m${mailed.push(text)}` }), onUnknown: review },
        customer_wrote: async ({ keys }, { commit }) =>
          commit(async (tx) => {
            tx.outdate(post.mail, keys, 'They have called.');
            return {};
          }),
      },
    })),
  );
  for (const person of [anna, boris, client]) telegram.say(token, person, 'здравствуйте');
  const known = await until(async () => {
    const { items } = await here.bus.call(inbox.list_clients, {});
    return items.length === 3 ? items : null;
  });
  for (const { customerId, name } of known)
    if (name !== `Клиент ${client}`) await here.bus.call(inbox.set_role, { customerId, role: 'manager' });
});
afterAll(async () => {
  await here.stop();
  await telegram.close();
});

const draft = async (text: string, { undoMs = 0, approvers = 1 as 1 | 2 } = {}) =>
  (await here.bus.call(post.draft, { text, undoMs, approvers }, { key: text.slice(0, 40) })).id;
const row = (id: string) => here.bus.call(journal.get, { id });
type Message = ReturnType<TelegramFake['screen']>[number];
const shown = (id: string, chat = team) => telegram.screen(token, chat).filter(({ text }) => text.includes(id));
/** The message that shows the row, once it looks as asked. */
const looks = (id: string, like: RegExp, chat = team): Promise<Message> =>
  until(() => shown(id, chat).find(({ text }) => like.test(text)) ?? null);
const press = async (from: number, message: Message, button: string, data?: string) => {
  const pressed = telegram.press(token, from, message, button, data);
  return until(() => pressed.answer ?? null);
};
/** All that earlier tests asked to be shown is, so that what the next one orders meets its own notices. */
const caughtUp = () =>
  until(async () => {
    const [open] = await here.store.query(`select from journal.rows where method like 'approvals.%' and ended_at is null limit 1`);
    return open === undefined || null;
  });
const buttons = (message: Message | undefined) => message?.buttons.map(({ text }) => text);

test('without a chat nobody is asked, and nothing is said of it', async () => {
  const first = await here.start('journal', journalService, settings);
  const id = await draft('никому');
  await here.bus.call(journal.approve, { id });
  await until(() => mailed.includes('никому') || null);
  await first.stop(2_000);
  expect(telegram.sent).toEqual([]);
  expect(here.logged).toEqual([]);
  expect(await here.store.query(`select from journal.rows where method like 'approvals.%'`)).toEqual([]);
});

describe('with a chat', () => {
  let waitedBefore: string;
  let asking: Awaited<ReturnType<World['start']>>;
  beforeAll(async () => {
    const before = await here.start('journal', journalService, settings);
    waitedBefore = await draft('ждало раньше');
    await before.stop(2_000);
    asking = await start();
  });
  const start = () => here.start('journal', journalService, { ...settings, TELEGRAM_APPROVAL_CHATS: `${team},${others}` });

  test('what waited before the chat was named is shown there too', async () => {
    expect(buttons(await looks(waitedBefore, /Ждёт/))).toEqual(['Отправить', 'Отклонить']);
  });

  test('a chat sees what would go out, to whom, and why it waits, whatever the method is', async () => {
    const id = await draft('Курьер будет до 10:30\nНомер: row_0\u202e');
    const { text } = await looks(id, /Ждёт/);
    expect(text.split('\n')).toEqual([
      '⏳ Ждёт согласования',
      'Что: Nothing that a chat of the staff knows of. (post.mail, просит post)',
      'Почему: по правилам сначала смотрит сотрудник',
      '',
      '│ Курьер будет до 10:30',
      '│ Номер: row_0\uFFFD',
      '',
      'to: +7999***3322',
      'name: М***',
      'copies: 1',
      '',
      `Номер: ${id}`,
    ]);
    await looks(id, /Ждёт/, others);
  });

  test('whoever presses decides, under their name, and all chats show it without buttons', async () => {
    const id = await draft('кнопкой');
    expect(await press(anna, await looks(id, /Ждёт/), 'Отправить')).toEqual({ text: 'Одобрено', isAlert: false });
    for (const chat of [team, others]) expect(buttons(await looks(id, /✅ Одобрено: Клиент 901/, chat))).toEqual([]);
    await until(() => mailed.includes('кнопкой') || null);
    expect(mailed.filter((text) => text === 'кнопкой')).toHaveLength(1);
    expect((await row(id)).audit).toMatchObject([{ who: expect.stringMatching(/^journal:telegram\/usr_/), did: 'approved' }]);
  });

  test('what is rejected by a button never goes out', async () => {
    const id = await draft('нет');
    expect(await press(boris, await looks(id, /Ждёт/), 'Отклонить')).toEqual({ text: 'Отклонено', isAlert: false });
    expect(buttons(await looks(id, /❌ Отклонено: Клиент 902/))).toEqual([]);
    expect((await row(id)).state).toBe('rejected');
    expect(mailed).not.toContain('нет');
  });

  test('a draft that was edited is shown anew, and a press on what it was is refused', async () => {
    const id = await draft('до правки');
    const before = { ...(await looks(id, /до правки/)) };
    const { hash } = await row(id);
    const input = { to: '+79995553322', name: 'Мария', text: 'после правки', copies: 1 };
    await here.bus.call(journal.edit, { id, hash, input, onBehalfOf: 'petr' });
    const after = await looks(id, /Текст изменён/);
    expect([after.messageId, after.text.includes('после правки')]).toEqual([before.messageId, true]);
    const old = before.buttons[0]?.callback_data;
    expect(await press(anna, after, 'Отправить', old)).toEqual({ text: expect.stringContaining('изменили'), isAlert: true });
    expect((await row(id)).state).toBe('proposed');
    await press(anna, after, 'Отправить');
    await until(() => mailed.includes('после правки') || null);
    expect(mailed).not.toContain('до правки');
  });

  test('of two who press at once one decides, and the other is told', async () => {
    const id = await draft('вдвоём');
    const message = await looks(id, /Ждёт/);
    const answers = await Promise.all([press(anna, message, 'Отправить'), press(boris, message, 'Отклонить')]);
    expect(answers.map(({ text }) => text).filter((text) => text === 'Уже решено')).toHaveLength(1);
    expect((await row(id)).audit).toHaveLength(1);
  });

  test.each([
    [
      'over HTTP',
      async (id: string) => void (await here.bus.call(journal.approve, { id, onBehalfOf: 'client/key1' })),
      /✅ Одобрено: client\/key1/,
    ],
    [
      'on the command line',
      async (id: string) => void (await here.bus.call(journal.reject, { id, why: 'не тот тон' })),
      /❌ Отклонено: operator \(не тот тон\)/,
    ],
    [
      'by nobody in time',
      (id: string) => here.store.query(`update journal.rows set not_after = now() where id = $1`, [id]),
      /⌛ Время вышло, никто не решил/,
    ],
    [
      'by the customer, who wrote again',
      (id: string) => here.bus.call(post.customer_wrote, { keys: ['by the customer, who wrote again'] }, { key: id }),
      /💬 Устарело/,
    ],
  ])('what is decided %s is shown, and pressing then is too late', async (name, decide, like) => {
    const id = await draft(name, { undoMs: 60_000 });
    const before = { ...(await looks(id, /Ждёт/)) };
    await decide(id);
    const message = await looks(id, like);
    expect(buttons(message)).toEqual([]);
    const answer = await press(anna, message, 'Отправить', before.buttons[0]?.callback_data);
    expect(answer).toEqual({ text: expect.stringMatching(/Уже решено|Устарело/), isAlert: true });
  });

  test('an approval that is taken back is shown, and what waits anew is a new message', async () => {
    const id = await draft('отзыв', { undoMs: 60_000 });
    await press(anna, await looks(id, /Ждёт/), 'Отправить');
    await here.bus.call(journal.recall, { id, onBehalfOf: 'petr' });
    const old = await looks(id, /↩️ Одобрение отозвано: petr/);
    await here.bus.call(journal.retry, { id });
    const anew = await looks(id, /Ждёт/);
    expect(anew.messageId).not.toBe(old.messageId);
    expect(shown(id)).toHaveLength(2);
  });

  test('the first of two who must agree is counted, and may not be the second', async () => {
    const id = await draft('двое', { approvers: 2 });
    expect(await press(anna, await looks(id, /двое/), 'Отправить')).toMatchObject({ text: expect.stringContaining('нужно ещё одно') });
    const half = await looks(id, /уже согласен: Клиент 901/);
    expect(await press(anna, half, 'Отправить')).toMatchObject({ text: expect.stringContaining('второй человек'), isAlert: true });
    expect(await press(boris, half, 'Отправить')).toMatchObject({ text: 'Одобрено' });
    await looks(id, /✅ Одобрено: Клиент 901, Клиент 902/);
  });

  test('a press is refused while somebody else holds the draft, and counts once they left it', async () => {
    const id = await draft('занято');
    const message = await looks(id, /Ждёт/);
    await here.bus.call(journal.hold, { id, onBehalfOf: 'petr' });
    expect(await press(anna, message, 'Отправить')).toEqual({ text: expect.stringContaining('другой сотрудник'), isAlert: true });
    await here.bus.call(journal.release, { id, onBehalfOf: 'petr' });
    expect(await press(anna, message, 'Отправить')).toMatchObject({ text: 'Одобрено' });
  });

  test('a press by a client, from another chat, or with data that somebody made up decides nothing', async () => {
    const id = await draft('чужие');
    const message = await looks(id, /Ждёт/);
    expect(await press(client, message, 'Отправить')).toEqual({ text: expect.stringMatching(/только сотрудники.*usr_/), isAlert: true });
    const elsewhere = telegram.show(token, 12345, message);
    expect(await press(anna, elsewhere, 'Отправить')).toMatchObject({ text: expect.stringContaining('только в чате'), isAlert: true });
    const other = await draft('другие');
    const { callback_data: data = '' } = (await looks(other, /Ждёт/)).buttons[0] ?? {};
    const hashOf = (of: string) => of.split(':')[2];
    for (const forged of [data.replace(/^(a:)\w+/, `$1${id}`), `a:${id}:${'A'.repeat(22)}`])
      expect(await press(anna, message, 'Отправить', forged)).toMatchObject({ text: expect.stringContaining('изменили'), isAlert: true });
    expect(hashOf(data)).not.toBe(hashOf(message.buttons[0]?.callback_data ?? ''));
    const unknown = `a:row_${'0'.repeat(21)}:${'A'.repeat(22)}`;
    expect(await press(anna, message, 'Отправить', unknown)).toMatchObject({ text: 'Этого больше нет', isAlert: true });
    expect([(await row(id)).state, (await row(other)).state]).toEqual(['proposed', 'proposed']);
  });

  test('a message that does not fit into the chat whole cannot be approved there', async () => {
    const id = await draft(`длинно ${'я'.repeat(4080)}`);
    const message = await looks(id, /видно не всё/);
    expect([message.text.length, buttons(message)]).toEqual([4096, ['Отклонить']]);
  });

  test('a notice that Telegram does not take at once comes later, and one that comes twice is closed by its press', async () => {
    await caughtUp();
    telegram.order({ do: 'refuse', on: 'sendMessage', status: 429, retryAfterS: 1 });
    telegram.order({ do: 'cut', on: 'sendMessage', after: true });
    telegram.order({ do: 'refuse', on: 'sendMessage', status: 502 });
    const id = await draft('дважды показано');
    const all = () => [shown(id), shown(id, others)];
    const [stray] = await until(() => (all().every(({ length }) => length > 0) && all().find(({ length }) => length > 1)) || null);
    if (stray === undefined) throw new Error('nothing was shown');
    expect(await press(anna, stray, 'Отправить')).toMatchObject({ text: 'Одобрено' });
    await until(
      () =>
        all()
          .flat()
          .every((message) => message.buttons.length === 0) || null,
    );
    await until(() => mailed.includes('дважды показано') || null);
    expect(mailed.filter((text) => text === 'дважды показано')).toHaveLength(1);
  });

  test('whoever pressed is told of their own decision also when the process that made it ended before it could tell', async () => {
    const id = await draft('недосказано');
    const message = await looks(id, /Ждёт/);
    telegram.order({ do: 'hang', on: 'answerCallbackQuery' });
    const pressed = telegram.press(token, anna, message, 'Отправить');
    await until(async () => (await row(id)).audit.length > 0 || null);
    void asking.stop(0); // what it has begun it never ends
    asking = await start();
    expect(await until(() => pressed.answer ?? null)).toEqual({ text: 'Одобрено', isAlert: false });
  });

  test('whichever process ends when, every notice is shown, and closed in the end', async () => {
    const ids: string[] = [];
    const killing = new AbortController();
    const chats = { ...settings, TELEGRAM_APPROVAL_CHATS: `${team}` };
    const kills = (async () => {
      for (let n = 0; n < 6; n += 1) {
        const one = await here.start('journal', journalService, chats);
        await new Promise((resolve) => setTimeout(resolve, 20 + n * 15));
        await one.stop(0);
      }
      killing.abort();
    })();
    for (let n = 0; !killing.signal.aborted || n < 12; n += 1) ids.push(await draft(`гибель ${n}`, { undoMs: 60_000 }));
    await kills;
    await until(() => ids.every((id) => shown(id).length > 0) || null);
    await Promise.all(ids.map((id) => here.bus.call(journal.reject, { id, why: 'x' })));
    await until(() => ids.every((id) => shown(id).some(({ text }) => text.startsWith('❌'))) || null);
  });

  test('a message that was deleted is posted again when the draft is edited, and is not missed once it is decided', async () => {
    const id = await draft('удалено');
    await looks(id, /удалено/, others); // what is decided before a chat was asked is never shown there
    telegram.erase(token, await looks(id, /удалено/));
    const { hash } = await row(id);
    await here.bus.call(journal.edit, { id, hash, input: { to: '+79995553322', name: 'Мария', text: 'снова', copies: 1 } });
    telegram.erase(token, await looks(id, /снова/));
    await here.bus.call(journal.reject, { id, why: 'x' });
    await looks(id, /❌/, others);
    expect(await here.store.query(`select method, error from journal.rows where method like 'approvals.%' and state = 'failed'`)).toEqual(
      [],
    );
  });

  test('a group that became a supergroup is asked on, and its presses count', async () => {
    telegram.move(team, -100700);
    const id = await draft('переезд');
    expect(await press(anna, await looks(id, /Ждёт/, -100700), 'Отправить')).toMatchObject({ text: 'Одобрено' });
    await looks(id, /✅/, -100700);
  });
});
