import { afterEach, expect, test } from '@jest/globals';
import { read } from '../../../config/read.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import { bookingConformance } from '../../booking/conformance.ts';
import { createHttp } from '../../http.ts';
import { espoBooking, espoBookingSettings } from './booking.ts';
import { espoFake, espoUsers } from './fake.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const week = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '10:00', to: '18:00' }));
const schedule = {
  timeZone: 'Europe/Moscow',
  stepMinutes: 30,
  services: [
    { serviceId: 'haircut', name: 'Стрижка', durationMinutes: 60, price: { amountMinor: 200_000, currency: 'RUB' } },
    { serviceId: 'colouring', name: 'Окрашивание', durationMinutes: 60, bufferMinutes: 30 },
  ],
  hours: week,
};

/** A separate EspoCRM on Monday 7 December 2026, 9 o'clock in Moscow. */
async function setup(settings: Readonly<Record<string, string>> = {}, more: (users: readonly string[]) => object = () => ({})) {
  let now = Date.parse('2026-12-07T06:00:00Z');
  const fake = await espoFake({ now: () => now });
  const http = createHttp({ allowPrivate: [fake.url] });
  const users = ['Анна', 'Борис'].map(
    (name) => fake.records.put('User', { userName: name, name, title: 'Мастер', type: 'regular', isActive: true }).id,
  );
  fake.records.put('User', { userName: 'gone', name: 'Уволен', type: 'regular', isActive: false });
  fake.records.put('User', { userName: 'robot', name: 'Робот', type: 'api', isActive: true });
  const options = espoBookingSettings.parse({
    ESPOCRM_URL: fake.url,
    ESPOCRM_API_KEY: espoUsers.apiKey,
    ESPOCRM_ASSIGNED_USER_ID: 'user-7',
    ESPOCRM_SCHEDULE: JSON.stringify({ ...schedule, ...more(users) }),
    ...settings,
  });
  return {
    fake,
    users,
    booking: espoBooking(options, { http, log: quiet, now: () => now }),
    contact: (name: string, phones: readonly string[] = []) => fake.records.put('Contact', { firstName: name, name }, phones).id,
    meeting: (attributes: object) => fake.records.put('Meeting', { name: 'Встреча', assignedUserId: users[0], ...attributes }),
    later: (ms: number) => {
      now += ms;
    },
    stop: async () => {
      await http.close();
      await fake.close();
    },
  };
}
async function started(...given: Parameters<typeof setup>) {
  const it = await setup(...given);
  closing.push(it.stop);
  return it;
}
type It = Awaited<ReturnType<typeof setup>>;
const slotAt = async ({ booking }: It, start: string, employeeId: string | undefined, serviceIds = ['haircut']) => {
  const slots = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds, employeeId }, signal);
  const slot = slots.find((each) => each.start === start);
  if (slot === undefined) throw new Error(`no slot at ${start}`);
  return slot;
};
const starts = async ({ booking }: It, employeeId: string | undefined, serviceIds = ['haircut']) =>
  (await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds, employeeId }, signal)).map(({ start }) => start.slice(11, 16));

for (const [name, settings] of [
  ['EspoCRM’s meetings', {}],
  ['EspoCRM’s meetings with a field for the reference', { ESPOCRM_REFERENCE_FIELD: 'cPolybRef' }],
] as const)
  bookingConformance(name, async () => {
    const it = await setup(settings);
    return {
      booking: it.booking,
      from: '2026-12-08',
      serviceId: 'haircut',
      addClient: async (client) => it.contact(client.name, client.phones),
      async occupy({ start, durationMinutes, employeeId }) {
        const from = Date.parse(start);
        const utc = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
        it.meeting({ dateStart: utc(from), dateEnd: utc(from + durationMinutes * 60_000), assignedUserId: employeeId });
      },
      stop: it.stop,
    };
  });

test('active users are the employees; others of the CRM are not', async () => {
  const { booking, users } = await started();
  expect((await booking.listEmployees({}, signal)).map(({ employeeId, name, position }) => [employeeId, name, position])).toEqual([
    [users[0], 'Анна', 'Мастер'],
    [users[1], 'Борис', 'Мастер'],
  ]);
});

test('a meeting has its user, its contact, UTC times and its services, and is planned', async () => {
  const it = await started();
  const clientId = it.contact('Мария', ['+79990001122']);
  const slot = await slotAt(it, '2026-12-08T10:00:00+03:00', it.users[0]);
  const made = await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: 'Окно' }, at('r1'));
  expect(it.fake.records.all('Meeting')[0]).toMatchObject({
    name: 'Стрижка: Мария',
    status: 'Planned',
    dateStart: '2026-12-08 07:00:00',
    dateEnd: '2026-12-08 08:00:00',
    assignedUserId: it.users[0],
    usersIds: [it.users[0]],
    contactsIds: [clientId],
    parentType: 'Contact',
    parentId: clientId,
    description: 'Окно\nPolyB-Services: haircut\nPolyB-Ref: r1',
  });
  expect(made).toMatchObject({ serviceIds: ['haircut'], status: 'booked', comment: 'Окно', start: slot.start });
});

test('calls take time too, cancelled meetings do not, and the time after a service stays free', async () => {
  const it = await started();
  it.fake.records.put('Call', {
    name: 'Звонок',
    assignedUserId: it.users[0],
    status: 'Planned',
    dateStart: '2026-12-08 07:00:00',
    dateEnd: '2026-12-08 07:30:00',
  });
  it.meeting({ status: 'Not Held', dateStart: '2026-12-08 09:00:00', dateEnd: '2026-12-08 10:00:00' });
  it.meeting({
    status: 'Planned',
    dateStart: '2026-12-08 11:00:00',
    dateEnd: '2026-12-08 12:00:00',
    description: 'PolyB-Services: colouring',
  });
  const free = await starts(it, it.users[0]);
  expect(free.filter((start) => start < '12:30')).toEqual(['10:30', '11:00', '11:30', '12:00']);
  expect(free.filter((start) => start > '12:30' && start < '16:30')).toEqual(['13:00', '15:30', '16:00']);
});

test('two clients who book one time of a user at once get one meeting', async () => {
  const it = await started();
  const slot = await slotAt(it, '2026-12-08T10:00:00+03:00', it.users[0]);
  const bookings = ['Мария', 'Ольга', 'Нина'].map((name, nth) =>
    it.booking.bookSlot.attempt({ slot, clientId: it.contact(name), client: null, comment: undefined }, at(`r${nth}`)),
  );
  const outcomes = await Promise.allSettled(bookings);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: 'slot_busy' });
  expect(it.fake.records.all('Meeting').filter(({ status }) => status === 'Planned')).toHaveLength(1);
});

test('of two processes that both found the time free, the later one takes its meeting back', async () => {
  const it = await started();
  const slot = await slotAt(it, '2026-12-08T10:00:00+03:00', it.users[0]);
  const { struck } = it.fake.order({ do: 'slow', ms: 50, on: 'POST Meeting' });
  const late = it.booking.bookSlot.attempt({ slot, clientId: it.contact('Мария'), client: null, comment: undefined }, at('r1'));
  await struck;
  it.meeting({ status: 'Planned', dateStart: '2026-12-08 07:00:00', dateEnd: '2026-12-08 08:00:00' });
  it.later(1000);
  await expect(late).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy', outcome: 'not_executed' });
  expect(it.fake.records.all('Meeting').map(({ status }) => status)).toEqual(['Planned', 'Not Held']);
  const { onUnknown } = it.booking.bookSlot;
  const input = { slot, clientId: 'c', client: null, comment: undefined };
  expect(onUnknown.do === 'look_up' && (await onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, signal))).toBeNull();
});

test('a search for clashes that fails after the meeting was made leaves the outcome unknown, and the meeting is found', async () => {
  const it = await started();
  const slot = await slotAt(it, '2026-12-08T10:00:00+03:00', it.users[0]);
  const input = { slot, clientId: it.contact('Мария'), client: null, comment: undefined };
  const { struck } = it.fake.order({ do: 'slow', ms: 50, on: 'POST Meeting' });
  const attempt = it.booking.bookSlot.attempt(input, at('r1'));
  const outcome = expect(attempt).rejects.toMatchObject({ code: 'upstream_failed', outcome: 'unknown' });
  await struck;
  it.fake.order({ do: 'refuse', status: 401, on: 'GET Meeting' });
  await outcome;
  const { onUnknown } = it.booking.bookSlot;
  if (onUnknown.do !== 'look_up') throw new Error('a meeting cannot be looked up');
  expect(onUnknown.settleMs).toBe(75_000);
  expect(await onUnknown.find({ ref: 'r1', input, attemptedAt: 0 }, signal)).toMatchObject({ start: slot.start, status: 'booked' });
});

test('an end before the start, a meeting without a contact and an unknown status are read', async () => {
  const it = await started();
  const { id } = it.meeting({ status: 'Held', dateStart: '2026-12-08 09:00:00', dateEnd: '2026-12-08 08:00:00' });
  expect(await it.booking.getAppointment(id, signal)).toMatchObject({
    durationMinutes: 0,
    clientId: null,
    status: 'arrived',
    serviceIds: [],
  });
});

test('a client who is not there is refused, and no meeting is made', async () => {
  const it = await started();
  const slot = await slotAt(it, '2026-12-08T10:00:00+03:00', it.users[0]);
  const booked = it.booking.bookSlot.attempt({ slot, clientId: '0123456789abcdef0', client: null, comment: undefined }, at('r1'));
  await expect(booked).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected', data: { field: 'clientId' } });
  expect(it.fake.records.all('Meeting')).toEqual([]);
});

test('employees of the schedule have their own hours and services, and no others are offered', async () => {
  const { booking } = await started({}, ([, boris]) => ({
    employees: [{ employeeId: boris, serviceIds: ['colouring'], hours: [{ weekday: 2, from: '12:00', to: '14:00' }] }],
  }));
  expect((await booking.listEmployees({}, signal)).map(({ name }) => name)).toEqual(['Борис']);
  const slots = await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['colouring'] }, signal);
  expect(slots.map(({ start }) => start.slice(11, 16))).toEqual(['12:00', '12:30', '13:00']);
  expect(await booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'] }, signal)).toEqual([]);
});

test('busy times of a form that is not EspoCRM’s are one typed error', async () => {
  const it = await started();
  it.fake.order({ do: 'refuse', status: 200, on: 'GET Timeline', body: { user: [{ from: 1 }] } });
  await expect(starts(it, undefined)).rejects.toMatchObject({ code: 'upstream_failed', reason: 'bad_reply' });
});

test('a schedule with two mistakes names both', () => {
  const written = JSON.stringify({ ...schedule, timeZone: 'Moscow', hours: [{ weekday: 8, from: '10:00', to: '18:00' }] });
  const settings: Readonly<Record<string, string>> = { ESPOCRM_SCHEDULE: written };
  const found = (name: string) => (settings[name] === undefined ? undefined : { value: settings[name], from: 'a file' });
  const reading = () =>
    read([{ name: 'booking', settings: espoBookingSettings.pick({ ESPOCRM_SCHEDULE: true }) }], (...names) =>
      names.map(found).find((each) => each !== undefined),
    );
  expect(reading).toThrow(/timeZone as/);
  expect(reading).toThrow(/hours\.0\.weekday as/);
});
