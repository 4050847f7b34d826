import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TelegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import { type Fixture, fixture } from '../sender/fixture.ts';
import journalService from './service.ts';

const token = '7001:AAAA-test';
const team = -100500;
/** Telegram's number of a manager. */
const anna = 901;
let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService }, { tokens: [token], settings: { TELEGRAM_APPROVAL_CHATS: `${team}` } });
  await it.says(anna);
  const { items } = await here.bus.call(inbox.list_clients, {});
  for (const { customerId } of items) await here.bus.call(inbox.set_role, { customerId, role: 'manager' });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});

type Message = ReturnType<TelegramFake['screen']>[number];
const looks = (id: string, like: RegExp): Promise<Message> =>
  until(() => it.telegram.screen(token, team).find(({ text }) => text.includes(id) && like.test(text)) ?? null);
/** The open message that asks what became of the row, but for a former one. */
const asked = (id: string, but?: number) =>
  until(
    () =>
      it.telegram
        .screen(token, team)
        .find(
          ({ text, buttons, messageId }) =>
            text.includes(id) && /Неизвестно, дошло ли/.test(text) && buttons.length > 0 && messageId !== but,
        ) ?? null,
  );
const press = async (message: Message, button: string, { from = anna, data }: { from?: number; data?: string } = {}) => {
  const pressed = it.telegram.press(token, from, message, button, data);
  return until(() => pressed.answer ?? null);
};
const labels = (message: Message) => message.buttons.map(({ text }) => text);
const sentTo = (customer: number) => it.telegram.sent.filter(({ chatId }) => chatId === customer).map(({ text }) => text);
const answers = ['Дошло', 'Не дошло, отправить снова', 'Не дошло, не отправлять'];

/** A message whose connection is cut as it goes out, as its chat of managers shows it, and an approved answer behind it. */
async function doubted() {
  const customer = it.somebody();
  const { chatId } = await it.says(customer);
  const { id } = await it.send(chatId, 'первое', `первое ${customer}`);
  const draft = await looks(id, /Ждёт согласования/);
  it.telegram.order({ do: 'cut', on: 'sendMessage', to: customer, after: true });
  expect(await press(draft, 'Отправить')).toMatchObject({ text: 'Одобрено' });
  const notice = await asked(id);
  const { id: behind } = await it.send(chatId, 'второе', `второе ${customer}`);
  const said = await press(await looks(behind, /Ждёт согласования/), 'Отправить');
  expect(said).toEqual({ text: expect.stringMatching(/после ответа, дошло ли прежнее/), isAlert: true });
  expect(await it.row(behind)).toMatchObject({ state: 'queued', waitsFor: id });
  return { customer, id, behind, draft, notice };
}

test('a doubt is a new message that shows the customer, the words, the cause and what each answer does', async () => {
  const { customer, id, draft, notice } = await doubted();
  expect(notice.messageId).not.toBe(draft.messageId);
  expect(labels(notice)).toEqual(answers);
  for (const part of ['первое', `Кому: Клиент ${customer}, telegram`, 'Почему: The connection broke', 'ждут, пока вы не ответите', id])
    expect(notice.text).toContain(part);
  for (const answer of answers) expect(notice.text).toMatch(new RegExp(`^«${answer}»: .*отправится|^«${answer}»: .*уйдёт`, 'm'));
});

test.each([
  ['Дошло', 'happened', /Записано: дошло/, /✅ Дошло: Клиент 901/, ['первое', 'второе']],
  [
    'Не дошло, отправить снова',
    'try_again',
    /Отправится снова/,
    /🔁 Не дошло, отправляется снова: Клиент 901/,
    ['первое', 'первое', 'второе'],
  ],
  ['Не дошло, не отправлять', 'give_up', /Не отправится/, /🚫 Не дошло, не отправляется: Клиент 901/, ['первое', 'второе']],
])('«%s» frees the chat, is audited as %s, and the message says so', async (button, answer, said, like, texts) => {
  const { customer, id, behind, notice } = await doubted();
  expect(await press({ ...notice }, button)).toEqual({ text: expect.stringMatching(said), isAlert: false });
  expect(labels(await looks(id, like))).toEqual([]);
  await it.comes(behind, 'sent');
  expect(sentTo(customer)).toEqual(texts);
  expect((await it.row(id)).audit).toContainEqual(
    expect.objectContaining({ who: expect.stringMatching(/^journal:telegram\/usr_/), did: `resolved: ${answer}` }),
  );
});

test('what somebody else answered is shown, and a press after it does nothing but say so', async () => {
  const { customer, id, behind, notice } = await doubted();
  const before = { ...notice, buttons: notice.buttons };
  const again = before.buttons[1]?.callback_data ?? '';
  await here.bus.call(journal.resolve, { id, answer: 'happened', onBehalfOf: 'client/key1' });
  const closed = await looks(id, /✅ Дошло: client\/key1/);
  expect(await press(closed, 'x', { data: again })).toEqual({ text: expect.stringMatching(/уже ответили/), isAlert: true });
  await it.comes(behind, 'sent');
  expect([(await it.row(id)).state, sentTo(customer)]).toEqual(['done', ['первое', 'второе']]);
});

test('a second doubt of one message is asked anew, and a press on the first leaves it open', async () => {
  const { customer, id, notice } = await doubted();
  const [happened] = [...notice.buttons];
  it.telegram.order({ do: 'cut', on: 'sendMessage', to: customer, after: true });
  await press({ ...notice }, 'Не дошло, отправить снова');
  const second = await asked(id, notice.messageId);
  expect(await press(second, 'x', { data: happened?.callback_data ?? '' })).toEqual({
    text: expect.stringMatching(/уже ответили/),
    isAlert: true,
  });
  expect((await it.row(id)).state).toBe('review');
  expect(await press(second, 'Дошло')).toMatchObject({ isAlert: false });
});

test('only staff settles a doubt, and only in the chat that is asked', async () => {
  const { customer, id, notice } = await doubted();
  expect(await press(notice, 'Дошло', { from: customer })).toMatchObject({
    text: expect.stringMatching(/только сотрудники/),
    isAlert: true,
  });
  const elsewhere = it.telegram.show(token, 12345, notice);
  expect(await press(elsewhere, 'Дошло')).toMatchObject({ text: expect.stringMatching(/только в чате/), isAlert: true });
  expect((await it.row(id)).state).toBe('review');
});
