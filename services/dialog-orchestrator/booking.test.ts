import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../contracts/booking.ts';
import { dialog } from '../../contracts/dialog.ts';
import { type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { type Brain, choiceOf, type Fixture, fixture, lastResult, type Scripted, unique } from './fixture.ts';
import { sessionIdOf } from './ids.ts';

let world_: World;
let it: Fixture;
beforeAll(async () => {
  world_ = await world();
  it = await fixture(world_, { 'crm-connector': connector, journal: journalService }, { salon });
});
afterAll(() => world_.stop());

/** Asks for times, then books the first one that was offered. */
const books: Brain = (request) => {
  const result = lastResult(request);
  if (result === null) return { calls: [['get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }]] };
  if ('slots' in result) return { text: 'Есть свободное время, выберите удобное.' };
  return { text: 'Хорошо.' };
};
const proposes: Brain = () => ({ calls: [['create_appointment', { slot: 's1', name: 'Анна', phone: '+79990000001' }]] });
const appointments = async () => (await world_.bus.call(booking.list_appointments, { days: 60 })).appointments;

test('times are offered as options, one is proposed, confirmed by a press, booked once, and told in a receipt', async () => {
  const session = unique('visitor');
  it.thinks(books);
  const offered = await it.say(session, 'Хочу на стрижку на следующей неделе');
  expect(offered).toMatchObject({ state: 'BOOKING', intent: 'book', proposals: [] });
  expect(offered.reply).toBe('Есть свободное время, выберите удобное.');
  expect(offered.choices.length).toBeGreaterThan(3);
  it.thinks(proposes);
  const proposed = await it.press(session, offered.choices[0]?.id ?? '');
  expect(proposed).toMatchObject({ state: 'CONFIRMING', proposals: [{ what: 'create', state: 'open' }] });
  expect(proposed.reply).toContain('Записываю так:\nСтрижка');
  expect(await appointments()).toEqual([]);
  const confirmed = await it.press(session, choiceOf(proposed, /Подтвердить/));
  expect(confirmed.reply).toContain('Готово, вы записаны.');
  expect(confirmed.state).toBe('COMPLETED');
  expect(await appointments()).toHaveLength(1);
  const again = await it.press(session, choiceOf(proposed, /Подтвердить/));
  expect(again.reply).toBeNull();
  expect(await appointments()).toHaveLength(1);
});

/** One turn whose first answer is given; the second is a text. */
const answersOnce =
  (first: Scripted): Brain =>
  (_request, nth) =>
    nth === 1 ? first : { text: 'Хорошо, помогу.' };
const toolsOf = async (session: string) =>
  (await it.session(session)).turns.flatMap(({ tools }) => tools.map(({ name, outcome, result }) => ({ name, outcome, result })));

test.each<[string, Scripted, object]>([
  ['an unknown tool', { calls: [['delete_everything', {}]] }, { outcome: 'unknown_tool', result: { error: 'unknown_tool' } }],
  ['arguments that are no JSON', { calls: [['get_services', '{"query":']] }, { outcome: 'bad_arguments', result: { expected: {} } }],
  ['arguments of another shape', { calls: [['get_available_slots', { services: 'haircut' }]] }, { outcome: 'bad_arguments' }],
  ['a field that no tool has', { calls: [['hand_over', { reason: 'x', approve: true }]] }, { outcome: 'bad_arguments' }],
  ['a booking before times were offered', { calls: [['create_appointment', { slot: 's1' }]] }, { outcome: 'not_allowed' }],
  ['an unknown service', { calls: [['get_available_slots', { services: ['massage'] }]] }, { outcome: 'not_known' }],
  ['the past', { calls: [['get_available_slots', { services: ['haircut'], date: '2020-01-01' }]] }, { outcome: 'bad_arguments' }],
  [
    'a weekday that does not fit',
    { calls: [['get_available_slots', { services: ['haircut'], day: 'вчера' }]] },
    { outcome: 'bad_arguments' },
  ],
  ['appointments of an unproved phone', { calls: [['get_client_appointments', {}]] }, { outcome: 'not_allowed' }],
  ['a client by another phone', { calls: [['get_client_by_phone', { phone: '+79990000001' }]] }, { outcome: 'not_allowed' }],
  ['a cancellation of an unknown appointment', { calls: [['cancel_appointment', { appointment: 'a1' }]] }, { outcome: 'not_allowed' }],
  ['a client under a claimed phone', { calls: [['create_client', { name: 'Б', phone: '+79990000002' }]] }, { outcome: 'not_allowed' }],
])('the model gets a typed refusal for %s, and the turn goes on', async (_, first, expected) => {
  const session = unique('refused');
  it.thinks(answersOnce(first));
  const reply = await it.say(session, 'Здравствуйте', { phoneNumber: '+79990000003' });
  expect(await toolsOf(session)).toMatchObject([expected]);
  expect(reply.proposals).toEqual([]);
  if (!/appointments|by another|cancellation/.test(_)) expect(reply.reply).toBe('Хорошо, помогу.');
  const tool = it.requests[1]?.messages.filter(({ role }) => role === 'tool');
  expect(tool).toHaveLength(1);
});

test('names of the contracts are aliases of the seeds’ names, and a slot of another conversation is not known', async () => {
  const [mine, other] = [unique('mine'), unique('other')];
  it.thinks(books);
  await it.say(other, 'Стрижка на следующей неделе');
  it.thinks((request) =>
    lastResult(request) === null ? { calls: [['get_free_slots', { services: ['haircut'] }]] } : { text: 'Выберите.' },
  );
  await it.say(mine, 'Когда свободно?');
  expect(await toolsOf(mine)).toMatchObject([{ name: 'get_available_slots', outcome: 'done' }]);
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's999', name: 'В', phone: '+79990000004' }]] }));
  await it.say(mine, 'Давайте');
  expect((await toolsOf(mine)).at(-1)).toMatchObject({ outcome: 'not_known' });
  expect((await it.session(mine)).proposals).toEqual([]);
});

test('the same read again in a turn gets the kept result, and calls beyond the budget are refused', async () => {
  const session = unique('loops');
  it.thinks((request) =>
    request.tools.length === 0
      ? { text: 'Вот что есть.' }
      : {
          calls: [
            ['get_services', {}],
            ['get_services', {}],
          ],
        },
  );
  const reply = await it.say(session, 'Что у вас есть?');
  expect(reply.reply).toBe('Вот что есть.');
  const outcomes = (await toolsOf(session)).map(({ outcome }) => outcome);
  expect(outcomes.slice(0, 2)).toEqual(['done', 'kept']);
  expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
  expect(it.requests.length).toBeLessThanOrEqual(6);
});

test('ten calls in one answer get ten results, of which the last are refused', async () => {
  const session = unique('ten');
  it.thinks(answersOnce({ calls: Array.from({ length: 10 }, () => ['get_employees', {}] as const) }));
  await it.say(session, 'Кто работает?');
  const outcomes = (await toolsOf(session)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['done', ...Array(7).fill('kept'), 'budget', 'budget']);
  expect(it.requests[1]?.messages.filter(({ role }) => role === 'tool')).toHaveLength(10);
});

test('two proposals in one answer are one, and a later proposal outdates it', async () => {
  const session = unique('twice');
  it.thinks(books);
  await it.say(session, 'Стрижка на следующей неделе');
  const two = { name: 'Г', phone: '+79990000005' };
  it.thinks(
    answersOnce({
      calls: [
        ['create_appointment', { slot: 's1', ...two }],
        ['create_appointment', { slot: 's2', ...two }],
      ],
    }),
  );
  const first = await it.say(session, 'Первое');
  expect((await toolsOf(session)).slice(-2).map(({ outcome }) => outcome)).toEqual(['proposed', 'budget']);
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's3', ...two }]] }));
  const second = await it.say(session, 'Нет, лучше третье');
  const { proposals } = await it.session(session);
  expect(proposals.map(({ state }) => state)).toEqual(['open', 'outdated']);
  expect((await it.press(session, choiceOf(first, /Подтвердить/))).reply).toBe('Это предложение уже не действует.');
  expect((await it.press(session, choiceOf(second, /Отменить/))).reply).toMatch(/^Хорошо, ничего не меняю/);
  expect((await it.press(session, choiceOf(second, /Подтвердить/))).reply).toBe('Это предложение уже не действует.');
  expect((await appointments()).filter(({ phoneNumber }) => phoneNumber === two.phone)).toEqual([]);
});

test.each([
  ['да', true],
  ['Подтверждаю', true],
  ['да, а можно на час раньше?', false],
  ['спасибо, до свидания', false],
])('a typed «%s» confirms the open proposal: %s', async (text, confirms) => {
  const session = unique('typed');
  const phone = `+7999111${String(Math.floor(Math.random() * 9000) + 1000)}`;
  it.thinks(books);
  await it.say(session, 'Стрижка на следующей неделе');
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's5', name: 'Д', phone }]] }));
  await it.say(session, 'Пятое');
  it.thinks(() => ({ text: 'Подтверждаете?' }));
  const reply = await it.say(session, text);
  expect(reply.state).toBe(confirms ? 'COMPLETED' : 'CONFIRMING');
  expect((await appointments()).filter((each) => each.phoneNumber === phone)).toHaveLength(confirms ? 1 : 0);
});

test('a slot that was taken meanwhile is not booked; others are offered', async () => {
  const session = unique('busy');
  it.thinks(books);
  await it.say(session, 'Стрижка на следующей неделе');
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's7', name: 'Е', phone: '+79990000007' }]] }));
  const proposed = await it.say(session, 'Седьмое');
  const [row] = await it.rows<{ slotId: string }>(`select input->>'slotId' as "slotId" from journal.rows where id = $1`, [
    proposed.proposals[0]?.rowId,
  ]);
  const client = { name: 'Ж', phoneNumber: '+79990000008' };
  await world_.bus.call(booking.create_appointment, { slotId: row?.slotId ?? '', client }, { key: unique('other') });
  const reply = await it.press(session, choiceOf(proposed, /Подтвердить/));
  expect(reply.reply).toMatch(/^Это время только что заняли/);
  expect(reply.choices.length).toBeGreaterThan(1);
  expect(reply.state).toBe('BOOKING');
  expect((await appointments()).filter(({ phoneNumber }) => phoneNumber === '+79990000007')).toEqual([]);
});

test('a model that claims to have booked is asked once to write again, then a plain text of ours goes out', async () => {
  const session = unique('claims');
  it.thinks(() => ({ text: 'Готово, записала вас на завтра в 18:00!' }));
  const reply = await it.say(session, 'Запишите меня');
  expect(reply.reply).toBe('Скажите, пожалуйста, какая услуга нужна и на какой день? Посмотрю свободное время.');
  const { turns } = await it.session(session);
  expect(turns[0]).toMatchObject({ replyBy: 'plain', steps: [{}, {}] });
  expect(turns[0]?.findings.map(({ kind }) => kind)).toContain('booked');
  it.thinks((_request, nth) => ({ text: nth === 1 ? 'Вы записаны!' : 'На какой день вас записать?' }));
  expect(await it.say(session, 'Ну?')).toMatchObject({ reply: 'На какой день вас записать?' });
});

test('a press of another conversation, of no conversation, and a forged one do nothing', async () => {
  const [mine, other] = [unique('mine'), unique('other')];
  it.thinks(books);
  await it.say(other, 'Стрижка на следующей неделе');
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's2', name: 'З', phone: '+79990000009' }]] }));
  const theirs = await it.say(other, 'Второе');
  it.thinks(() => ({ text: 'Да?' }));
  for (const token of [choiceOf(theirs, /Подтвердить/), 'c_forged']) {
    const reply = await it.press(mine, token);
    expect(reply.reply).toBe('Эта кнопка уже не действует.');
  }
  expect((await it.session(other)).proposals).toMatchObject([{ state: 'open' }]);
});

test('the same message twice at once is one turn, and the same press twice one booking', async () => {
  const session = unique('killed');
  it.thinks(books);
  await it.say(session, 'Стрижка на следующей неделе');
  const asked: number[] = [];
  it.thinks((_request, nth) => {
    asked.push(nth);
    return { calls: [['create_appointment', { slot: 's9', name: 'И', phone: '+79990000010' }]] };
  });
  const key = unique('twice');
  const say = () => world_.bus.call(dialog.dialog, { sessionId: session, message: 'Девятое' }, { key });
  const [first, again] = await Promise.all([say(), say()]);
  expect(again).toEqual(first);
  expect(asked).toEqual([1]);
  const press = unique('press');
  const confirmed = await Promise.all([1, 2].map(() => it.press(session, choiceOf(first, /Подтвердить/), press)));
  expect(confirmed[1]).toEqual(confirmed[0]);
  expect((await appointments()).filter(({ phoneNumber }) => phoneNumber === '+79990000010')).toHaveLength(1);
});

test('with a claimed phone the customer may move and cancel what this conversation made, and nothing else of that phone', async () => {
  const [mine, other] = [unique('mine'), unique('other')];
  const person = { name: 'К', phone: '+79990000012' };
  const bookedIn = async (session: string, ref: string) => {
    it.thinks(books);
    await it.say(session, 'Стрижка на следующей неделе');
    it.thinks(answersOnce({ calls: [['create_appointment', { slot: ref, ...person }]] }));
    await it.press(session, choiceOf(await it.say(session, 'Это'), /Подтвердить/));
  };
  await bookedIn(other, 's12');
  await bookedIn(mine, 's14');
  it.thinks((request) => (lastResult(request) === null ? { calls: [['get_client_appointments', {}]] } : { text: 'Вот ваша запись.' }));
  await it.say(mine, 'Мои записи?');
  const shown = ((await toolsOf(mine)).at(-1)?.result ?? {}) as { appointments?: { appointment: string }[] };
  expect(shown.appointments).toHaveLength(1);
  it.thinks(answersOnce({ calls: [['cancel_appointment', { appointment: shown.appointments?.[0]?.appointment }]] }));
  const reply = await it.press(mine, choiceOf(await it.say(mine, 'Отмените'), /Подтвердить/));
  expect(reply.reply).toMatch(/^Запись отменена/);
  const left = (await appointments()).filter(({ phoneNumber, status }) => phoneNumber === person.phone && status === 'booked');
  expect(left).toHaveLength(1);
});

test.each<[string, Scripted]>([
  ['a NUL and half of a character in arguments', { calls: [['create_client', '{"name":"\\u0000\\ud800","ph\\u0000":1}']] }],
  ['the same in the name of a tool', { calls: [['\u0000\ud800', {}]] }],
  ['the same in a text', { text: 'Хорошо\u0000\ud800' }],
  ['half of a character at the cut of a long text', { text: `${'я'.repeat(4095)}👍` }],
  ['a text of invisible characters', { text: '\u200b\u2060' }],
])('the customer gets a visible reply after %s', async (_, first) => {
  const session = unique('odd');
  it.thinks(answersOnce(first));
  const { reply } = await it.say(session, 'Здравствуйте');
  expect(reply).toMatch(/[\p{L}]/u);
});

const offersTo = async (session: string, more: object = {}) => {
  it.thinks(books);
  await it.say(session, 'Стрижка на следующей неделе', more);
};

test('an agreement confirms the proposal only as an answer to it', async () => {
  const session = unique('agrees');
  await offersTo(session);
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's4', name: 'Е', phone: '+79990000021' }]] }));
  await it.say(session, 'Первое');
  it.thinks(() => ({ text: 'Хотите ещё что-нибудь узнать?' }));
  await it.say(session, 'А кто мастер?');
  await it.say(session, 'Да');
  expect((await it.session(session)).proposals).toMatchObject([{ state: 'open' }]);
});

test('a phone that the model adds is shown in the proposal, and replaces no phone that the customer stated', async () => {
  const [silent, stated] = [unique('phone'), unique('phone')];
  const asks: Scripted = { calls: [['create_appointment', { slot: 's5', name: 'Ж', phone: '+79990000031' }]] };
  await offersTo(silent);
  it.thinks(answersOnce(asks));
  expect((await it.say(silent, 'Первое')).proposals[0]?.text).toContain('+79990000031');
  await offersTo(stated, { phoneNumber: '+79990000032' });
  it.thinks(answersOnce(asks));
  expect((await it.say(stated, 'Первое')).proposals[0]?.text).not.toContain('+7999');
  const rows = await it.rows<{ phone: string }>(
    `select input->'client'->>'phoneNumber' as phone from dialog_orchestrator.proposals where session_id = any ($1) order by seq`,
    [[silent, stated].map(sessionIdOf)],
  );
  expect(rows.map(({ phone }) => phone)).toEqual(['+79990000031', '+79990000032']);
});

test('the limit of a phone holds for sessions that propose at the same time', async () => {
  const sessions = Array.from({ length: 6 }, () => unique('limit'));
  for (const session of sessions) await offersTo(session);
  it.thinks((request) =>
    lastResult(request) === null
      ? { calls: [['create_appointment', { slot: 's6', name: 'З', phone: '+79990000041' }]] }
      : { text: 'Хорошо.' },
  );
  const replies = await Promise.all(sessions.map((session) => it.say(session, 'Первое')));
  expect(replies.filter(({ proposals }) => proposals.length > 0)).toHaveLength(3);
});

test('an appointment that the owner of a claimed phone made is not changed by booking its time again', async () => {
  const session = unique('again');
  const phone = '+79990000051';
  await offersTo(session, { phoneNumber: phone });
  const [session_] = await it.rows<{ offered: readonly { slot: string; start: string }[] }>(
    `select memory->'offered' as offered from dialog_orchestrator.sessions where external_id = $1`,
    [session],
  );
  const { slots } = await world_.bus.call(booking.get_free_slots, { serviceIds: ['haircut'], days: 14, limit: 400 });
  const free = Map.groupBy(slots, ({ start }) => start);
  const offer = session_?.offered.find(({ start }) => free.get(start)?.length === 2);
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: offer?.slot, name: 'И' }]] }));
  await it.say(session, 'Это');
  const same = free.get(offer?.start ?? '') ?? [];
  const slotId = same.at(-1)?.slotId ?? '';
  await world_.bus.call(booking.create_appointment, { slotId, client: { name: 'Владелец', phoneNumber: phone } }, { key: unique('owner') });
  await it.say(session, 'Да');
  it.thinks(answersOnce({ calls: [['cancel_appointment', { appointment: 'a41' }]] }));
  await it.say(session, 'Отмените запись');
  expect((await toolsOf(session)).at(-1)).toMatchObject({ name: 'cancel_appointment', outcome: 'not_allowed' });
});

test('the conversation continues in the language in which the customer writes', async () => {
  const session = unique('english');
  it.thinks((request) =>
    lastResult(request) === null ? { calls: [['get_available_slots', { services: ['haircut'] }]] } : { text: 'Choose a time.' },
  );
  await it.say(session, 'Hello, a haircut next week please');
  it.thinks(answersOnce({ calls: [['create_appointment', { slot: 's6', name: 'Ann', phone: '+79990000013' }]] }));
  const proposed = await it.say(session, 'The sixth one, please');
  expect(proposed.reply).toContain('Shall I book this?');
  expect(proposed.choices.map(({ title }) => title)).toEqual(['Confirm', 'Cancel']);
  it.thinks(() => ({ text: 'Хорошо.' }));
  await it.say(session, 'Нет, давайте по-русски');
  expect((await it.session(session)).session.language).toBe('ru');
});
