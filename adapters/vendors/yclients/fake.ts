/**
 * A strict fake of YCLIENTS, and of Altegio with its paths, for tests and demos: one location, replies as documented, and failures on
 * demand. As a program: `node adapters/vendors/yclients/fake.ts --port 0 --effects FILE` prints its address. It delivers its changes to the
 * addresses of `POST hooks_settings/4564`, those of this API too.
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
import { type Body, companyId, type FakeLocation, fakeLocation, type Row, refuse } from './fake-location.ts';
import { type RouteOptions, salonRoutes } from './fake-routes.ts';
import { type SalonWebhooks, salonWebhooks } from './fake-webhooks.ts';
import { type Platform, yclientsPlatform } from './platform.ts';

export interface SalonFake extends FakeServer {
  readonly location: FakeLocation;
  readonly webhooks: SalonWebhooks;
}
export interface SalonFakeOptions extends FakeServerOptions, RouteOptions {
  readonly platform?: Platform;
  /** Refuses more than 5 requests a second and 200 a minute, and then shows a page to whoever goes on. Default true. */
  readonly isLimited?: boolean;
  readonly isMasked?: boolean;
  readonly mayDelete?: boolean;
}
export const salonUser = {
  partnerToken: 'fake-partner-token',
  userToken: 'fake-user-token',
  companyId: String(companyId),
  login: 'user',
  password: 'password',
} as const;

export async function salonFake(options: SalonFakeOptions = {}): Promise<SalonFake> {
  const { platform = yclientsPlatform, now = Date.now, isLimited = true } = options;
  const location = fakeLocation(now, platform.title);
  location.isMasked = options.isMasked ?? false;
  location.mayDelete = options.mayDelete ?? true;
  const webhooks = salonWebhooks();
  const done = (did: 'create' | 'update' | 'delete', entity: string, row: Row): Row => {
    row.changed = now();
    // Unlike in replies, phones have their plus.
    const view = entity === 'record' ? location.recordView(row) : { ...row, phone: `+${String(row.phone)}` };
    webhooks.changed(did, entity, Number(row.id), view);
    server.effect({ did, entity, id: String(row.id), record: row });
    return row;
  };
  const known = salonRoutes(platform, location, done, options).map(([at, needsUser, route]) => ({
    at: new RegExp(`^${at}$`),
    needsUser,
    route,
  }));

  const [second, minute] = [slidingWindow({ limit: 5, windowMs: 1000 }, now), slidingWindow({ limit: 200, windowMs: 60_000 }, now)];
  let [refusals, blockedUntil] = [0, 0];
  function count(): void {
    if (now() < blockedUntil)
      throw new Refusal({
        status: 403,
        headers: { 'Content-Type': 'text/html' },
        body: '<html><body>Access from your address is blocked.</body></html>',
      });
    const isAllowed = [second.hit(), minute.hit()].every(Boolean);
    if (isAllowed) return;
    refusals += 1;
    if (refusals % 3 === 0) blockedUntil = now() + 60_000;
    throw refuse(429, 'Too Many Requests');
  }

  function work({ method, path, query, headers, body }: FakeRequest): FakeReply {
    if (isLimited) count();
    if (path === 'auth' && method === 'POST') return auth(JSON.parse(body) as Body);
    if (
      !headers.accept?.startsWith(platform.accept) ||
      headers['content-type'] !== 'application/json' ||
      (method === 'DELETE' && body !== '')
    )
      throw refuse(400, 'Недопустимый формат запроса');
    const [, partner, , user] = /^Bearer ([^,]+)(, User (\S+))?$/.exec(headers.authorization ?? '') ?? [];
    if (partner !== salonUser.partnerToken || (user !== undefined && user !== salonUser.userToken))
      throw refuse(401, platform.name === 'altegio' ? 'Authentication needed.' : 'Необходима авторизация');
    if (path === `hooks_settings/${companyId}`)
      return { body: { success: true, data: method === 'POST' ? webhooks.set(JSON.parse(body) as Body) : webhooks.get(), meta: [] } };
    for (const { at, needsUser, route } of known) {
      const match = at.exec(`${method} ${path}`);
      if (match === null) continue;
      if (needsUser && user === undefined) throw refuse(401, 'Необходима авторизация');
      const {
        data,
        meta = [],
        status = 200,
      } = route(match.slice(1), { query: new URLSearchParams(query), body: body === '' ? {} : (JSON.parse(body) as Body), method });
      return status === 204 ? { status } : { status, body: { success: true, data, meta } };
    }
    throw refuse(404, 'Не найдено');
  }
  const server = await fakeServer({ ...options, base: 'api/v1/' }, work);
  return { ...server, location, webhooks };
}

function auth({ login, password }: Body): FakeReply {
  if (login !== salonUser.login || password !== salonUser.password) throw refuse(401, 'Неверный логин или пароль');
  return { status: 201, body: { id: 1, user_token: salonUser.userToken, phone: '70000000000', login, email: '' } };
}
if (import.meta.main) await runFake(salonFake);
