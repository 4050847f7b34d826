/**
 * A strict fake of Bitrix24, for tests and demos: replies as documented, and fails on demand.
 * As a program: `node adapters/vendors/bitrix24/fake.ts --port 0 --effects FILE` prints its address. The effects file has one JSON line
 * for each record created, changed or deleted.
 */
import { readFileSync } from 'node:fs';
import { parsePhpQuery, phpArray } from '../../fake-php.ts';
import {
  type FakeReply,
  type FakeRequest,
  type FakeServer,
  type FakeServerOptions,
  fakeServer,
  Refusal,
  runFake,
} from '../../fake-server.ts';
import { type BookingRecords, bookingMethods } from './fake-booking.ts';
import { type CalendarRecords, calendarMethods } from './fake-calendar.ts';
import { bitrixItems, type Items, type Params, refused } from './fake-items.ts';
import { type Call, type Caller, type Comment, crmMethods, type Did, type MethodReply, type Methods, type Task } from './fake-methods.ts';
import { bitrixTokens, type Tokens } from './fake-tokens.ts';

/** The incoming webhook and the application of the portal. */
export const bitrixAccess = {
  userId: 1,
  code: 'fakewebhookcode1',
  clientId: 'local.fake.0001',
  clientSecret: 'fake-client-secret',
  /** Where the portal sends a user who consented. */
  redirectUri: 'http://127.0.0.1:8390/callback',
} as const;

export interface BitrixFake extends FakeServer {
  /** URL of the incoming webhook. */
  readonly webhookUrl: string;
  readonly items: Items;
  readonly tasks: readonly Task[];
  readonly comments: readonly Comment[];
  readonly calls: readonly Call[];
  readonly booking: BookingRecords;
  readonly calendar: CalendarRecords;
  readonly tokens: Tokens;
  /** The beginning of a request of the webhook, for a fault: `POST rest/1/…/crm.item.add`. */
  at(method: string): string;
  /** Adds seconds of work to a method. From 480 s on it is refused for ten minutes. */
  spend(method: string, seconds: number): void;
  /** The next `booking.v1.booking.client.set` fail, also inside a batch. */
  refuseClients(times: number): void;
}
export interface BitrixFakeOptions extends FakeServerOptions {
  /** The leaky bucket; default 50, drained by 2 a second. */
  readonly bucket?: { readonly limit: number; readonly perSecond: number };
  /** Stages of leads beside the default ones. */
  readonly leadStages?: readonly string[];
  /** Methods that return their first page for every page, with `next`. */
  readonly repeatsPages?: readonly string[];
  /** Methods that return everything whatever their filter. */
  readonly ignoresFilters?: readonly string[];
}
const operatingLimitSeconds = 480;

/** For TLS on localhost. NODE_EXTRA_CA_CERTS takes the path. */
export const bitrixCertificate = new URL('certificate/localhost-cert.pem', import.meta.url);
export function localhostTls(): { readonly key: string; readonly cert: string } {
  const read = (url: URL) => readFileSync(url, 'utf8');
  return { key: read(new URL('certificate/localhost-key.pem', import.meta.url)), cert: read(bitrixCertificate) };
}

export async function bitrixFake(options: BitrixFakeOptions = {}): Promise<BitrixFake> {
  const { now = Date.now, bucket = { limit: 50, perSecond: 2 }, leadStages = [], repeatsPages = [], ignoresFilters = [] } = options;
  const { userId, code } = bitrixAccess;
  const stamp = () => portalTime(now());
  const did: Did = (what) => server.effect({ did: doing, ...what });
  let doing = '';
  const items = bitrixItems({ stamp, userId, leadStages: ['NEW', 'IN_PROCESS', 'PROCESSED', 'JUNK', 'CONVERTED', ...leadStages] });
  const { methods: ofCrm, ...records } = crmMethods({ items, did, stamp, now, userId });
  const { methods: ofBooking, refuseClients, ...booking } = bookingMethods({ did });
  const { methods: ofCalendar, ...calendar } = calendarMethods({ did });
  const methods: Methods = { ...ofCrm, ...ofBooking, ...ofCalendar };
  const tokens = bitrixTokens({ now, ...bitrixAccess, endpoint: () => `${server.url}/rest/` });

  const spent = new Map<string, { seconds: number; readonly resetAt: number }>();
  const spend = (method: string, seconds: number) => {
    const basket = spent.get(method);
    if (basket !== undefined && basket.resetAt > now()) basket.seconds += seconds;
    else spent.set(method, { seconds, resetAt: now() + 600_000 });
    return spent.get(method);
  };
  function time(method: string) {
    const { seconds = 0, resetAt = 0 } = spend(method, 0) ?? {};
    const at = now() / 1000;
    const moments = { start: at, finish: at, duration: 0, processing: 0, date_start: stamp(), date_finish: stamp() };
    return { ...moments, operating_reset_at: Math.floor(resetAt / 1000), operating: seconds };
  }
  function run(method: string, params: Params, caller: Caller): MethodReply {
    const work = methods[method];
    if (work === undefined) throw refused(404, 'ERROR_METHOD_NOT_FOUND', 'Method not found!');
    if ((spend(method, 0)?.seconds ?? 0) > operatingLimitSeconds)
      throw refused(429, 'OPERATION_TIME_LIMIT', 'Method is blocked due to operation time limit.');
    doing = method;
    const reply = work(
      { ...params, ...(repeatsPages.includes(method) && { start: 0 }), ...(ignoresFilters.includes(method) && { filter: {} }) },
      caller,
    );
    return repeatsPages.includes(method) && reply.total !== undefined ? { ...reply, next: 50 } : reply;
  }
  function batch({ cmd, halt }: Params, caller: Caller): MethodReply {
    if (typeof cmd !== 'object' || cmd === null) throw refused(400, 100, 'Could not find value for parameter {cmd}');
    const parts = ['result', 'result_error', 'result_total', 'result_next', 'result_time'] as const;
    const outcome = new Map(parts.map((part) => [part, new Map<string, unknown>()]));
    const put = (part: (typeof parts)[number], key: string, value: unknown) => outcome.get(part)?.set(key, value);
    for (const [nth, [key, command]] of Object.entries(cmd).entries()) {
      const [method = '', query = ''] = String(command).split(/\?(.*)/s);
      try {
        if (nth >= 50) throw refused(400, 'ERROR_BATCH_LENGTH_EXCEEDED', 'Max batch length exceeded');
        if (method === 'batch') throw refused(405, 'ERROR_BATCH_METHOD_NOT_ALLOWED', 'Method is not allowed for batch usage');
        const params = resolved(parsePhpQuery(query), outcome.get('result') ?? new Map()) as Params;
        const { result, total, next } = run(method, params, caller);
        put('result', key, result);
        if (total !== undefined) put('result_total', key, total);
        if (next !== undefined) put('result_next', key, next);
        put('result_time', key, time(method));
      } catch (thrown) {
        if (!(thrown instanceof Refusal)) throw thrown;
        put('result_error', key, thrown.reply.body);
        if (['1', 'true'].includes(String(halt))) break;
      }
    }
    return { result: Object.fromEntries(parts.map((part) => [part, phpArray(outcome.get(part) ?? [])])) };
  }

  let level = 0;
  let drainedAt = now();
  function checkIntensity(): void {
    level = Math.max(0, level - ((now() - drainedAt) / 1000) * bucket.perSecond);
    drainedAt = now();
    if (level >= bucket.limit) throw refused(503, 'QUERY_LIMIT_EXCEEDED', 'Too many requests');
    level += 1;
  }

  const server = await fakeServer(options, (request): FakeReply => {
    if (request.path.startsWith('oauth/')) return tokens.serve(request);
    const [root, ...rest] = request.path.split('/');
    if (root !== 'rest') throw new Refusal({ status: 404 });
    checkIntensity();
    const params = paramsOf(request);
    const isWebhook = rest.length === 3;
    const method = (rest.at(-1) ?? '').replace(/\.json$/, '');
    if (isWebhook ? rest[0] !== String(userId) || rest[1] !== code : rest.length !== 1)
      throw refused(401, 'NO_AUTH_FOUND', 'Wrong authorization data');
    if (!isWebhook) tokens.check(params.auth);
    const caller = { isApplication: !isWebhook };
    return { body: { ...(method === 'batch' ? batch(params, caller) : run(method, params, caller)), time: time(method) } };
  });
  return {
    ...server,
    ...records,
    items,
    booking,
    calendar,
    tokens,
    webhookUrl: `${server.url}/rest/${userId}/${code}/`,
    at: (method) => `POST rest/${userId}/${code}/${method}`,
    spend: (method, seconds) => void spend(method, seconds),
    refuseClients,
  };
}

/** The portal is three hours east of Greenwich. */
export function portalTime(at: number): string {
  return `${new Date(at + 3 * 3_600_000).toISOString().slice(0, 19)}+03:00`;
}
/** A GET has its parameters in the query alone: a JSON body of it is not read. */
function paramsOf({ method, query, headers, body }: FakeRequest): Params {
  const ofQuery = listsIn(parsePhpQuery(query)) as Params;
  if (method === 'GET' || body === '') return ofQuery;
  if (!/json/.test(headers['content-type'] ?? '')) return { ...ofQuery, ...(listsIn(parsePhpQuery(body)) as Params) };
  return { ...ofQuery, ...(JSON.parse(body) as Params) };
}
function listsIn(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? phpArray(Object.entries(value).map(([key, inner]) => [key, listsIn(inner)] as const))
    : value;
}
/** `$result[key][field]` becomes the value, or nothing if there is none. */
function resolved(value: unknown, results: ReadonlyMap<string, unknown>): unknown {
  if (typeof value === 'object' && value !== null)
    return phpArray(Object.entries(value).map(([key, inner]) => [key, resolved(inner, results)] as const));
  if (typeof value !== 'string' || !/^\$result(\[[^\]]+\])+$/.test(value)) return value;
  const [first = '', ...rest] = [...value.matchAll(/\[([^\]]+)\]/g)].map(([, key]) => key ?? '');
  return rest.reduce<unknown>((at, key) => (at as Params | undefined)?.[key], results.get(first)) ?? '';
}

if (import.meta.main) await runFake(bitrixFake);
