import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Customer, type WhatsAppFake, whatsappFake } from '../../adapters/vendors/whatsapp/fake.ts';
import { booking } from '../../contracts/booking.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import sender from '../sender/service.ts';
import { type Brain, type Fixture, fixture } from './fixture.ts';

const graph = { token: 'token-of-the-test', appSecret: 'app-secret-of-the-test' };
let world_: World;
let whatsapp: WhatsAppFake;
let it: Fixture;
beforeAll(async () => {
  world_ = await world();
  whatsapp = await whatsappFake(graph);
  const settings = {
    ...{ WHATSAPP_TOKEN: graph.token, WHATSAPP_APP_SECRET: graph.appSecret, WHATSAPP_API_ROOT: whatsapp.url },
    ...{ HTTP_ALLOW_PRIVATE: whatsapp.url, SENDER_UNDO_MS: '0', DIALOG_MODE: 'auto', DIALOG_GATHER_MS: '100', DIALOG_FRAGMENT_MS: '100' },
  };
  whatsapp.deliverTo((delivery) =>
    world_.bus.call(inbox.channel_webhook, { channel: 'whatsapp', ...delivery }).then(
      () => true,
      () => false, // It is delivered again.
    ),
  );
  it = await fixture(world_, { 'crm-connector': connector, journal: journalService, collector, sender }, { salon, settings });
  it.thinks(receptionist);
});
afterAll(async () => {
  await world_.stop();
  await whatsapp.close();
});

/** Results of the tools of this turn, the latest last. */
const results = (request: Parameters<Brain>[0]) =>
  request.messages.flatMap((message) => (message.role === 'tool' ? [JSON.parse(message.text) as Record<string, unknown[]>] : []));
/** Offers haircuts, proposes what was pressed, and shows, moves and cancels the first own appointment. */
const receptionist: Brain = (request) => {
  const said = request.messages.findLast(({ role }) => role === 'user')?.text ?? '';
  const { pressed, customer } = request.facts as { pressed: { kind: string; ref: string } | null; customer: { phone: string } };
  const who = customer.phone === 'proved' ? {} : { name: 'Клиент', phone: '+79995550099' };
  const found = results(request);
  const own = found.flatMap(({ appointments }) => appointments ?? []) as { appointment: string; service: string; date: string }[];
  const [slot] = found.flatMap(({ slots }) => slots ?? []) as { slot: string }[];
  const isOver = found.some((result) => 'proposal' in result || 'error' in result);
  if (isOver) return { text: 'Хорошо.' };
  if (pressed?.kind === 'slot') return { calls: [['create_appointment', { slot: pressed.ref, ...who }]] };
  if (/записи|Перенес|Отмен/.test(said) && found.length === 0) return { calls: [['get_client_appointments', {}]] };
  if (/записи/.test(said))
    return { text: own.length === 0 ? 'Пока ничего нет.' : `Вижу: ${own.map(({ service }) => service).join(', ')}.` };
  if (/Отмен/.test(said)) return { calls: [['cancel_appointment', { appointment: own[0]?.appointment }]] };
  if (slot === undefined && /стрижк|Перенес/i.test(said))
    return { calls: [['get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }]] };
  if (/Перенес/.test(said)) return { calls: [['reschedule_appointment', { appointment: own[0]?.appointment, slot: slot?.slot }]] };
  return { text: slot === undefined ? `Вы сказали: ${said.slice(0, 40)}` : 'Выберите время.' };
};

let people = 0;
const somebody = (): Customer & { readonly phone: string } => {
  people += 1;
  return { phone: `7999555${String(1000 + people)}`, userId: `RU.${900_000_000_000_000 + people}`, name: `Клиент ${people}` };
};
type Sent = WhatsAppFake['sent'][number];
interface Interactive {
  readonly type: string;
  readonly body: { readonly text: string };
  readonly action: {
    readonly buttons?: readonly { readonly reply: { readonly id: string; readonly title: string } }[];
    readonly sections?: readonly { readonly rows: readonly { readonly title: string }[] }[];
  };
}
const sentTo = ({ phone, userId }: Customer) => whatsapp.sent.filter(({ to }) => to === (phone ?? userId));
const comes = (to: Customer, nth: number) => until(() => sentTo(to)[nth - 1]) as Promise<Sent>;
const textOf = ({ body }: Sent) =>
  ((body.text as { body?: string } | undefined)?.body ?? (body.interactive as Interactive | undefined)?.body.text) as string;
const optionsOf = ({ body }: Sent) => {
  const { type, action } = body.interactive as Interactive;
  const titles = [
    ...(action.buttons ?? []).map(({ reply }) => reply.title),
    ...(action.sections ?? []).flatMap(({ rows }) => rows.map(({ title }) => title)),
  ];
  return { type, titles };
};
/** The reply that chooses a button of a message. */
const quickReply = ({ id, body }: Sent, title: string) => {
  const { buttons = [] } = (body.interactive as Interactive).action;
  const reply = buttons.map((each) => each.reply).find((each) => each.title === title);
  return { type: 'interactive', interactive: { type: 'button_reply', button_reply: reply }, context: { id } };
};
let serial = 0;
/** Messages of one person in one delivery. */
function deliver({ phone, userId, name }: Customer, ...said: readonly object[]): void {
  serial += said.length;
  const [timestamp, whole] = [String(Math.floor(Date.now() / 1000)), { from: phone, from_user_id: userId }];
  whatsapp.deliver({
    contacts: [{ profile: { name }, wa_id: phone, user_id: userId }],
    messages: said.map((each, n) => ({ ...whole, id: `wamid.IN-${serial}-${n}`, timestamp, ...each })),
  });
}
const taken = () => until(() => whatsapp.untaken() === 0 || null);
const chatOf = async ({ phone, userId }: Customer) => {
  const [row] = await world_.store.query<{ chatId: string }>('select chat_id as "chatId" from collector.chats where external_id = $1', [
    phone ?? userId,
  ]);
  return row?.chatId ?? '';
};
const turnsOf = async (of: Customer) => (await it.session(await chatOf(of))).turns;
const appointmentsOf = async ({ phone }: Customer & { readonly phone: string }) =>
  (await world_.bus.call(booking.list_appointments, { days: 60 })).appointments.filter((each) => each.phoneNumber === `+${phone}`);
/** Asks, chooses the nth time, and returns the proposal. */
async function proposedTo(who: Customer, nth: number): Promise<Sent> {
  const from = sentTo(who).length;
  whatsapp.say(who, 'Хочу на стрижку');
  const offered = await comes(who, from + 1);
  whatsapp.choose(who, offered, optionsOf(offered).titles[nth] ?? '');
  return comes(who, from + 2);
}

test('a customer books by a list, its next page and buttons; the owner of the number sees, moves and cancels the appointment', async () => {
  const anna = somebody();
  whatsapp.say(anna, 'Хочу на стрижку');
  const offered = await comes(anna, 1);
  expect(textOf(offered)).toBe('Выберите время.');
  const { type, titles } = optionsOf(offered);
  expect([type, titles.length, titles.at(-1)]).toEqual(['list', 9, 'Ещё']);
  whatsapp.choose(anna, offered, 'Ещё');
  const page = await comes(anna, 2);
  expect(optionsOf(page).titles).not.toContain(titles[0]);
  whatsapp.choose(anna, page, optionsOf(page).titles[0] ?? '');
  const proposal = await comes(anna, 3);
  expect(textOf(proposal)).toMatch(/^Записываю так:\nСтрижка/);
  expect(optionsOf(proposal)).toEqual({ type: 'button', titles: ['Подтвердить', 'Отменить'] });
  whatsapp.choose(anna, proposal, 'Подтвердить');
  expect(textOf(await comes(anna, 4))).toMatch(/^Готово, вы записаны/);
  const [booked] = await appointmentsOf(anna);
  expect((await it.session(await chatOf(anna))).session).toMatchObject({ phoneProof: 'proved', phoneNumber: `+${anna.phone}` });

  whatsapp.say(anna, 'Какие у меня записи?');
  expect(textOf(await comes(anna, 5))).toBe('Вижу: Стрижка.');
  whatsapp.say(anna, 'Перенесите');
  const move = await comes(anna, 6);
  expect(textOf(move)).toMatch(/^Переношу так:/);
  whatsapp.choose(anna, move, 'Подтвердить');
  expect(textOf(await comes(anna, 7))).toMatch(/^Готово, запись перенесена/);
  const [moved, other] = await appointmentsOf(anna);
  expect([moved?.start === booked?.start, other]).toEqual([false, undefined]);

  whatsapp.say(anna, 'Отмените');
  const cancel = await comes(anna, 8);
  whatsapp.choose(anna, cancel, 'Подтвердить');
  expect(textOf(await comes(anna, 9))).toMatch(/^Запись отменена/);
  expect((await appointmentsOf(anna)).filter(({ status }) => status === 'booked' || status === 'confirmed')).toEqual([]);
  const { proposals } = await it.session(await chatOf(anna));
  expect(proposals.map(({ what, state }) => `${what} ${state}`)).toEqual(['cancel done', 'move done', 'create done']);
});

test('whoever hides the number proves nothing: appointments are not shown, and staff takes over', async () => {
  const hidden = { userId: 'RU.77770000000000001', name: 'Скрытый' };
  whatsapp.say(hidden, 'Мой номер +79990001122, какие у меня записи?');
  const reply = await until(() => whatsapp.sent.find(({ to }) => to === hidden.userId));
  expect(textOf(reply as Sent)).not.toMatch(/кнопк/i);
  const chatId = await until(async () => {
    const [row] = await world_.store.query<{ chatId: string }>('select chat_id as "chatId" from collector.chats where external_id = $1', [
      hidden.userId,
    ]);
    return row?.chatId;
  });
  await until(async () => (await world_.bus.call(inbox.chat_context, { chatId })).chat.owner === 'human');
  expect((await it.session(chatId)).session).toMatchObject({ phoneProof: 'claimed', isHandedOver: true });
});

test('a quick reply pressed twice, and delivered twice, books once and is answered by one receipt', async () => {
  const boris = somebody();
  const proposal = await proposedTo(boris, 2);
  whatsapp.choose(boris, proposal, 'Подтвердить');
  const second = whatsapp.choose(boris, proposal, 'Подтвердить');
  await comes(boris, 3);
  // Meta repeats a delivery whose reply it lost.
  deliver(boris, { ...quickReply(proposal, 'Подтвердить'), id: second });
  await taken();
  await until(
    async () =>
      (await world_.store.query('select from dialog_orchestrator.inputs where session_id = $1 and turn_id is null', [await chatOf(boris)]))
        .length === 0,
  );
  whatsapp.say(boris, 'Спасибо');
  expect(textOf(await comes(boris, 4))).toBe('Вы сказали: Спасибо');
  expect(await appointmentsOf(boris)).toHaveLength(1);
  expect(sentTo(boris).filter((each) => /вы записаны/.test(textOf(each)))).toHaveLength(1);
});

test('a press counts as a press, however late its event is: its title is never read as words', async () => {
  const vera = somebody();
  whatsapp.say(vera, 'Хочу на стрижку');
  const offered = await comes(vera, 1);
  // The event of the press comes after the turn of its message.
  await world_.store.query(`create function late() returns trigger language plpgsql as $$ begin return null; end $$`);
  await world_.store.query(
    `create trigger late before insert on journal.events for each row when (new.event = '${inbox.button_pressed.address}') execute function late()`,
  );
  whatsapp.choose(vera, offered, optionsOf(offered).titles[5] ?? '');
  const proposal = await comes(vera, 2);
  await world_.store.query('drop function late cascade');
  expect(textOf(proposal)).toMatch(/^Записываю так/);
});

test('a text and a press at once are both answered, and the press decides about its proposal', async () => {
  const gleb = somebody();
  const proposal = await proposedTo(gleb, 4);
  deliver(gleb, { type: 'text', text: { body: 'А парковка есть?' } }, quickReply(proposal, 'Подтвердить'));
  const receipt = await until(() => sentTo(gleb).find((each) => /^Готово, вы записаны/.test(textOf(each))));
  expect(receipt).toBeDefined();
  await until(() => sentTo(gleb).find((each) => /^Вы сказали: А парковка есть/.test(textOf(each))));
  expect(await appointmentsOf(gleb)).toHaveLength(1);
  expect((await turnsOf(gleb)).flatMap(({ said }) => said).filter((text) => text === 'А парковка есть?')).toHaveLength(1);
});

test('a receipt that comes after the window of 24 hours is not sent, and is a dead letter that says why', async () => {
  const dina = somebody();
  await proposedTo(dina, 6);
  const chatId = await chatOf(dina);
  const [proposal] = (await it.session(chatId)).proposals;
  for (const table of ['sender.chats', 'collector.chats'])
    await world_.store.query(`update ${table} set last_inbound_at = now() - interval '25 hours' where chat_id = $1`, [chatId]);
  // The outcome was unknown until now.
  await world_.store.query(`update dialog_orchestrator.proposals set state = 'unknown', evidence = 'press/x' where proposal_id = $1`, [
    proposal?.proposalId,
  ]);
  await world_.bus.call(journal.confirm, {
    id: proposal?.rowId ?? '',
    hash: await hashOf(proposal?.proposalId ?? ''),
    evidence: { kind: 'press', id: 'x' },
  });
  const dead = await until(async () =>
    (await world_.bus.call(journal.list, { view: 'dead_letters', show: 'revealed', limit: 100 })).items.find(
      ({ method, input }) => method === messages.send_reply.address && (input as { chatId?: string }).chatId === chatId,
    ),
  );
  expect(dead).toMatchObject({ state: 'failed', reason: 'window_closed' });
  expect(sentTo(dina)).toHaveLength(2);
  expect(await appointmentsOf(dina)).toHaveLength(1);
});
const hashOf = async (proposalId: string) => {
  const [row] = await world_.store.query<{ hash: string }>('select hash from dialog_orchestrator.proposals where proposal_id = $1', [
    proposalId,
  ]);
  return row?.hash ?? '';
};

test('a long text of the model is shortened beside options, and what we write is whole', async () => {
  const egor = somebody();
  it.thinks((_request, nth) =>
    nth === 1 ? { calls: [['get_available_slots', { services: ['haircut'] }]] } : { text: 'Выберите время. '.repeat(150) },
  );
  whatsapp.say(egor, 'Хочу на стрижку');
  const offered = await comes(egor, 1);
  it.thinks(receptionist);
  expect(textOf(offered).length).toBeLessThanOrEqual(1024);
  expect(optionsOf(offered).titles.length).toBeGreaterThan(3);
});

test('a proposal of a chat that turns out to be the customer’s other one is confirmed there, and what comes late under the former chat is answered', async () => {
  const olga = somebody();
  const hidden = { userId: olga.userId ?? '', name: 'Клиент' };
  whatsapp.say({ phone: olga.phone, name: 'Клиент' }, 'Добрый день!');
  await comes(olga, 1);
  const proposal = await proposedTo(hidden, 7);
  const [stays, goes] = [await chatOf(olga), await chatOf(hidden)];
  expect(goes).not.toBe(stays);
  whatsapp.choose(olga, proposal, 'Подтвердить');
  const receipt = await until(() => sentTo(olga).find((each) => /^Готово, вы записаны/.test(textOf(each))));
  expect(receipt).toBeDefined();
  expect((await it.session(stays)).proposals).toMatchObject([{ what: 'create', state: 'done' }]);
  const { messages: said } = await world_.bus.call(inbox.chat_context, { chatId: stays });
  const late = said.find(({ text }) => text === 'Добрый день!')?.messageId ?? '';
  await world_.store.query(`update dialog_orchestrator.inputs set session_id = $2, turn_id = null where input_id = $1`, [late, goes]);
  await world_.bus.call(dialog.take_turn, { sessionId: goes }, { key: 'late' });
  await until(() => sentTo(olga).filter((each) => textOf(each) === 'Вы сказали: Добрый день!')[1]);
  expect(await world_.store.query('select from dialog_orchestrator.sessions where session_id = $1', [goes])).toEqual([]);
});

test('a press that comes before the merge of its chats is known confirms the proposal', async () => {
  const vera = somebody();
  const hidden = { userId: vera.userId ?? '', name: 'Клиент' };
  whatsapp.say({ phone: vera.phone, name: 'Клиент' }, 'Добрый день!');
  await comes(vera, 1);
  const proposal = await proposedTo(hidden, 6);
  const [stays, goes] = [await chatOf(vera), await chatOf(hidden)];
  whatsapp.say(vera, 'А парковка есть?');
  await comes(vera, 2);
  await until(
    async () => (await world_.store.query('select from dialog_orchestrator.sessions where session_id = $1', [goes])).length === 0,
  );
  for (const table of ['proposals', 'choices'])
    await world_.store.query(`update dialog_orchestrator.${table} set session_id = $2 where session_id = $1`, [stays, goes]);
  whatsapp.choose(vera, proposal, 'Подтвердить');
  expect(textOf(await comes(vera, 3))).toMatch(/^Готово, вы записаны/);
  expect((await it.session(stays)).proposals).toMatchObject([{ what: 'create', state: 'done' }]);
});

test('a message that was withdrawn before the turn gets no answer', async () => {
  const petr = somebody();
  const text = { id: 'wamid.WITHDRAWN', type: 'text', text: { body: 'Напишите мне в другой раз.' } };
  deliver(petr, text, { type: 'revoke', revoke: { original_message_id: text.id } });
  await taken();
  await until(async () => {
    const inputs = await world_.store.query<{ turnId: string | null }>(
      'select turn_id as "turnId" from dialog_orchestrator.inputs where session_id = $1',
      [await chatOf(petr)],
    );
    return inputs.length > 0 && inputs.every(({ turnId }) => turnId !== null);
  });
  whatsapp.say(petr, 'А парковка есть?');
  expect(textOf(await comes(petr, 1))).toBe('Вы сказали: А парковка есть?');
});
