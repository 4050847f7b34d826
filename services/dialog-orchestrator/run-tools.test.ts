import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../contracts/booking.ts';
import { dialog } from '../../contracts/dialog.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import { type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture, unique } from './fixture.ts';

let world_: World;
let it: Fixture;
beforeAll(async () => {
  world_ = await world();
  it = await fixture(world_, { 'crm-connector': connector, journal: journalService }, { salon });
  it.thinks(() => {
    throw new Error('the model of the chats is not asked');
  });
});
afterAll(() => world_.stop());

type Calls = readonly (readonly [name: string, args: object])[];
function caller(phoneNumber: string) {
  const sessionId = unique('call');
  const runs = (said: string | null, calls: Calls, more: Partial<InputOf<typeof dialog.run_tools>> = {}, key = unique('run')) =>
    world_.bus.call(
      dialog.run_tools,
      {
        ...{ sessionId, said, model: 'test/speech', phoneNumber },
        toolCalls: calls.map(([name, args], n) => ({ id: `call_${n}`, name, arguments: JSON.stringify(args) })),
        ...more,
      },
      { key },
    );
  return { sessionId, runs, tools: async () => await world_.bus.call(dialog.list_tools, { sessionId, phoneNumber }) };
}
const appointments = async () => (await world_.bus.call(booking.list_appointments, { days: 60 })).appointments.length;
const slots: Calls = [['get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }]];
const create: Calls = [['create_appointment', { slot: 's1', name: 'Анна' }]];

test('a model that speaks itself books: times, a proposal in our words, and the customer’s own yes', async () => {
  const { runs, tools } = caller('+79990000011');
  const first = await tools();
  expect(first.tools.map(({ name }) => name)).not.toContain('create_appointment');
  expect(first.instructions).toMatch(/по телефону/);
  const offered = await runs('Хочу на стрижку', slots);
  expect(offered).toMatchObject({ state: 'BOOKING', say: null, results: [{ id: 'call_0', outcome: 'done' }] });
  expect((await tools()).tools.map(({ name }) => name)).toContain('create_appointment');
  const proposed = await runs('Давайте первое, я Анна', create);
  expect(proposed).toMatchObject({
    state: 'CONFIRMING',
    proposals: [{ what: 'create', state: 'open' }],
    results: [{ outcome: 'proposed' }],
  });
  expect(proposed.say).toContain('Записываю так:\nСтрижка');
  expect(await appointments()).toBe(0);
  const booked = await runs('Да, записывайте', []);
  expect(booked).toMatchObject({ state: 'COMPLETED', results: [] });
  expect(booked.say).toContain('Готово, вы записаны.');
  expect(await appointments()).toBe(1);
});

test('the model cannot agree in the place of the customer, and words after the talk has moved on agree to nothing', async () => {
  const { runs } = caller('+79990000012');
  await runs('Хочу на стрижку', slots);
  await runs('Первое', create);
  const before = await appointments();
  expect(await runs(null, [['confirm', {}]])).toMatchObject({ results: [{ outcome: 'unknown_tool' }] });
  await runs('А сколько это стоит?', []);
  expect(await runs('Да', [])).toMatchObject({ say: null });
  expect(await appointments()).toBe(before);
});

test('a repeat with the same key runs nothing again, and has the same results', async () => {
  const { runs, sessionId } = caller('+79990000013');
  const key = unique('run');
  const once = await runs('Хочу на стрижку', slots, {}, key);
  expect(await runs('Хочу на стрижку', slots, {}, key)).toEqual(once);
  expect((await it.session(sessionId)).turns).toHaveLength(1);
});

test('nothing said and nothing called is no turn', async () => {
  const { runs } = caller('+79990000014');
  expect(await runs(null, [])).toMatchObject({ turnId: null, say: null, results: [] });
});

test('a refusal of the customer closes the proposal', async () => {
  const { runs } = caller('+79990000015');
  await runs('Хочу на стрижку', slots);
  await runs('Первое', create);
  expect((await runs('Нет, не надо', [])).say).not.toBeNull();
  expect(await runs('Да', [])).toMatchObject({ say: null });
});

test('a model that hands over says it in our words', async () => {
  const { runs } = caller('+79990000016');
  const handed = await runs('Позовите человека', [['hand_over', { reason: 'asks for a person' }]]);
  expect(handed.isHandedOver).toBe(true);
  expect(handed.say).toMatch(handed.isStaffAway ? /^Сейчас мы закрыты. Сотрудник перезвонит вам .+\.$/ : /^Соединяю вас с сотрудником\.$/);
});
