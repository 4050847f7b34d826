/** What programs without PolyB meet on the bus: JSON over a bare socket, and the micro protocol of NATS. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { connectNats } from '../bus/transports/nats.ts';
import { plainNats } from '../examples/03-call-from-plain-nats/plain-nats.ts';
import { loadServices } from '../runtime/services.ts';
import { type RunningServer, startNats } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { type World, world } from './kit/world.ts';

const push = 'polyb.rpc.crm.push_to_crm';
const anna = { firstName: 'Анна', lastName: 'Петрова', phoneNumber: '8 (999) 555-33-22' };
let server: RunningServer;
let system: World;
let nats: ReturnType<typeof plainNats>;

beforeAll(async () => {
  server = await startNats({ dir: temporaryDir(), temporary: true });
  system = await world((user) => connectNats({ servers: server.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  for (const { folder, service } of await loadServices(['crm-connector'])) await system.start(folder, service);
  nats = plainNats(server.url, 20_000);
});
afterAll(async () => {
  nats?.close();
  await system?.stop();
  await server?.stop();
});

const ask = (input: unknown, key?: string) =>
  nats.request(push, key === undefined ? {} : { 'Idempotency-Key': key }, typeof input === 'string' ? input : JSON.stringify(input));
const headersOf = ({ headers }: { readonly headers: string }) =>
  Object.fromEntries(
    headers
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ') as [string, string]),
  );

test('JSON in is answered with JSON, in the shape that integrations from before PolyB read', async () => {
  const reply = await ask(anna, 'form-1');
  const pushed = JSON.parse(reply.body) as Record<string, unknown>;
  expect(pushed).toMatchObject({
    status: 'pushed',
    crm_id: { status: 'success', resData: { id: pushed.leadId, phoneNumber: '79995553322' } },
    phoneNumber: '+79995553322',
    created: true,
  });
  expect(headersOf(reply)).toEqual({});
  expect(JSON.parse((await ask(anna, 'form-1')).body)).toEqual(pushed);
});

test('without a key one is made and told, and asked again with it the answer is the same', async () => {
  const reply = await ask({ ...anna, phoneNumber: '+79995553323' });
  const { 'idempotency-key': key } = headersOf(reply);
  expect(key).toMatch(/^\S{16,}$/);
  expect((await ask({ ...anna, phoneNumber: '+79995553323' }, key)).body).toBe(reply.body);
});

test.each([
  ['a field that is missing', { firstName: 'Анна' }, 400, 'invalid_argument'],
  ['text that is no JSON', '{"firstName":', 400, 'invalid_argument'],
  ['a key of another input', { ...anna, firstName: 'Мария' }, 409, 'conflict'],
])('%s is an error in the headers of NATS micro and in the body', async (_, input, status, code) => {
  await ask(anna, 'form-2');
  const reply = await ask(input, 'form-2');
  expect(headersOf(reply)).toMatchObject({
    'Nats-Service-Error': expect.stringMatching(/^[\x20-\x7e]{10,}$/),
    'Nats-Service-Error-Code': String(status),
    'polyb-code': code,
    'content-type': 'application/problem+json',
  });
  expect(JSON.parse(reply.body)).toMatchObject({ status, code, outcome: 'not_executed' });
});

// The replies of NATS micro as JSON Schema; whatever else a reply carries is open.
const Metadata = { type: ['object', 'null'], additionalProperties: { type: 'string' } };
const identity = {
  name: { type: 'string', pattern: '^[a-zA-Z0-9_-]+$' },
  id: { type: 'string', minLength: 1 },
  version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+(-[\\w.-]+)?(\\+[\\w.-]+)?$' },
  metadata: Metadata,
};
const place = {
  name: { type: 'string', pattern: '^[a-zA-Z0-9_-]+$' },
  subject: { type: 'string', minLength: 1 },
  queue_group: { type: 'string' },
};
const count = { type: 'integer', minimum: 0 };
const record = (properties: Readonly<Record<string, unknown>>, ...optional: readonly string[]) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
const micro = {
  PING: record({ type: { const: 'io.nats.micro.v1.ping_response' }, ...identity }),
  INFO: record({
    type: { const: 'io.nats.micro.v1.info_response' },
    ...identity,
    description: { type: 'string' },
    endpoints: { type: 'array', minItems: 1, items: record({ ...place, metadata: Metadata }) },
  }),
  STATS: record({
    type: { const: 'io.nats.micro.v1.stats_response' },
    ...identity,
    started: { type: 'string', format: 'date-time' },
    endpoints: {
      type: 'array',
      minItems: 1,
      items: record(
        {
          ...place,
          num_requests: count,
          num_errors: count,
          last_error: { type: 'string' },
          processing_time: count,
          average_processing_time: count,
          data: { type: 'object' },
        },
        'data',
      ),
    },
  }),
};

test('PING, INFO and STATS satisfy the schemas of NATS micro, by every name, after good and failed calls', async () => {
  await Promise.all([ask(anna, 'form-3'), ask({}, 'form-4')]);
  const { id } = JSON.parse((await nats.request('$SRV.PING', {}, '')).body) as { id: string };
  for (const [verb, schema] of Object.entries(micro))
    for (const whom of ['', '.crm', `.crm.${id}`]) {
      const { body } = await nats.request(`$SRV.${verb}${whom}`, {}, '');
      expect(z.fromJSONSchema(schema as never).safeParse(JSON.parse(body)).error?.issues).toBeUndefined();
    }
});

test('STATS counts what came and what failed, and its last error names no person', async () => {
  const endpoint = async () => {
    const { endpoints } = JSON.parse((await nats.request('$SRV.STATS.crm', {}, '')).body) as { endpoints: Record<string, unknown>[] };
    return endpoints.find(({ subject }) => subject === push) ?? {};
  };
  const before = await endpoint();
  await ask(anna, 'form-5');
  await ask({ ...anna, phoneNumber: '849511122334455' }, 'form-6');
  const after = await endpoint();
  expect(Number(after.num_requests) - Number(before.num_requests)).toBe(2);
  expect(Number(after.num_errors) - Number(before.num_errors)).toBe(1);
  expect(after.last_error).toMatch(/^Bad input for crm\.push_to_crm: phoneNumber: expected/);
  expect(after.last_error).not.toContain('8495111');
  expect(Number(after.average_processing_time)).toBeGreaterThan(100_000);
});
