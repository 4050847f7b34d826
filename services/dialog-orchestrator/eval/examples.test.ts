import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { booking } from '../../../contracts/booking.ts';
import { company } from '../../../contracts/company.ts';
import { dialog } from '../../../contracts/dialog.ts';
import { dialogCalls, exampleScripts } from '../../../test/kit/dialogs.ts';
import { type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };
import connector from '../../crm-connector/service.ts';
import journalService from '../../journal/service.ts';
import agent from '../service.ts';
import { type EvalPorts, runScript } from './run-script.ts';

let it: World;
beforeAll(async () => {
  it = await world();
  call = dialogCalls(it.bus);
  await it.start('crm-connector', connector);
  await it.start('journal', journalService);
  await it.start('dialog-orchestrator', agent, { DIALOG_GATHER_MS: '0' });
  await it.bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never });
});
afterAll(() => it?.stop());

const scripts = exampleScripts();
let call: EvalPorts['call'];
const inCalendar = async () =>
  (await it.bus.call(booking.list_appointments, { days: 62 })).appointments.filter(({ status }) => status !== 'cancelled').length;

test('without a language model, every example has its effects and no other', async () => {
  expect(scripts.length).toBeGreaterThanOrEqual(60);
  const verdicts = [];
  for (const [at, script] of scripts.entries())
    verdicts.push(await runScript(script, { call, run: `example-${at}`, phone: `+7900555${String(at).padStart(4, '0')}`, keep: true }));
  expect(verdicts.filter(({ failures }) => failures.length > 0).map(({ name, failures }) => ({ name, failures }))).toEqual([]);
  const left = scripts.reduce((sum, { effects: { booked, cancelled } }) => sum + booked - cancelled, 0);
  expect(await inCalendar()).toBe(left);
});

test('an appointment of one conversation is not known in another that states the same phone', async () => {
  const phone = '+79005559999';
  const say = (sessionId: string, more: object, key: string) => it.bus.call(dialog.dialog, { sessionId, ...more } as never, { key });
  await say('first', { message: 'Стрижка на следующей неделе', phoneNumber: phone, name: 'Ирина' }, 'p1');
  const proposed = await say('first', { message: 'первое' }, 'p2');
  await say('first', { choice: proposed.choices[0]?.id }, 'p3');
  expect((await say('first', { message: 'мои записи' }, 'p4')).reply).toMatch(/Ваши записи:\n– Стрижка/);
  const other = await say('second', { message: 'мои записи', phoneNumber: phone, name: 'Ирина' }, 'p5');
  expect(other.reply).not.toMatch(/Стрижка|\d\d:\d\d/);
  expect(await say('second', { message: 'отмените запись' }, 'p6')).toMatchObject({ proposals: [] });
});
