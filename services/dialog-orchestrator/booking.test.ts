import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../contracts/booking.ts';
import { type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { type Brain, choiceOf, type Fixture, fixture, lastResult, unique } from './fixture.ts';

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
