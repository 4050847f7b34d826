/** The location behind the fake: services, employees, working hours, clients, comments and records, with the platform's refusals. */
import { randomBytes } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { Refusal } from '../../fake-server.ts';

export type Row = Record<string, unknown> & { readonly id: number };
export type Body = Readonly<Record<string, unknown>>;

/** The envelope of a refusal. */
export function refuse(
  status: number,
  message: string,
  more: { readonly code?: number; readonly errors?: object; readonly id?: number } = {},
): Refusal {
  const { code, errors, id } = more;
  return new Refusal({
    status,
    body: {
      success: false,
      data: null,
      meta: {
        message,
        ...(errors !== undefined && { errors }),
        ...(code !== undefined && { errors: { code, message, ...(id !== undefined && { id }) } }),
      },
    },
  });
}

export const companyId = 4564;
export const zone = 'Europe/Moscow';
const [opensAt, closesAt, stepMs] = [10, 20, 1_800_000];

export const services = [
  { id: 331, title: 'Haircut', category_id: 7, price_min: 1500, price_max: 0, seance_length: 3600 },
  { id: 332, title: 'Colouring', category_id: 7, price_min: 3000, price_max: 5000, seance_length: 5400 },
] as const;
const lengthOf = (ids: readonly number[]): number =>
  ids.reduce((sum, id) => sum + (services.find((each) => each.id === id)?.seance_length ?? 0), 0);
export const staff = [
  {
    id: 9,
    name: 'Anna',
    specialization: 'Stylist',
    position: { id: 1, title: 'Stylist' },
    bookable: true,
    fired: 0,
    hidden: 0,
    services: [331, 332],
  },
  { id: 49, name: 'Olga', specialization: 'Barber', position: [], bookable: true, fired: 0, hidden: 0, services: [331] },
  { id: 50, name: 'Former', specialization: '', position: [], bookable: false, fired: 1, hidden: 0, services: [331] },
] as const;

/** Unix ms of a time in any of the forms that requests may have. */
export function msOf(value: unknown): number {
  if (typeof value === 'number' || /^\d{9,11}$/.test(String(value))) return Number(value) * 1000;
  const text = String(value).replace(' ', 'T');
  if (/T\d\d:\d\d(:\d\d)?$/.test(text)) return Temporal.PlainDateTime.from(text).toZonedDateTime(zone).epochMilliseconds;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw refuse(400, 'Недопустимый формат запроса');
  return ms;
}
const zoned = (ms: number) => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
export const iso = (ms: number): string => zoned(ms).toString({ smallestUnit: 'second', timeZoneName: 'never' });
/** `2019-01-01 17:00:00`, local. */
export const plain = (ms: number): string => zoned(ms).toPlainDateTime().toString({ smallestUnit: 'second' }).replace('T', ' ');
const compact = (ms: number): string => iso(ms).replace(/:(\d\d)$/, '$1');
const mask = (value: string): string => (value === '' ? '' : `${value.slice(0, 4)}***${value.slice(-2)}`);

export interface FakeLocation {
  /** Hides phones and e-mail addresses, as from a user without the right to see them. */
  isMasked: boolean;
  mayDelete: boolean;
  /** Phones of the black list, digits. */
  readonly blocked: Set<string>;
  readonly clients: Row[];
  readonly records: Row[];
  readonly comments: Row[];
  clientView(row: Row): Body;
  recordView(row: Row): Body;
  addClient(body: Body): Row;
  client(id: string): Row;
  record(id: string): Row;
  addRecord(body: Body, more: Body): Row;
  /** Free starts, Unix ms. @param except a record whose time counts as free */
  freeTimes(staffId: number, day: string, ids: readonly number[], except?: Row): readonly number[];
  isFree(staffId: number, start: number, seconds: number, except?: Row): boolean;
  /** The employee of an appointment of online booking. */
  check(appointment: Body): { readonly staffId: number; readonly start: number; readonly seconds: number };
  clientOf(given: unknown): Row | null;
}

export function fakeLocation(now: () => number, title: string): FakeLocation {
  const clients: Row[] = [];
  const records: Row[] = [];
  const comments: Row[] = [];
  let ids = 1000;
  const digits = (phone: unknown) => String(phone ?? '').replace(/\D/g, '');
  const one = (rows: readonly Row[], id: string): Row => {
    const found = rows.find((row) => String(row.id) === id && row.deleted !== true);
    if (found === undefined) throw refuse(404, 'Не найдено');
    return found;
  };
  const phoneView = (row: Row) => (it.isMasked ? mask(String(row.phone)) : Number(row.phone));
  const emailView = (row: Row) => (it.isMasked ? mask(String(row.email)) : row.email);
  const servicesOf = (given: unknown): object[] =>
    (Array.isArray(given) ? given : []).map((each: { id?: number }) => {
      const service = services.find(({ id }) => id === Number(each.id));
      if (service === undefined) throw refuse(422, 'Услуга не найдена', { code: 438 });
      const cost = service.price_min;
      return { id: service.id, title: service.title, first_cost: cost, discount: 0, cost, amount: 1, ...each };
    });

  const it: FakeLocation = {
    isMasked: false,
    mayDelete: true,
    blocked: new Set(),
    clients,
    records,
    comments,
    client: (id) => one(clients, id),
    record: (id) => one(records, id),
    // Numbers here, text in records; no birth date is 0, and no custom fields are an array.
    clientView: (row) => ({ ...row, phone: phoneView(row), email: emailView(row) }),
    recordView(row) {
      const client = clients.find(({ id }) => id === row.client_id);
      const start = Number(row.start);
      const { client_id: _, start: __, hash: ___, created: ____, changed: _____, ...fields } = row;
      return {
        ...fields,
        company_id: companyId,
        staff: staff.find(({ id }) => id === row.staff_id) ?? null,
        client:
          client === undefined
            ? null
            : { id: client.id, name: client.name, surname: client.surname, phone: String(phoneView(client)), email: emailView(client) },
        date: plain(start),
        datetime: iso(start),
        create_date: compact(Number(row.created)),
        last_change_date: compact(Number(row.changed)),
        length: row.seance_length,
        visit_attendance: row.attendance,
        visit_id: String(Number(row.id) + 5_000_000),
      };
    },
    addClient({ name, phone, surname = '', email = '', comment = '', birth_date: birthDate, custom_fields: customFields }) {
      if (birthDate === 0) throw refuse(422, 'Неверная дата рождения', { errors: { birth_date: ['invalid'] } });
      if (Array.isArray(customFields)) throw refuse(422, 'Неверные поля', { errors: { custom_fields: ['invalid'] } });
      if (typeof name !== 'string' || name === '') throw refuse(422, 'Имя не указано', { errors: { name: ['required'] } });
      if (!/^\d{11,15}$/.test(digits(phone))) throw refuse(422, 'Неверный телефон', { errors: { phone: ['invalid'] } });
      ids += 1;
      const row: Row = {
        id: ids,
        name,
        surname,
        phone: digits(phone),
        email,
        comment,
        birth_date: 0,
        discount: 0,
        categories: [],
        custom_fields: [],
        sex_id: 0,
      };
      clients.push(row);
      return row;
    },
    addRecord(body, more) {
      if (!Array.isArray(body.services) || body.services.length === 0)
        throw refuse(422, 'Не указаны услуги', { errors: { services: ['required'] } });
      if (Array.isArray(body.custom_fields)) throw refuse(422, 'Неверные поля', { errors: { custom_fields: ['invalid'] } });
      const staffId = Number(body.staff_id);
      if (!staff.some(({ id }) => id === staffId)) throw refuse(422, 'Сотрудник не найден', { errors: { staff_id: ['invalid'] } });
      ids += 1;
      const row: Row = {
        id: ids,
        staff_id: staffId,
        services: servicesOf(body.services),
        start: msOf(body.datetime),
        seance_length: Number(body.seance_length),
        comment: body.comment ?? '',
        attendance: body.attendance ?? 0,
        api_id: body.api_id ?? '',
        custom_fields: [],
        record_labels: [],
        sms_remain_hours: 5,
        email_remain_hours: 1,
        activity_id: 0,
        deleted: false,
        client_id: null,
        hash: randomBytes(16).toString('hex'),
        created: now(),
        changed: now(),
        ...more,
      };
      records.push(row);
      return row;
    },
    isFree(staffId, start, seconds, except) {
      const end = start + seconds * 1000;
      const day = zoned(start).toPlainDate();
      const at = (hour: number) => day.toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from({ hour }) }).epochMilliseconds;
      if (start < at(opensAt) || end > at(closesAt) || start <= now()) return false;
      return !records.some(
        (each) =>
          each !== except &&
          each.staff_id === staffId &&
          each.deleted !== true &&
          each.attendance !== -1 &&
          Number(each.start) < end &&
          start < Number(each.start) + Number(each.seance_length) * 1000,
      );
    },
    freeTimes(staffId, day, wanted, except) {
      const able = staff.filter(
        (each) =>
          each.bookable &&
          (staffId === 0 || each.id === staffId) &&
          wanted.every((id) => (each.services as readonly number[]).includes(id)),
      );
      const first = Temporal.PlainDate.from(day).toZonedDateTime({
        timeZone: zone,
        plainTime: Temporal.PlainTime.from({ hour: opensAt }),
      }).epochMilliseconds;
      const starts = Array.from({ length: ((closesAt - opensAt) * 3_600_000) / stepMs }, (_, nth) => first + nth * stepMs);
      return starts.filter((start) => able.some(({ id }) => it.isFree(id, start, lengthOf(wanted), except)));
    },
    check(appointment) {
      const wanted = (Array.isArray(appointment.services) ? appointment.services : []).map(Number);
      if (wanted.some((id) => !services.some((each) => each.id === id))) throw refuse(422, 'Услуга недоступна', { code: 438 });
      const start = msOf(appointment.datetime);
      const day = zoned(start).toPlainDate().toString();
      const [staffId, seconds] = [Number(appointment.staff_id), lengthOf(wanted)];
      const able = (id: number) => it.freeTimes(id, day, wanted).includes(start);
      if (staffId !== 0 && !able(staffId)) throw refuse(422, 'Время занято', { code: 433, id: Number(appointment.id) });
      const chosen = staffId === 0 ? staff.find(({ id }) => able(id))?.id : staffId;
      if (chosen === undefined) throw refuse(422, 'Нет свободных сотрудников', { code: 436 });
      return { staffId: chosen, start, seconds };
    },
    clientOf(given) {
      if (typeof given !== 'object' || given === null) return null;
      const { phone, name, email } = given as Body;
      if (String(phone).includes('*')) throw refuse(422, `${title}: неверный телефон`, { errors: { phone: ['invalid'] } });
      const known = clients.find((each) => each.phone === digits(phone));
      return known ?? it.addClient({ phone, name, email });
    },
  };
  return it;
}
