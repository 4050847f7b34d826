/** The agent without a language model, in Telegram: over our strict Bot API and over an emulator that others wrote. */
import { afterEach, expect, test } from '@jest/globals';
import { telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import { inbox } from '../../contracts/inbox.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import sender from '../sender/service.ts';
import agent from './service.ts';

const token = '7001:AAAA-test';
interface Shown {
  readonly text: string;
  readonly buttons: readonly { readonly text: string; readonly data: string }[];
}
/** A customer with a client of Telegram. */
interface Customer {
  say(text: string): unknown;
  press(message: Shown, title: string): unknown;
  /** Messages of the bot, in their current version. */
  screen(): Promise<readonly Shown[]>;
}
/** The parts of telegram-test-api that are used here. */
interface Emulator {
  start(): Promise<void>;
  stop(): Promise<boolean>;
  getClient(token: string, options: object): EmulatorClient;
}
interface EmulatorClient {
  makeMessage(text: string): object;
  sendMessage(message: object): Promise<unknown>;
  makeCallbackQuery(data: string, more: object): object;
  sendCallback(query: object): Promise<unknown>;
  getUpdatesHistory(): Promise<
    readonly {
      readonly messageId: number;
      readonly message?: {
        readonly chat_id?: number | string;
        readonly text: string;
        readonly reply_markup?: {
          readonly inline_keyboard?: readonly (readonly { readonly text: string; readonly callback_data: string }[])[];
        };
      };
    }[]
  >;
}

let here: World | undefined;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await here?.stop();
  for (const close of closing.splice(0)) await close();
});

const settingsOf = (root: string) => ({
  ...{ TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: root, HTTP_ALLOW_PRIVATE: root, SENDER_UNDO_MS: '0', SENDER_APPROVAL: 'none' },
  ...{ DIALOG_MODE: 'auto', DIALOG_GATHER_MS: '0', DIALOG_FRAGMENT_MS: '0' },
});
/** The agent beside the services that it needs. */
async function started(root: string) {
  const it = await world();
  here = it;
  const hosted = await it.start('crm-connector', connector);
  for (const [folder, service] of Object.entries({ journal: journalService, collector, sender }))
    await it.start(folder, service, settingsOf(root));
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
  return { it, hosted, agent: await it.start('dialog-orchestrator', agent, settingsOf(root)) };
}
async function strict() {
  const telegram = await telegramFake({ tokens: [token] });
  closing.push(() => telegram.close());
  let people = 300;
  const customer = (): Customer => {
    people += 1;
    const id = people;
    const screen = () => telegram.screen(token, id);
    return {
      say: (text) => telegram.say(token, id, text, { from: { id, is_bot: false, first_name: 'Анна' } }),
      press: (message, title) => {
        const shown = screen().findLast(({ text }) => text === message.text);
        if (shown !== undefined) telegram.press(token, id, shown, title);
      },
      screen: async () =>
        screen().map(({ text, buttons }) => ({ text, buttons: buttons.map((each) => ({ text: each.text, data: each.callback_data })) })),
    };
  };
  return { root: telegram.url, customer };
}
async function emulated() {
  // Its types need a package that it does not bring.
  const { default: Server } = (await import('telegram-test-api')) as unknown as { default: new (options: object) => Emulator };
  const port = await freePort();
  const emulator = new Server({ host: '127.0.0.1', port });
  await emulator.start();
  closing.push(() => emulator.stop());
  const customer = (): Customer => {
    const client = emulator.getClient(token, { userId: 42, chatId: 42, firstName: 'Анна' });
    const messages = async () => (await client.getUpdatesHistory()).filter(({ message }) => message?.chat_id !== undefined);
    return {
      say: (text) => client.sendMessage(client.makeMessage(text)),
      press: async ({ text }, title) => {
        const of = (await messages()).findLast(({ message }) => message?.text === text);
        const button = of?.message?.reply_markup?.inline_keyboard?.flat().find((each) => each.text === title);
        if (of === undefined || button === undefined) throw new TypeError(`there is no button ${title} to press`);
        await client.sendCallback(client.makeCallbackQuery(button.callback_data, { message: { message_id: of.messageId, text } }));
      },
      screen: async () =>
        (await messages()).map(({ message }) => ({
          text: message?.text ?? '',
          buttons: (message?.reply_markup?.inline_keyboard ?? []).flat().map((each) => ({ text: each.text, data: each.callback_data })),
        })),
    };
  };
  return { root: `http://127.0.0.1:${port}`, customer };
}
/** The next message of the bot that the customer has not read yet. */
function reader(of: Customer) {
  let read = 0;
  return async (): Promise<Shown> => {
    read += 1;
    return until(async () => (await of.screen())[read - 1]);
  };
}
const titles = ({ buttons }: Shown) => buttons.map(({ text }) => text);

test.each([
  ['our strict Bot API', strict],
  ['telegram-test-api', emulated],
])('without a language model a customer gets from /start to an appointment by buttons, over %s', async (_, server) => {
  const { root, customer } = await server();
  const { it } = await started(root);
  const anna = customer();
  const next = reader(anna);
  await anna.say('/start');
  expect((await next()).text).toBe('Здравствуйте! Напишите, чем мы можем помочь.');
  await anna.say('Добрый день!');
  const menu = await next();
  expect([menu.text, titles(menu)]).toEqual([
    'Здравствуйте! Это салон «Лада». Чем могу помочь?',
    ['Выбрать время', 'Услуги и цены', 'Мои записи', 'Позвать сотрудника'],
  ]);
  await anna.press(menu, 'Услуги и цены');
  const services = await next();
  const haircut = titles(services).find((title) => title.startsWith('Стрижка')) ?? '';
  expect(haircut).toContain('2 000 ₽');
  await anna.press(services, haircut);
  const days = await next();
  expect(days.text).toBe('Стрижка. На какой день?');
  await anna.press(days, 'Ближайшее время');
  const slots = await next();
  expect([slots.text, titles(slots).at(-1)]).toEqual(['Выберите удобное время.', 'Ещё']);
  await anna.press(slots, titles(slots)[0] ?? '');
  expect((await next()).text).toMatch(/^Стрижка, .*ваш номер телефона\?$/);
  await until(
    async () => (await it.store.query(`select from collector.messages where direction = 'out' and text like '%номер телефона?'`))[0],
  );
  await anna.say('+7 999 000-00-21');
  const proposal = await next();
  expect(proposal.text).toMatch(/^Записываю так:\nСтрижка.*На имя: Анна/s);
  expect((await it.bus.call(booking.list_appointments, { days: 60 })).appointments).toEqual([]);
  await anna.press(proposal, 'Подтвердить');
  expect((await next()).text).toMatch(/^Готово, вы записаны/);
  expect((await it.bus.call(booking.list_appointments, { days: 60 })).appointments).toMatchObject([{ phoneNumber: '+79990000021' }]);
});

test('a company without services and hours says so, and a booking system that is away is named as such: a person is offered, nothing is invented', async () => {
  const { root, customer } = await strict();
  const { it, hosted, agent: first } = await started(root);
  // The agent reads the company once a minute.
  await first.stop(2_000);
  await it.bus.call(company.set, { company: { ...salon, services: [], employees: [], openingHours: [] } as never });
  const second = await it.start('dialog-orchestrator', agent, settingsOf(root));
  const boris = customer();
  const next = reader(boris);
  await boris.say('Хочу записаться на стрижку завтра.');
  const none = await next();
  expect([none.text, titles(none)]).toEqual(['Услуг, на которые открыт приём, сейчас нет. Позвать сотрудника?', ['Позвать сотрудника']]);
  await boris.say('До скольки вы работаете?');
  expect((await next()).text).toBe('Этого я не знаю. Позвать сотрудника?');

  await second.stop(2_000);
  await hosted.stop(2_000);
  const closed = `http://127.0.0.1:${await freePort()}`;
  await it.start('crm-connector', connector, {
    ...{
      BOOKING_KIND: 'easyweek',
      EASYWEEK_API_KEY: 'key',
      EASYWEEK_WORKSPACE: 'salon',
      EASYWEEK_LOCATION_ID: '0197a0f0-0000-7000-8000-000000000001',
      EASYWEEK_URL: closed,
      HTTP_ALLOW_PRIVATE: closed,
    },
  });
  await it.start('dialog-orchestrator', agent, settingsOf(root));
  await boris.say('Хочу на стрижку завтра.');
  const away = await next();
  expect(away.text).toBe('Система записи сейчас не отвечает. Попробуйте чуть позже или позовите сотрудника.');
  await boris.press(away, 'Позвать сотрудника');
  expect((await next()).text).toMatch(/^Передаю разговор сотруднику/);
  const [chat] = await it.store.query<{ chatId: string }>('select chat_id as "chatId" from collector.chats', []);
  await until(async () => (await it.bus.call(inbox.chat_context, { chatId: chat?.chatId ?? '' })).chat.owner === 'human');
});
