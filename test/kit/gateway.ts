/** A gateway with services behind it, and an HTTP client that holds a key. */
import { createHash, randomBytes } from 'node:crypto';
import type { Transport } from '../../bus/transports/transport.ts';
import { gateway as contract } from '../../contracts/gateway.ts';
import type { PersonRole, Scope } from '../../contracts/kit/define.ts';
import { people } from '../../contracts/people.ts';
import type { Hosted } from '../../runtime/host.ts';
import { loadServices } from '../../runtime/services.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { type World, world } from './world.ts';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}
export type Client = (verb: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answered>;
/** Sent by a page of the same site, as browsers say it. */
export const sameOrigin = { 'sec-fetch-site': 'same-origin' };
export interface LoggedIn {
  readonly personId: string;
  readonly cookie: string;
  readonly ask: Client;
}
export interface GatewayWorld {
  readonly world: World;
  readonly origin: string;
  readonly gateway: Hosted;
  /** A client with a new key of these scopes. */
  client(...scopes: readonly Scope[]): Promise<Client>;
  key(
    scopes: readonly Scope[],
    options?: { readonly client?: string; readonly expiresAt?: string },
  ): Promise<{ readonly keyId: string; readonly key: string }>;
  /** A new person who is logged in. */
  person(role: PersonRole): Promise<LoggedIn>;
  /** Another gateway of the same world. */
  startGateway(settings?: Readonly<Record<string, string>>): Promise<{ readonly hosted: Hosted; readonly origin: string }>;
  stop(): Promise<void>;
}

/** @param connect As for `world`. */
export async function gatewayWorld(
  folders: readonly string[],
  settings: Readonly<Record<string, string>> = {},
  connect?: (user: string) => Promise<Transport>,
): Promise<GatewayWorld> {
  // Loaded first: on a busy machine that takes longer than a connection waits to be made.
  const others = await loadServices(folders);
  const [loaded] = await loadServices(['gateway']);
  if (loaded === undefined) throw new Error('services/gateway is missing');
  const it = await world(connect);
  await Promise.all(others.map(({ folder, service }) => it.start(folder, service, { CRM_KIND: 'memory' })));
  const { service } = loaded;
  const startGateway: GatewayWorld['startGateway'] = async (own = {}) => {
    const port = await freePort();
    const hosted = await it.start('gateway', service, {
      GATEWAY_PORT: String(port),
      GATEWAY_RATE_LIMIT: '1000000',
      GATEWAY_EXPECTED_SERVICES: 'gateway',
      ...settings,
      ...own,
    });
    return { hosted, origin: `http://127.0.0.1:${port}` };
  };
  const { hosted, origin } = await startGateway();
  const key: GatewayWorld['key'] = async (scopes, { client = `c${randomBytes(6).toString('hex')}`, expiresAt } = {}) => {
    const keyId = `pk_${randomBytes(6).toString('hex')}`;
    const secret = randomBytes(24).toString('base64url');
    const secretHash = createHash('sha256').update(secret).digest('hex');
    await it.bus.call(contract.create_key, { keyId, secretHash, client, scopes: [...scopes], expiresAt: expiresAt ?? null });
    return { keyId, key: `${keyId}.${secret}` };
  };
  let persons = 0;
  const person: GatewayWorld['person'] = async (role) => {
    persons += 1;
    const personId = `${role}-${persons}`;
    const token = randomBytes(32).toString('base64url');
    const tokenHash = createHash('sha256').update(token).digest('hex');
    await it.bus.call(people.invite, { personId, name: personId, role, tokenHash });
    const accepted = await http(origin)('POST', '/api/v1/session/accept', { token, password: 'correct horse battery' }, sameOrigin);
    const cookie = (accepted.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const ask: Client = (verb, path, body, headers = {}) => http(origin)(verb, path, body, { cookie, ...sameOrigin, ...headers });
    return { personId, cookie, ask };
  };
  return {
    world: it,
    person,
    origin,
    gateway: hosted,
    startGateway,
    key,
    client: async (...scopes) => http(origin, (await key(scopes)).key),
    stop: () => it.stop(),
  };
}

/** Asks with a key, or without. A body that is no text goes as JSON. */
export function http(origin: string, key?: string): Client {
  return async (verb, path, body, headers = {}) => {
    const isText = typeof body === 'string';
    const answered = await fetch(`${origin}${path}`, {
      method: verb,
      headers: {
        ...(key === undefined ? {} : { 'x-api-key': key }),
        ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await answered.text();
    const isJson = /json/.test(answered.headers.get('content-type') ?? '');
    return { status: answered.status, headers: answered.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
  };
}
