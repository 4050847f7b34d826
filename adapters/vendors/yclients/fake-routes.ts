/** What the fake does with each request, by its method and path. */
import { type Body, companyId, type FakeLocation, iso, msOf, type Row, refuse, services, staff, zone } from './fake-location.ts';
import type { Platform } from './platform.ts';

export interface RouteOptions {
  /** Form of the times of `book_times`; the documents show both. Default `iso`. */
  readonly times?: 'iso' | 'unix';
  /** Whether online booking asks for a code from an SMS. */
  readonly confirmsPhones?: boolean;
  /** Largest page of records; default 50. */
  readonly maxPage?: number;
}
interface Reply {
  readonly data: unknown;
  readonly meta?: object;
  readonly status?: number;
}
type Route = (
  match: readonly string[],
  request: { readonly query: URLSearchParams; readonly body: Body; readonly method: string },
) => Reply;

/** A pattern of method and path, whether it needs a user, and the work. */
export type RouteEntry = readonly [string, boolean, Route];

/** @param done writes an effect */
export function salonRoutes(
  platform: Platform,
  location: FakeLocation,
  done: (did: 'create' | 'update' | 'delete', entity: string, row: Row) => Row,
  options: RouteOptions,
): readonly RouteEntry[] {
  const { times = 'iso', maxPage = 50 } = options;
  const ids = (query: URLSearchParams) => query.getAll('service_ids[]').map(Number);
  const time = (ms: number) => (times === 'unix' ? ms / 1000 : iso(ms));

  const commentPath = `(?:${platform.commentPaths(String(companyId), '(\\d+)').join('|')})`;
  return [
    ['GET company/4564', false, () => ({ data: { id: companyId, title: 'Salon', timezone: '3', timezone_name: zone } })],
    [
      'GET book_services/4564',
      false,
      (_, { query }) => ({
        data: {
          events: [],
          services: services
            .filter(({ id }) => staffOf(query.get('staff_id')).some((each) => (each.services as readonly number[]).includes(id)))
            .map((each) => ({ ...each, seance_length: query.has('staff_id') ? each.seance_length : undefined })),
          category: [{ id: 7, title: 'Hair' }],
        },
      }),
    ],
    [
      `GET ${platform.servicesPath('4564')}`,
      true,
      () => ({
        data: services.map((each) => ({
          ...each,
          price_min: each.price_min.toFixed(2),
          price_max: each.price_max.toFixed(2),
          seance_length: String(each.seance_length),
        })),
      }),
    ],
    [
      'GET book_staff/4564',
      false,
      (_, { query }) => ({
        data: staff
          .filter((each) => ids(query).every((id) => (each.services as readonly number[]).includes(id)))
          .map(({ services: _, ...each }) => each),
      }),
    ],
    [
      'GET book_dates/4564',
      false,
      (_, { query }) => {
        const [from = '', to = ''] = [query.get('date_from') ?? '', query.get('date_to') ?? ''];
        const days: string[] = [];
        for (let ms = Date.parse(from); ms <= Date.parse(to); ms += 86_400_000) {
          const day = new Date(ms).toISOString().slice(0, 10);
          if (location.freeTimes(Number(query.get('staff_id') ?? 0), day, ids(query)).length > 0) days.push(day);
        }
        const dates = days.map((day) => Date.parse(day) / 1000);
        return {
          data: {
            booking_days: Object.groupBy(
              days.map((day) => String(Number(day.slice(8)))),
              (_, nth) => String(Number(days[nth]?.slice(5, 7))),
            ),
            booking_dates: dates,
            working_dates: dates,
          },
        };
      },
    ],
    [
      'GET book_times/4564/(\\d+)/(\\d{4}-\\d\\d-\\d\\d)',
      false,
      ([staffId = '', day = ''], { query }) => ({
        data: location.freeTimes(Number(staffId), day, ids(query)).map((ms) => ({
          time: iso(ms).slice(11, 16),
          seance_length: services.filter(({ id }) => ids(query).includes(id)).reduce((sum, each) => sum + each.seance_length, 0),
          datetime: time(ms),
        })),
      }),
    ],
    [
      'POST book_check/4564',
      false,
      (_, { body }) => {
        for (const each of list(body.appointments)) location.check(each);
        return { status: 201, data: null };
      },
    ],
    [
      'POST book_record/4564',
      false,
      (_, { body }) => {
        const phone = String(body.phone ?? '').replace(/\D/g, '');
        if (location.blocked.has(phone)) throw refuse(403, 'Клиент в черном списке', { code: 434 });
        if (!/^\d{11,15}$/.test(phone)) throw refuse(422, 'Неправильный телефон', { code: 431 });
        if (options.confirmsPhones && body.code === undefined) throw refuse(422, 'Неправильный код', { code: 432 });
        if (typeof body.fullname !== 'string' || body.fullname === '') throw refuse(422, 'Не указано имя', { code: 435 });
        if (platform.isEmailRequired && !String(body.email ?? '').includes('@'))
          throw refuse(422, 'Не указан email', { errors: { email: ['required'] } });
        const client = location.clientOf({ phone, name: body.fullname, email: body.email }) as Row;
        const made = list(body.appointments).map((each) => {
          const { staffId, start, seconds } = location.check(each);
          const given = {
            ...body,
            staff_id: staffId,
            services: (each.services as number[]).map((id) => ({ id })),
            datetime: iso(start),
            seance_length: seconds,
          };
          const row = done('create', 'record', location.addRecord(given, { client_id: client.id, online: true }));
          return { id: each.id, record_id: row.id, record_hash: row.hash };
        });
        return { status: 201, data: made };
      },
    ],
    [
      'PUT book_record/4564/(\\d+)',
      true,
      ([id = ''], { body }) => {
        const row = location.record(id);
        const start = msOf(body.datetime);
        if (!location.isFree(Number(row.staff_id), start, Number(row.seance_length), row)) throw refuse(422, 'Время занято', { code: 433 });
        Object.assign(row, { start, comment: body.comment ?? row.comment });
        return { data: location.recordView(done('update', 'record', row)) };
      },
    ],
    [
      'GET book_record/4564/(\\d+)/(\\w+)',
      false,
      ([id = '', hash = '']) => {
        const row = location.record(id);
        if (row.hash !== hash) throw refuse(404, 'Не найдено');
        const { services: those, staff: who, comment, deleted, length, date } = location.recordView(row);
        return { data: { id: row.id, services: those, staff: who, comment, deleted, length, date, api_id: row.api_id } };
      },
    ],
    [
      'DELETE user/records/(\\d+)/(\\w+)',
      false,
      ([id = '', hash = '']) => {
        const row = location.record(id);
        if (row.hash !== hash) throw refuse(403, 'Недостаточно прав');
        done('delete', 'record', Object.assign(row, { deleted: true }));
        return { data: null, meta: { message: 'Запись удалена' } };
      },
    ],
    [
      'POST records/4564',
      true,
      (_, { body }) => {
        const client = location.clientOf(body.client);
        const [start, seconds] = [msOf(body.datetime), Number(body.seance_length)];
        if (client !== null && location.blocked.has(String(client.phone))) throw refuse(403, 'Клиент в черном списке', { code: 434 });
        if (body.save_if_busy !== true && !location.isFree(Number(body.staff_id), start, seconds))
          throw refuse(422, 'Время занято', { code: 433 });
        const row = done('create', 'record', location.addRecord(body, { client_id: client?.id ?? null, online: false }));
        return { status: 201, data: location.recordView(row) };
      },
    ],
    [
      'GET records/4564',
      true,
      (_, { query }) => {
        const day = (row: Row) => iso(Number(row.start)).slice(0, 10);
        const wanted = location.records.filter(
          (row) =>
            (query.get('with_deleted') === '1' || row.deleted !== true) &&
            (!query.has('client_id') || String(row.client_id) === query.get('client_id')) &&
            (!query.has('start_date') || day(row) >= String(query.get('start_date'))) &&
            (!query.has('end_date') || day(row) <= String(query.get('end_date'))) &&
            (!query.has('changed_after') || Number(row.changed) >= msOf(query.get('changed_after'))),
        );
        const [page, size] = [Number(query.get('page') ?? 1), Math.min(Number(query.get('count') ?? 50), maxPage)];
        return { data: wanted.slice((page - 1) * size, page * size).map(location.recordView), meta: { page, total_count: wanted.length } };
      },
    ],
    [
      '(GET|PUT|DELETE) record/4564/(\\d+)',
      true,
      ([method, id = ''], { body }) => {
        const row = location.record(id);
        if (method === 'GET') return { data: location.recordView(row) };
        if (method === 'DELETE') {
          if (!location.mayDelete) throw refuse(403, 'Недостаточно прав');
          done('delete', 'record', Object.assign(row, { deleted: true }));
          return { status: 204, data: undefined };
        }
        const [start, seconds] = [msOf(body.datetime), Number(body.seance_length)];
        if (!Array.isArray(body.services) || !(seconds > 0)) throw refuse(422, 'Не хватает полей', { errors: { services: ['required'] } });
        if (body.save_if_busy !== true && body.attendance !== -1 && !location.isFree(Number(body.staff_id), start, seconds, row))
          throw refuse(422, 'Время занято', { code: 433 });
        // What is missing is emptied.
        const {
          id: _,
          hash,
          created,
          ...replaced
        } = location.addRecord(body, { client_id: location.clientOf(body.client)?.id ?? null, online: row.online });
        location.records.pop();
        return { status: 201, data: location.recordView(done('update', 'record', Object.assign(row, replaced))) };
      },
    ],
    [
      'POST company/4564/clients/search',
      true,
      (_, { body }) => {
        const [page, size] = [Number(body.page ?? 1), Number(body.page_size ?? 25)];
        if (size > 200) throw refuse(400, 'page_size больше 200');
        const fields = Array.isArray(body.fields) ? (body.fields as string[]) : ['id'];
        const value = String(
          list(body.filters)
            .map(({ type, state }) => (type === 'quick_search' ? (state as Body).value : ''))
            .find(Boolean) ?? '',
        ).toLowerCase();
        const found = location.clients.filter(
          ({ deleted, name, phone, email }) =>
            deleted !== true && [name, phone, email].some((each) => String(each).toLowerCase().includes(value)),
        );
        const views = found.slice((page - 1) * size, page * size).map(location.clientView);
        return {
          data: views.map((view) => Object.fromEntries(fields.map((field) => [field, view[field]]))),
          meta: { total_count: found.length },
        };
      },
    ],
    [
      'POST clients/4564',
      true,
      (_, { body }) => ({ status: 201, data: location.clientView(done('create', 'client', location.addClient(body))) }),
    ],
    [
      '(GET|PUT|DELETE) client/4564/(\\d+)',
      true,
      ([method, id = ''], { body }) => {
        const row = location.client(id);
        if (method === 'DELETE') {
          done('delete', 'client', Object.assign(row, { deleted: true }));
          return { status: 204, data: undefined };
        }
        if (method === 'PUT') {
          const { id: _, ...replaced } = location.addClient(body);
          location.clients.pop();
          done('update', 'client', Object.assign(row, replaced));
        }
        return { data: location.clientView(row) };
      },
    ],
    [
      `(GET|POST) ${commentPath}`,
      true,
      ([method, ...ids], { body }) => {
        // One of the paths has matched.
        const client = location.client(ids.find(Boolean) ?? '');
        if (method === 'GET') return { data: location.comments.filter((each) => each.client_id === client.id), meta: { count: 1 } };
        const { text } = body;
        if (typeof text !== 'string' || text.trim() === '' || text.length > 255)
          throw refuse(422, 'Неверный комментарий', { errors: { text: ['length'] } });
        const row: Row = {
          id: 9000 + location.comments.length,
          type: 'default',
          text,
          files: [],
          client_id: client.id,
        };
        location.comments.push(row);
        return { status: 201, data: done('create', 'comment', row) };
      },
    ],
  ];
}

const staffOf = (id: string | null) => staff.filter((each) => each.bookable && (id === null || String(each.id) === id));
const list = (value: unknown): readonly Body[] => (Array.isArray(value) ? (value as Body[]) : []);
