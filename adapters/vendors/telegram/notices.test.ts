import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Notices } from '../../channel/port.ts';
import { createHttp } from '../../http.ts';
import { type TelegramFake, telegramFake } from './fake.ts';
import { telegramNotices } from './notices.ts';

const token = '7001:AAAA-test';
const team = -100500;
const signal = AbortSignal.timeout(60_000);
const buttons = [
  { text: 'Да', data: 'y' },
  { text: 'Нет', data: 'n' },
];
let fake: TelegramFake;
let http: ReturnType<typeof createHttp>;
let notices: Notices;
beforeEach(async () => {
  fake = await telegramFake({ tokens: [token] });
  http = createHttp({ allowPrivate: [fake.url] });
  notices = telegramNotices({ TELEGRAM_BOT_TOKENS: [token], TELEGRAM_API_ROOT: fake.url }, { http }) as Notices;
});
afterEach(async () => {
  await http.close();
  await fake.close();
});
const shown = () => fake.screen(token, team).map(({ text, buttons: under }) => [text, under.map((each) => each.text)]);

test('a notice is posted with its buttons, redrawn, and loses them', async () => {
  const posted = await notices.post(String(team), { text: 'Отправить?', buttons }, signal);
  expect(shown()).toEqual([['Отправить?', ['Да', 'Нет']]]);
  expect(await notices.redraw(posted, { text: 'Иначе?', buttons }, signal)).toBe(true);
  expect(await notices.redraw(posted, { text: 'Решено', buttons: [] }, signal)).toBe(true);
  expect(shown()).toEqual([['Решено', []]]);
});

test('a notice that looks so already is no failure, and one that was deleted is told', async () => {
  const notice = { text: 'Отправить?', buttons };
  const posted = await notices.post(String(team), notice, signal);
  expect(await notices.redraw(posted, notice, signal)).toBe(true);
  const [message] = fake.screen(token, team);
  if (message) fake.erase(token, message);
  expect(await notices.redraw(posted, { ...notice, text: 'Решено' }, signal)).toBe(false);
});

test('a text as long as a message may be is taken, a longer one and a button with more than 64 bytes are refused', async () => {
  const { longestText } = notices;
  await notices.post(String(team), { text: 'я'.repeat(longestText), buttons }, signal);
  const longer = notices.post(String(team), { text: 'я'.repeat(longestText + 1), buttons }, signal);
  await expect(longer).rejects.toMatchObject({ reason: 'too_long' });
  const long = notices.post(String(team), { text: 'x', buttons: [{ text: 'Да', data: 'я'.repeat(33) }] }, signal);
  await expect(long).rejects.toMatchObject({ code: 'failed_precondition' });
});

test('a group that became a supergroup is asked under its new id', async () => {
  fake.move(team, -100900);
  expect(await notices.post(String(team), { text: 'Отправить?', buttons }, signal)).toMatchObject({ chat: '-100900' });
});

test('a press is answered once', async () => {
  await notices.post(String(team), { text: 'Отправить?', buttons }, signal);
  const [message] = fake.screen(token, team);
  if (message === undefined) throw new Error('nothing was posted');
  const pressed = fake.press(token, 42, message, 'Да');
  await notices.answer(pressed.id, { text: 'Отправлено', isAlert: false }, signal);
  expect(pressed.answer).toEqual({ text: 'Отправлено', isAlert: false });
  await expect(notices.answer(pressed.id, { text: 'Снова', isAlert: false }, signal)).rejects.toMatchObject({ outcome: 'not_executed' });
});

test('without a bot nobody is asked', () => {
  expect(telegramNotices({ TELEGRAM_BOT_TOKENS: [], TELEGRAM_API_ROOT: fake.url }, { http })).toBeNull();
});
