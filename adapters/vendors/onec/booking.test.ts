import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { bookingConformance } from '../../booking/conformance.ts';
import { everything } from '../../booking/port.ts';
import { createHttp } from '../../http.ts';
import { onecBooking, onecBookingSettings } from './booking.ts';
import { onecFake, onecUser } from './fake.ts';
import { standardMapping } from './mapping.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const { signal } = new AbortController();
const at = (ref: string) => ({ ref, signal });
const document = 'Document_ЗаписьКлиента';
const mapping = {
  ...(JSON.parse(readFileSync(standardMapping, 'utf8')) as object),
  employees: { entity: 'Catalog_Пользователи', name: 'Description', position: 'Должность', where: { Недействителен: false } },
  appointments: {
    entity: document,
    reference: { attribute: 'Идентификатор', as: 'value' },
    createdAt: 'Date',
    contact: 'Партнер_Key',
    employee: 'Сотрудник_Key',
    services: 'Услуги',
    start: 'Начало',
    durationMinutes: 'Длительность',
    status: { attribute: 'Состояние', booked: 'Записан', cancelled: 'Отменен' },
    comment: 'Комментарий',
  },
};
const schedule = {
  services: [
    { serviceId: 'haircut', name: 'Стрижка', durationMinutes: 60 },
    { serviceId: 'colouring', name: 'Окрашивание', durationMinutes: 60, bufferMinutes: 30 },
  ],
  stepMinutes: 30,
  hours: [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '10:00', to: '18:00' })),
};

/** A separate 1C in Moscow on Monday 7 December 2026, 9 o'clock. */
async function setup(settings: Readonly<Record<string, string>> = {}) {
  const now = () => Date.parse('2026-12-07T06:00:00Z');
  const fake = await onecFake({ now });
  fake.records.create('Catalog_Пользователи', { Description: 'Уволен', Недействителен: true });
  const http = createHttp({ allowPrivate: [new URL(fake.url).origin] });
  const options = onecBookingSettings.parse({
    ONEC_URL: fake.url,
    ONEC_USER: onecUser.user,
    ONEC_PASSWORD: onecUser.password,
    ONEC_MAPPING: JSON.stringify(mapping),
    ONEC_SCHEDULE: JSON.stringify(schedule),
    ...settings,
  });
  return {
    fake,
    booking: onecBooking(options, { http, now }),
    contact: (name: string, phones: readonly string[] = []) =>
      fake.records.create('Catalog_Партнеры', {
        Description: name,
        КонтактнаяИнформация: phones.map((text, nth) => ({ LineNumber: String(nth + 1), Тип: 'Телефон', Представление: text })),
      }).Ref_Key,
    appointment: (attributes: object) =>
      fake.records.create(document, { Длительность: 60, Состояние: 'Записан', Услуги: 'haircut', ...attributes }),
    stop: async () => {
      await http.close();
      await fake.close();
    },
  };
}
async function started(settings?: Readonly<Record<string, string>>) {
  const it = await setup(settings);
  closing.push(it.stop);
  return it;
}
const anna = ({ fake }: Awaited<ReturnType<typeof setup>>) => fake.records.all('Catalog_Пользователи')[0]?.Ref_Key ?? '';

bookingConformance('a document of 1C', async () => {
  const it = await setup();
  return {
    booking: it.booking,
    from: '2026-12-08',
    serviceId: 'haircut',
    addClient: async ({ name, phones }) => it.contact(name, phones),
    async occupy({ start, durationMinutes, employeeId }) {
      it.appointment({ Сотрудник_Key: employeeId, Начало: start.slice(0, 19), Длительность: durationMinutes });
    },
    stop: it.stop,
  };
});

test.each([
  ['a mapping without appointments', { ONEC_MAPPING: readFileSync(standardMapping, 'utf8') }],
  ['no schedule', { ONEC_SCHEDULE: undefined }],
])('with %s every method is unsupported, without a request', async (_, settings) => {
  const { booking, fake } = await started(settings as never);
  expect(new Set(Object.values(booking.capabilities().methods))).toEqual(new Set(['unsupported']));
  expect(Object.keys(booking.capabilities().methods).sort()).toEqual(Object.keys(everything).sort());
  const refusal = { code: 'unimplemented', reason: 'unsupported', outcome: 'not_executed' };
  await expect(booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'] }, signal)).rejects.toMatchObject(refusal);
  await expect(booking.releaseSlot.attempt({ appointmentId: '1', reason: undefined }, at('r1'))).rejects.toMatchObject(refusal);
  await expect(booking.createClient.attempt({ name: 'Анна', phoneNumber: '+79995553322' }, at('r2'))).rejects.toMatchObject(refusal);
  expect(fake.seen).toEqual([]);
});

test('times are of the zone of the infobase', async () => {
  const it = await started();
  const [slot] = await it.booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'], employeeId: anna(it) }, signal);
  if (slot === undefined) throw new Error('no slot');
  expect(slot.start).toBe('2026-12-08T10:00:00+03:00');
  const clientId = it.contact('Мария');
  await it.booking.bookSlot.attempt({ slot, clientId, client: null, comment: 'Окно' }, at('r1'));
  expect(it.fake.records.all(document)[0]).toMatchObject({
    Начало: '2026-12-08T10:00:00',
    Длительность: 60,
    Состояние: 'Записан',
    Услуги: 'haircut',
    Партнер_Key: clientId,
    Идентификатор: 'r1',
    Комментарий: 'Окно',
  });
});

test('cancelled and deleted documents take no time, and the time after a service stays free', async () => {
  const it = await started();
  const employee = { Сотрудник_Key: anna(it) };
  it.appointment({ ...employee, Начало: '2026-12-08T10:00:00', Состояние: 'Отменен' });
  it.appointment({ ...employee, Начало: '2026-12-08T11:00:00', DeletionMark: true });
  it.appointment({ ...employee, Начало: '2026-12-08T13:00:00', Услуги: 'colouring' });
  const slots = await it.booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'], employeeId: anna(it) }, signal);
  expect(slots.map(({ start }) => start.slice(11, 16)).filter((start) => start < '16:00')).toEqual([
    '10:00',
    '10:30',
    '11:00',
    '11:30',
    '12:00',
    '14:30',
    '15:00',
    '15:30',
  ]);
});

test('of two processes that both found the time free, the later one cancels its document', async () => {
  const it = await started();
  const [slot] = await it.booking.getFreeSlots({ from: '2026-12-08', days: 1, serviceIds: ['haircut'], employeeId: anna(it) }, signal);
  if (slot === undefined) throw new Error('no slot');
  const { struck } = it.fake.order({ do: 'slow', ms: 50, on: 'POST' });
  const late = it.booking.bookSlot.attempt({ slot, clientId: it.contact('Мария'), client: null, comment: undefined }, at('r1'));
  await struck;
  it.appointment({ Сотрудник_Key: anna(it), Начало: '2026-12-08T10:30:00' });
  await expect(late).rejects.toMatchObject({ code: 'conflict', reason: 'slot_busy', outcome: 'not_executed' });
  expect(it.fake.records.all(document).map(({ Состояние }) => Состояние)).toEqual(['Записан', 'Отменен']);
});

test('more appointments than one list holds still take their time', async () => {
  const it = await started();
  const days = ['2026-12-08', '2026-12-09'];
  // 550 on each of two days: together more than a list returns, and in no order of time.
  for (const day of days)
    for (let nth = 0; nth < 550; nth += 1)
      it.appointment({ Сотрудник_Key: anna(it), Начало: `${day}T${String(nth % 24).padStart(2, '0')}:00:00` });
  const query = { from: '2026-12-08', days: 2, serviceIds: ['haircut'], employeeId: anna(it) };
  expect(await it.booking.getFreeSlots(query, signal)).toEqual([]);
  const listed = await it.booking.listAppointments({ from: '2026-12-08', days: 2 }, signal);
  expect([listed.length, new Set(listed.map(({ start }) => start.slice(0, 10)))]).toEqual([501, new Set(['2026-12-08'])]);
});
