import { afterEach, expect, test } from '@jest/globals';
import { amocrm } from '../../../test/kit/amocrm.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import type { Deps } from '../../deps.ts';
import { amoBooking, amoBookingSettings } from './booking.ts';
import { amoUsers } from './fake-records.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const schedule = {
  timeZone: 'Europe/Moscow',
  stepMinutes: 30,
  services: [
    { serviceId: 'haircut', name: 'Стрижка', durationMinutes: 60 },
    { serviceId: 'colouring', name: 'Окрашивание', durationMinutes: 60, bufferMinutes: 30 },
  ],
  hours: [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '10:00', to: '18:00' })),
};
const [anna, boris] = amoUsers.map(({ id }) => id) as [number, number];

/** A separate amoCRM on Monday 7 December 2026, 9 o'clock in Moscow. */
async function setup() {
  const it = await amocrm({ now: Date.parse('2026-12-07T06:00:00Z') });
  const options = amoBookingSettings.parse({ ...it.settings, AMOCRM_SCHEDULE: JSON.stringify(schedule) });
  return {
    ...it,
    options,
    booking: amoBooking(options, it.deps),
    contact: (name: string, phones: readonly string[] = []) => String(it.fake.records.contact({ name, phones }).id),
    /** A meeting that staff entered. */
    meeting(start: string, more: Readonly<Record<string, unknown>> = {}) {
      const entity_id = it.fake.records.contact({ name: 'Гость' }).id;
      const due = { complete_till: Date.parse(start) / 1000, task_type_id: 2, responsible_user_id: anna };
      return it.fake.records.create('tasks', [{ text: 'Встреча', entity_id, entity_type: 'contacts', ...due, ...more }])[0];
    },
  };
}
async function started() {
  const it = await setup();
  closing.push(it.stop);
  return it;
}
type It = Awaited<ReturnType<typeof setup>>;
const ten = '2026-12-08T10:00:00+03:00';
async function slotAt({ booking }: It, start: string) {
  const slots = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'], employeeId: String(anna) }, signal);
  const slot = slots.find((each) => each.start === start);
  if (slot === undefined) throw new Error(`no slot at ${start}`);
  return slot;
}
const starts = async ({ booking }: It) =>
  (await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'], employeeId: String(anna) }, signal)).map(
    ({ start }) => start.slice(11, 16),
  );

bookingConformance('amoCRM’s tasks', async () => {
  const it = await setup();
  return {
    booking: it.booking,
    from: '2026-12-08',
    serviceId: 'haircut',
    addClient: async ({ name, phones }) => it.contact(name, phones),
    occupy: async ({ start, durationMinutes, employeeId }) =>
      void it.meeting(start, { duration: durationMinutes * 60, responsible_user_id: Number(employeeId) }),
    stop: it.stop,
  };
});

test('active users are the employees', async () => {
  const { booking } = await started();
  expect((await booking.listEmployees({}, signal)).map(({ employeeId, name }) => [employeeId, name])).toEqual([
    [String(anna), 'Анна'],
    [String(boris), 'Борис'],
  ]);
});

test('an appointment is a task of the meeting type at its contact, due in seconds at the start', async () => {
  const it = await started();
  const clientId = it.contact('Мария', ['+79990001122']);
  const slot = await slotAt(it, ten);
  const made = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: 'Окно' }, at('r1'));
  expect(it.fake.records.all('tasks')).toMatchObject([
    {
      complete_till: Date.parse(ten) / 1000,
      task_type_id: 2,
      entity_type: 'contacts',
      entity_id: Number(clientId),
      responsible_user_id: anna,
      text: 'Стрижка\nОкно\nPolyB-Services: haircut\nPolyB-Minutes: 60\nPolyB-Ref: r1',
    },
  ]);
  expect(made).toEqual(await it.booking.getAppointment(made.appointmentId, signal));
  expect(made).toMatchObject({ clientId, employeeName: 'Анна', serviceIds: ['haircut'], start: ten, comment: 'Окно', status: 'booked' });
});

test('meetings take time, with their length and the time after their service; calls, completed and cancelled ones do not', async () => {
  const it = await started();
  it.meeting('2026-12-08T10:00:00+03:00', { duration: 1800 });
  it.meeting('2026-12-08T12:00:00+03:00', { is_completed: true, result: { text: 'Пришёл' } });
  it.meeting('2026-12-08T12:30:00+03:00', { task_type_id: 1 });
  it.meeting('2026-12-08T14:00:00+03:00', { text: 'Окрашивание\nPolyB-Services: colouring\nPolyB-Minutes: 60' });
  it.meeting('2026-12-08T17:00:00+03:00');
  expect(await starts(it)).toEqual(['10:30', '11:00', '11:30', '12:00', '12:30', '13:00', '15:30', '16:00']);
});

test('tasks that a server with ignored filters shows take no time: other types, and completed ones', async () => {
  const it = await started();
  const due = { complete_till: Date.parse(ten) / 1000, responsible_user_id: anna, text: 'x', entity_type: 'contacts', entity_id: 1 };
  const tasks = [
    { ...due, id: 1, task_type_id: 1, is_completed: false, result: [] },
    { ...due, id: 2, task_type_id: 2, is_completed: true, result: { text: 'Пришёл' } },
  ];
  it.fake.order({ do: 'refuse', on: 'GET api/v4/tasks', status: 200, body: { _embedded: { tasks } } });
  expect(await starts(it)).toContain('10:00');
});

test('what staff made of a meeting is read: moved, completed, without a contact', async () => {
  const it = await started();
  const clientId = it.contact('Мария');
  const slot = await slotAt(it, ten);
  const { appointmentId } = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, at('r1'));
  const later = '2026-12-08T15:00:00+03:00';
  it.fake.records.update('tasks', Number(appointmentId), { complete_till: Date.parse(later) / 1000, responsible_user_id: boris });
  expect(await it.booking.getAppointment(appointmentId, signal)).toMatchObject({ start: later, employeeName: 'Борис', status: 'booked' });
  it.fake.records.update('tasks', Number(appointmentId), { is_completed: true, result: { text: 'Пришёл' } });
  expect(await it.booking.getAppointment(appointmentId, signal)).toMatchObject({ status: 'arrived' });
  const lead = it.fake.records.create('leads', [{ name: 'Сделка' }])[0]?.id;
  const other = it.meeting(later, { entity_type: 'leads', entity_id: lead });
  expect(await it.booking.getAppointment(String(other?.id), signal)).toMatchObject({ clientId: null, serviceIds: [], durationMinutes: 60 });
  const call = it.meeting(later, { task_type_id: 1 });
  expect(await it.booking.getAppointment(String(call?.id), signal)).toBeNull();
});

test('a move keeps the comment and the reference, and changes the lines of services and length', async () => {
  const it = await started();
  const clientId = it.contact('Мария');
  const slot = await slotAt(it, ten);
  const { appointmentId } = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: 'Окно' }, at('r1'));
  const to = { ...(await slotAt(it, '2026-12-08T12:00:00+03:00')), serviceIds: ['haircut', 'colouring'] };
  const moved = await it.booking.moveToSlot.attempt({ appointmentId, slot: to }, at('r2'));
  expect(moved).toMatchObject({ serviceIds: ['haircut', 'colouring'], durationMinutes: 120, comment: 'Окно' });
  expect(String(it.fake.records.all('tasks')[0]?.text).split('\n')).toEqual([
    'Стрижка',
    'Окно',
    'PolyB-Ref: r1',
    'PolyB-Services: haircut,colouring',
    'PolyB-Minutes: 120',
  ]);
});

test('of two processes that both found the time free, the later one takes its task back', async () => {
  const it = await started();
  const slot = await slotAt(it, ten);
  const { struck } = it.fake.order({ do: 'slow', ms: 50, on: 'POST api/v4/tasks' });
  const late = it.booking.bookSlot.attempt({ slot, clientId: it.contact('Мария'), client: null, comment: undefined }, at('r1'));
  const outcome = expect(late).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy', outcome: 'not_executed' });
  await struck;
  it.meeting(ten);
  await outcome;
  expect(it.fake.records.all('tasks').map((task) => task.is_completed)).toEqual([false, true]);
});

test('of two processes that both found the time free, the earlier one keeps its task', async () => {
  const it = await started();
  const slot = await slotAt(it, ten);
  const http: Deps['http'] = async (request) => {
    const answer = await it.deps.http(request);
    if (request.method === 'POST') it.meeting(ten);
    return answer;
  };
  const early = amoBooking(it.options, { ...it.deps, http });
  const made = await early.bookSlot.attempt({ slot, clientId: it.contact('Мария'), client: null, comment: undefined }, at('r1'));
  expect(made).toMatchObject({ start: ten, status: 'booked' });
  expect(it.fake.records.all('tasks').map((task) => task.is_completed)).toEqual([false, false]);
});

test.each([
  ['before', false],
  ['after', true],
])('a task whose request was cut %s it was made is found only if it is there', async (_, executes) => {
  const it = await started();
  const input = { slot: await slotAt(it, ten), clientId: it.contact('Мария'), client: null, comment: undefined };
  it.fake.order({ do: 'cut', on: 'POST api/v4/tasks', executes });
  await expect(it.booking.bookSlot.attempt(input, at('r1'))).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
  const { onUnknown } = it.booking.bookSlot;
  if (onUnknown.do !== 'look_up') throw new Error('a task cannot be looked up');
  const found = await onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, signal);
  expect(found?.start).toBe(executes ? ten : undefined);
});

test('busy times are read as far back as they matter; too many are an error, not a free slot', async () => {
  const it = await started();
  const entity_id = it.fake.records.contact({ name: 'Гость' }).id;
  const put = (count: number, start: string) => {
    const due = { complete_till: Date.parse(start) / 1000, task_type_id: 2, responsible_user_id: boris };
    for (let nth = 0; nth < count; nth += 250)
      it.fake.records.create(
        'tasks',
        Array.from({ length: 250 }, () => ({ text: 'Встреча', entity_id, entity_type: 'contacts', ...due })),
      );
  };
  put(1500, '2026-11-01T10:00:00+03:00');
  const before = it.fake.seen.length;
  expect(await starts(it)).toContain('10:00');
  // The users, and one page of tasks.
  expect(it.fake.seen.length - before).toBe(2);
  put(1500, '2027-01-10T10:00:00+03:00');
  await expect(starts(it)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', outcome: 'not_executed' });
});

test('a client who is not there is refused, and no task is made', async () => {
  const it = await started();
  const slot = await slotAt(it, ten);
  for (const clientId of ['123456', '../users'])
    await expect(it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, at(clientId))).rejects.toMatchObject({
      code: 'failed_precondition',
      reason: 'crm_rejected',
      data: { field: 'clientId' },
    });
  expect(it.fake.records.all('tasks')).toEqual([]);
});

test.each(['users', 'tasks'] as const)('a search of %s that fails before an appointment is written has done nothing', async (entity) => {
  const it = await started();
  const slot = await slotAt(it, ten);
  const clientId = it.contact('Анна');
  it.fake.order({ do: 'refuse', on: `GET api/v4/${entity}`, status: 502, times: 9 });
  const booked = it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: undefined }, { ref: 'failing', signal });
  await expect(booked).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'not_executed' });
  expect(it.fake.records.all('tasks')).toEqual([]);
});
