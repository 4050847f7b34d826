import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import { dialog } from '../../contracts/dialog.ts';
import { type World, world } from '../../test/kit/world.ts';
import salon from '../crm-connector/salon.json' with { type: 'json' };
import connector from '../crm-connector/service.ts';
import journalService from '../journal/service.ts';
import { choiceOf, type Reply, unique } from './fixture.ts';
import agent from './service.ts';

let it: World;
beforeAll(async () => {
  it = await world();
  await it.start('crm-connector', connector);
  await it.start('journal', journalService);
  await it.start('dialog-orchestrator', agent, { DIALOG_GATHER_MS: '0' });
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
});
afterAll(() => it.stop());

/** A customer in one session: says something, or presses the option with a title. */
function customer(): (message: string | RegExp) => Promise<Reply> {
  const sessionId = unique('customer');
  let last: Reply | null = null;
  return async (message) => {
    const act = typeof message === 'string' ? { message } : { choice: choiceOf(last as Reply, message) };
    last = await it.bus.call(dialog.dialog, { sessionId, ...act }, { key: unique('act') });
    return last;
  };
}
const appointments = async () => (await it.bus.call(booking.list_appointments, { days: 60 })).appointments;

test('without a language model, a customer gets from a greeting to an appointment by words and buttons', async () => {
  const says = customer();
  expect((await says('Здравствуйте')).choices.map(({ title }) => title)).toContain('Услуги и цены');
  expect((await says('сколько стоит стришка?')).reply).toContain('2 000 ₽');
  expect((await says(/Стрижка/)).reply).toBe('Стрижка. На какой день?');
  expect((await says('на следующей неделе')).choices.length).toBeGreaterThan(3);
  expect((await says('первое')).reply).toMatch(/^Стрижка, .*как вас зовут и ваш номер телефона\?$/);
  expect(await says('Ирина, 8 999 000-00-01')).toMatchObject({ state: 'CONFIRMING', proposals: [{ what: 'create' }] });
  expect(await appointments()).toEqual([]);
  expect((await says(/Подтвердить/)).reply).toContain('Готово, вы записаны.');
  expect(await appointments()).toHaveLength(1);
});

test('without a language model, the agent asks back, corrects a day, and shows nothing of an unproved phone', async () => {
  const says = customer();
  expect((await says('стрижка 31 ноября')).reply).toContain('Такого дня нет в календаре');
  const proposed = await says('нет, через неделю в 12:00. Пётр, 89990000002');
  expect(proposed.reply).toMatch(/12:00.*как вас зовут/s);
  expect(await says('Пётр')).toMatchObject({ state: 'CONFIRMING', proposals: [{ state: 'open' }] });
  const corrected = await says('лучше в 16:00');
  expect(corrected.reply).toMatch(/16:00.*На имя: Пётр/s);
  expect(corrected.proposals).toHaveLength(1);
  expect((await says('мои записи')).reply).toMatch(/номер в этом разговоре не подтвердить/);
});

test('without a language model, a caller dictates a phone with pauses, hears it in the proposal and corrects it', async () => {
  const sessionId = unique('caller');
  async function* nothing(): AsyncGenerator<never> {}
  const says = async (message: string): Promise<Reply> => {
    for await (const item of it.bus.open(dialog.dialog_stream, { sessionId, message }, nothing(), { timeoutMs: 20_000 }))
      if (item.is === 'done') return item.answer;
    throw new Error('There was no answer.');
  };
  expect((await says('запишите на стрижку через неделю в двенадцать')).reply).toMatch(/как вас зовут и ваш номер телефона/);
  expect((await says('Пётр, восемь девятьсот девяносто девять')).reply).toBe('Слушаю дальше.');
  expect((await says('ноль ноль ноль ноль ноль ноль три')).reply).toMatch(/Записываю так:.*На имя: Пётр\nТелефон: \+79990000003/s);
  expect(await says('нет, последняя цифра четыре')).toMatchObject({
    reply: expect.stringContaining('Телефон: +79990000004'),
    proposals: [{ what: 'create' }],
  });
});
