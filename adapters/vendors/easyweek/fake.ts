/**
 * A strict fake of EasyWeek's public API v2, for tests and demos: one location, replies as public clients read them, and failures on
 * demand. As a program: `node adapters/vendors/easyweek/fake.ts --port 0 --effects FILE` prints its address.
 */
import {
  type FakeReply,
  type FakeRequest,
  type FakeServer,
  type FakeServerOptions,
  fakeServer,
  Refusal,
  runFake,
  slidingWindow,
} from '../../fake-server.ts';
import { type Body, type FakeWorkspace, fakeWorkspace, invalid, locationId, type Row, services, staffers, zone } from './fake-workspace.ts';

export interface EasyWeekFake extends FakeServer {
  readonly workspace: FakeWorkspace;
}
export interface EasyWeekFakeOptions extends FakeServerOptions {
  /** Refuses more than 60 requests a minute. Default true. */
  readonly isLimited?: boolean;
  /** Form of the bounds of free intervals; which one the vendor uses is not confirmed. Default `seconds` after midnight. */
  readonly bounds?: 'seconds' | 'clock' | 'iso' | 'unix';
  /** Form of the time zone of the location. Default `object`. */
  readonly zones?: 'text' | 'object';
  /** Largest page; default 100. */
  readonly maxPage?: number;
}
export const easyWeekUser = { apiKey: 'fake-easyweek-key', workspace: 'fake-salon', locationId } as const;
const base = 'api/public/v2/';
const mostDays = 92;

export async function easyWeekFake(options: EasyWeekFakeOptions = {}): Promise<EasyWeekFake> {
  const { now = Date.now, isLimited = true, bounds = 'seconds', zones = 'object', maxPage = 100 } = options;
  const workspace = fakeWorkspace(now);
  const window = slidingWindow({ limit: 60, windowMs: 60_000 }, now);
  const done = (did: string, row: Row) => {
    server.effect({ did, entity: 'booking', id: row.uuid, record: row });
    return row;
  };
  const missing = () => new Refusal({ status: 404, body: { message: 'Not found.' } });
  const one = (rows: readonly Row[], uuid: string | undefined): Row => {
    const found = rows.find((row) => row.uuid === uuid);
    if (found === undefined) throw missing();
    return found;
  };
  function paged(rows: readonly Body[], path: string, query: URLSearchParams): FakeReply {
    const size = Math.min(Number(query.get('per_page') ?? 15), maxPage);
    if (Number(query.get('per_page') ?? 15) > 100) throw invalid('per_page', 'The per page may not be greater than 100.');
    const page = Number(query.get('page') ?? 1);
    const last = Math.max(1, Math.ceil(rows.length / size));
    const next = new URLSearchParams(query);
    next.set('page', String(page + 1));
    return {
      body: {
        data: rows.slice((page - 1) * size, page * size),
        links: { next: page < last ? `${server.url}/${base}${path}?${next}` : null },
        meta: { current_page: page, last_page: last, per_page: size, total: rows.length },
      },
    };
  }
  function timeSlots(query: URLSearchParams): FakeReply {
    const [from, to, serviceId] = [query.get('range_start') ?? '', query.get('range_end') ?? '', query.get('service_uuid') ?? ''];
    if (!services.some(({ uuid }) => uuid === serviceId)) throw invalid('service_uuid', 'The selected service is invalid.');
    const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
    if (!(days >= 1 && days <= mostDays)) throw invalid('range_end', 'The range may not be longer than three months.');
    const dates = Array.from({ length: days }, (_, nth) => new Date(Date.parse(from) + nth * 86_400_000).toISOString().slice(0, 10));
    const clock = new Intl.DateTimeFormat('sv', { timeZone: zone, timeStyle: 'medium' });
    const bound = (ms: number) => {
      const [hours = 0, minutes = 0, seconds = 0] = clock.format(ms).split(':').map(Number);
      if (bounds === 'seconds') return hours * 3600 + minutes * 60 + seconds;
      return bounds === 'clock' ? clock.format(ms).slice(0, 5) : bounds === 'iso' ? new Date(ms).toISOString() : ms / 1000;
    };
    const body = dates.map((date) => ({
      date,
      intervals: workspace
        .free(date, serviceId, query.get('staffer_uuid'))
        .map(([start, end]) => ({ start_formatted: bound(start), end_formatted: bound(end) })),
    }));
    return { body: { dates: body.filter(({ intervals }) => intervals.length > 0) } };
  }

  function work({ method, path, query: text, headers, body }: FakeRequest): FakeReply {
    if (headers.authorization !== `Bearer ${easyWeekUser.apiKey}`)
      throw new Refusal({ status: 401, body: { message: 'Unauthenticated.' } });
    if (headers.workspace !== easyWeekUser.workspace) throw new Refusal({ status: 403, body: { message: 'Forbidden.' } });
    if (isLimited && !window.hit())
      throw new Refusal({ status: 429, headers: { 'Retry-After': '60' }, body: { message: 'Too Many Attempts.' } });
    const query = new URLSearchParams(text);
    const [first, second, third] = path.split('/');
    switch (`${method} ${first}`) {
      case 'GET ping':
        return { body: { ping: 'pong', version: 'v12.32.3' } };
      case 'GET locations':
        if (second === undefined)
          return paged(
            [{ uuid: locationId, name: 'Salon', timezone: zones === 'text' ? zone : { name: zone, offset: 3600, short: 'CET' } }],
            path,
            query,
          );
        if (second !== locationId) throw missing();
        if (third === 'services') return paged(services, path, query);
        // Some lists have no envelope.
        if (third === 'staffers') return { body: staffers };
        if (third === 'time-slots') return timeSlots(query);
        throw missing();
      case 'GET customers': {
        if (second !== undefined) return { body: { data: one(workspace.customers, second) } };
        const phone = query.get('phone')?.replace(/\D/g, '');
        return paged(
          workspace.customers.filter((each) => phone === undefined || String(each.phone).includes(phone)),
          path,
          query,
        );
      }
      case 'GET bookings': {
        if (second !== undefined) return { body: { data: workspace.view(one(workspace.bookings, second)) } };
        const customer = query.get('customer_uuid');
        return paged(
          workspace.bookings.filter((each) => customer === null || each.customer_uuid === customer).map(workspace.view),
          path,
          query,
        );
      }
      case 'POST bookings':
        return { status: 201, body: { data: workspace.view(done('create', workspace.book(JSON.parse(body) as Body))) } };
      case 'PUT bookings': {
        if (path !== `bookings/${second}/status/cancel`) throw missing();
        const row = one(workspace.bookings, second);
        if (row.is_canceled === true) throw invalid('status', 'The booking is cancelled.');
        return { body: { data: workspace.view(done('cancel', Object.assign(row, { is_canceled: true }))) } };
      }
      default:
        throw missing();
    }
  }
  const server = await fakeServer({ ...options, base }, work);
  return { ...server, workspace };
}

if (import.meta.main) await runFake(easyWeekFake);
