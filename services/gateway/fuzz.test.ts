import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aliases } from '../../contracts/aliases.ts';
import type { Method } from '../../contracts/kit/define.ts';
import { codes } from '../../contracts/kit/errors.ts';
import { loadServices, serviceFolders } from '../../runtime/services.ts';
import { broken, fitting } from '../../test/kit/arbitrary.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { readContracts } from './read-contracts.ts';
import { callableBy, type HttpRoute, routesOf } from './routes.ts';

// All services run, so every route has a handler.
const folders = (await serviceFolders()).filter((folder) => folder !== 'gateway');
const served = new Set(
  (await loadServices(folders)).flatMap(({ service }) =>
    Object.values(service.serves).flatMap((contract) => Object.values(contract).map(({ address }) => address)),
  ),
);
const routes = routesOf(
  callableBy('gateway', await readContracts()).filter(({ address }) => served.has(address)),
  aliases,
);
let it: GatewayWorld;
let ask: Client;
let open: Client;
beforeAll(async () => {
  it = await gatewayWorld(folders);
  ask = http(it.origin, (await it.key(['read', 'send', 'admin'])).key);
  open = http(it.origin);
});
afterAll(() => it?.stop());

/** Allowed replies of a healthy service: its own codes, and refusals of invalid input. */
const unexpected = new Set([500, 502, 503, 504]);

test.each(routes.map((route) => [`${route.verb} ${route.path}`, route] as const))(
  '%s never fails within, and answers what its description says',
  async (_, route) => {
    const runs = route.method.idempotency === 'keyed' ? 2 : 3;
    for (const arbitrary of [fitting(route.input), broken(route.input)])
      await fc.assert(
        fc.asyncProperty(arbitrary, fc.string({ maxLength: 20 }), async (input, word) => {
          const { verb, path, body, headers } = requestOf(route, input, word);
          check(route, await ask(verb, path, body, headers));
        }),
        { numRuns: runs },
      );
    // An unauthenticated client learns nothing, whatever it sends.
    if (route.scope !== 'none') {
      const { verb, path, body } = requestOf(route, {}, 'x');
      expect((await open(verb, path, body)).status).toBe(401);
    }
  },
);

const lists = routes.filter(({ isPaged, path }) => isPaged && !path.includes('{'));
test.each(lists.map(({ path }) => path))('%s refuses a cursor that no page gave', async (path) => {
  for (const cursor of ['1 or true', "x'--", 'AAAA', 'p1.1', Buffer.from('1 msg_1; drop').toString('base64url')])
    expect({ cursor, ...(await ask('GET', `${path}?${new URLSearchParams({ cursor })}`)) }).toMatchObject({
      status: 400,
      body: { code: 'invalid_argument' },
    });
});

function requestOf(
  route: HttpRoute,
  input: unknown,
  word: string,
): { verb: string; path: string; body?: unknown; headers?: Record<string, string> } {
  const { verb, method } = route;
  const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const textOf = (value: unknown): string =>
    (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed().slice(0, 400);
  const inPath = new Set<string>();
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    inPath.add(name);
    return encodeURIComponent(textOf(fields[name] ?? word)) || '-';
  });
  if (method.http.body === 'raw')
    return { verb, path, body: verb === 'GET' ? undefined : textOf(input), headers: { 'x-signature': 'none' } };
  if (verb !== 'GET' && verb !== 'DELETE')
    return { verb, path, body: input ?? null, headers: method.http.ifMatch === undefined ? {} : { 'if-match': '"v1"' } };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    if (!inPath.has(name)) for (const one of [value].flat()) query.append(name.toWellFormed(), textOf(one));
  return { verb, path: `${path}?${query}` };
}

function check({ method }: HttpRoute, { status, headers, body }: Awaited<ReturnType<Client>>): void {
  const seen = { address: method.address, status, body: JSON.stringify(body)?.slice(0, 600) };
  if (unexpected.has(status)) throw new Error(`an answer that only a fault explains: ${JSON.stringify(seen)}`);
  if (status === 200) {
    if (method.http.reply === 'bytes') return;
    const { success, error } = outputOf(method, body);
    if (!success) throw new Error(`an answer that its description does not allow: ${error} ${JSON.stringify(seen)}`);
    return;
  }
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect({ ...seen, problem: body }).toMatchObject({
    problem: {
      type: expect.stringMatching(/^urn:polyb:problem:/),
      title: expect.any(String),
      detail: expect.any(String),
      status,
      code: expect.stringMatching(new RegExp(`^(${Object.keys(codes).join('|')})$`)),
      retryable: expect.any(Boolean),
      outcome: expect.stringMatching(/^(not_executed|unknown)$/),
    },
  });
}
function outputOf({ output }: Method, body: unknown): { readonly success: boolean; readonly error?: string } {
  const parsed = output.safeParse(body);
  return parsed.success ? { success: true } : { success: false, error: parsed.error.message };
}
