import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Bytes, PersonName, PersonText, Phone } from '../common.ts';
import { crm } from '../crm.ts';
import { contract, event, method, stream } from './define.ts';
import { asyncApi, describe, exported, jsonSchema, mask, openApi, piiPaths, schemaHash } from './describe.ts';

const shop = contract('shop', '2.1.0', {
  buy: method({
    summary: 'Buy.',
    input: z.strictObject({ cartId: z.string().max(9), count: z.int().min(1).default(1), note: PersonText.optional() }),
    output: z.object({ orderId: z.string().max(9), phone: Phone.nullable() }),
    idempotency: 'keyed',
    http: 'PUT /carts/{cartId}/order',
    errors: { empty: 'failed_precondition', taken: { code: 'failed_precondition', data: z.object({}) }, gone: 'not_found' },
    roles: ['operator'],
    reaches: 'customer',
    examples: [{ cartId: 'c1' }],
    deprecated: { instead: 'use order', since: '2026-11-20' },
  }),
  look: method({
    summary: 'Look.',
    input: z.strictObject({ cartId: z.string().max(9), deep: z.boolean().optional() }),
    output: z.object({ picture: Bytes }),
    idempotency: 'read',
    owner: 'cartId',
    http: { route: 'GET /carts/{cartId}', reply: 'bytes' },
  }),
  talk: stream({ summary: 'Talk.', input: z.strictObject({}), up: z.strictObject({}), down: z.object({ word: z.string().max(9) }) }),
  pour: stream({
    summary: 'Pour.',
    input: z.strictObject({ cartId: z.string().max(9) }),
    up: z.strictObject({}),
    down: z.strictObject({}),
    owner: 'cartId',
  }),
  bought: event({ summary: 'Bought.', payload: z.object({ orderId: z.string().max(9) }), key: 'orderId' }),
});
const all = exported([shop], []);

test('an input is shown as a caller may send it, an output as it must be read', () => {
  const { input, output } = describe(shop.buy);
  expect(input).toMatchObject({ required: ['cartId'], additionalProperties: false });
  expect(input?.properties?.count).toEqual({ type: 'integer', minimum: 1, default: 1 });
  expect(output).toMatchObject({ required: ['orderId', 'phone'] });
  expect(output).not.toHaveProperty('additionalProperties');
});

test('descriptions, examples and the kind of personal data stand in the schema', () => {
  expect(jsonSchema(crm.push_to_crm.input, 'input').properties?.phoneNumber).toMatchObject({
    pii: 'phone',
    description: expect.stringContaining('E.164'),
    examples: ['+79995553322'],
  });
});

test('a description holds what a caller needs and leaves out what is the default', () => {
  const { input: _, output: _2, hash: _3, ...rest } = describe(shop.buy);
  expect(rest).toEqual({
    address: 'shop.buy',
    service: 'shop',
    name: 'buy',
    kind: 'method',
    summary: 'Buy.',
    version: '2.1.0',
    idempotency: 'keyed',
    timeoutMs: 10_000,
    ttlMs: 86_400_000,
    reaches: 'customer',
    roles: ['operator'],
    deprecated: { instead: 'use order', since: '2026-11-20' },
    errors: { empty: 'failed_precondition', taken: 'failed_precondition', gone: 'not_found' },
    http: { route: 'PUT /carts/{cartId}/order' },
    examples: [{ cartId: 'c1' }],
  });
  expect(describe(shop.look)).toMatchObject({ bytes: true, owner: 'cartId' });
  expect(describe(shop.bought)).toMatchObject({ kind: 'event', key: 'orderId', payload: { type: 'object' } });
});

test('how rows of a method end is an event of its own', () => {
  const { dial } = contract('phone', '1.0.0', {
    dial: method({
      summary: 'Ring.',
      input: z.strictObject({}),
      output: z.object({ legId: z.string().max(9) }),
      idempotency: 'keyed',
      settles: true,
    }),
  });
  const { entries } = exported([{ dial }], []);
  expect(Object.keys(entries)).toEqual(['phone.dial', 'phone.dial_settled']);
  expect(entries['phone.dial_settled']).toMatchObject({ kind: 'event', key: 'key', payload: { properties: { state: {}, output: {} } } });
});

test('the hash follows the schemas and nothing else', () => {
  const like = (summary: string, max: number) =>
    contract('a', '1.0.0', {
      m: method({ summary, input: z.strictObject({ x: z.string().max(max) }), output: z.object({}), idempotency: 'read' }),
    }).m;
  expect(schemaHash(like('one', 3))).toBe(schemaHash(like('two', 3)));
  expect(schemaHash(like('one', 3))).not.toBe(schemaHash(like('one', 4)));
});

test('personal places are found in lists, records and unions', () => {
  const schema = z.object({
    who: PersonName,
    phones: z.array(Phone).max(3),
    byDay: z.record(z.string().max(9), z.object({ said: PersonText.nullable() })),
  });
  expect(piiPaths(schema)).toEqual([
    { place: '/who', pii: 'name' },
    { place: '/phones/*', pii: 'phone' },
    { place: '/byDay/*/said', pii: 'text' },
  ]);
});

test('a mask hides personal data wherever it stands and leaves the rest', () => {
  const schema = z.strictObject({
    id: z.string().max(9),
    count: z.int(),
    who: PersonName.optional(),
    phones: z.array(Phone).max(3),
    said: z.record(z.string().max(9), PersonText).nullable(),
    sound: Bytes,
    about: z.union([z.object({ kind: z.literal('a'), x: z.string().max(9) }), z.object({ kind: z.literal('b'), x: PersonName })]),
    deep: z
      .discriminatedUnion('kind', [z.object({ kind: z.literal('a'), phone: Phone }), z.object({ kind: z.literal('b'), n: z.int() })])
      .nullable(),
  });
  const value = {
    id: 'lead 1',
    count: 3,
    who: 'Иван',
    phones: ['+79995553322', '8 (999) 555-33-22', '555', 79995553322],
    said: { '1': 'hello', '2': null },
    sound: new Uint8Array(5),
    about: { kind: 'a', x: 'secret?' },
    deep: { kind: 'a', phone: '+79995553322' },
  };
  const before = structuredClone(value);
  expect(mask(schema, value)).toEqual({
    id: 'lead 1',
    count: 3,
    who: 'И***',
    phones: ['+7999***3322', '+7999***3322', '***', '***'],
    said: { '1': '*** (5 chars)', '2': null },
    sound: '*** (5 bytes)',
    about: { kind: 'a', x: 's***' },
    deep: { kind: 'a', phone: '+7999***3322' },
  });
  expect(value).toEqual(before);
});

test('a mask hides what the schema does not know', () => {
  const schema = z.object({ id: z.string().max(9), count: z.int(), any: z.unknown(), of: z.object({ a: z.int() }) });
  const masked = mask(schema, {
    id: 'x',
    phoneNumer: '+79995553322',
    count: '+79995553322',
    any: { phone: '+79995553322' },
    of: ['+79995553322'],
  });
  expect(masked).toEqual({ id: 'x', phoneNumer: '***', count: '***', any: '***', of: '***' });
  expect(mask(schema, '+79995553322')).toBe('***');
});

test('a mask takes phones and credentials out of texts and names of fields that are not declared personal', () => {
  const schema = z.object({ leadId: z.string(), title: z.string().max(100), fields: z.record(z.string(), z.string()) });
  const value = { leadId: 'lead 42', title: 'Сделка с 8 (999) 555-33-22', fields: { '+79995553322': 'token=canary', note: 'call' } };
  expect(mask(schema, value)).toEqual({ leadId: 'lead 42', title: 'Сделка с ***3322', fields: { '***3322': 'token=***', note: 'call' } });
});

test('a mask by paths, as rows keep them, hides what stands at them', () => {
  const schema = z.object({
    id: z.string().max(9),
    who: z.array(z.object({ phone: Phone, id: z.string().max(9) })).max(3),
    said: z.record(z.string().max(9), PersonText),
    either: z.union([z.object({ a: PersonName }), z.array(Phone).max(3)]),
  });
  const paths = JSON.parse(JSON.stringify(piiPaths(schema)));
  const value = { id: '+79995553322', who: [{ phone: '+79995553322', id: 'i' }], said: { x: 'hello' }, either: { a: 'Иван' } };
  expect(mask(paths, value)).toEqual({
    id: '+79995553322',
    who: [{ phone: '+7999***3322', id: 'i' }],
    said: { x: '*** (5 chars)' },
    either: { a: 'И***' },
  });
  expect(mask(paths, { either: ['+79995553322'] })).toEqual({ either: ['+7999***3322'] });
  expect(mask(piiPaths(Phone), '+79995553322')).toBe('+7999***3322');
});

test('a short phone is not shown whole by its two ends', () => {
  for (const phone of ['+12345678', '+1234567890', '12345678']) {
    const shown = String(mask(Phone, phone)).replace('***', '');
    expect(phone.length - shown.length).toBeGreaterThanOrEqual(3);
  }
});

test('a mask of a schema that holds itself ends', () => {
  const Tree: z.ZodType = z.object({ name: PersonName, inside: z.array(z.lazy(() => Tree)).max(2) });
  expect(mask(Tree, { name: 'Anna', inside: [{ name: 'Boris', inside: [] }] })).toEqual({
    name: 'A***',
    inside: [{ name: 'B***', inside: [] }],
  });
});

test('the HTTP document splits an input into path, query and body, and names every failure', () => {
  const { paths } = openApi(all, { version: '1.0.0' }) as { paths: Record<string, Record<string, never>> };
  const buy = paths['/carts/{cartId}/order']?.put as Record<string, unknown> | undefined;
  expect(buy).toMatchObject({
    operationId: 'shop_buy',
    deprecated: true,
    'x-roles': ['operator'],
    parameters: [{ name: 'cartId', in: 'path', required: true }, { name: 'Idempotency-Key' }],
    requestBody: { required: false, content: { 'application/json': { schema: { properties: { count: {}, note: { 'x-pii': 'text' } } } } } },
    responses: { 200: {}, 202: {}, 400: {}, 404: { description: 'gone' }, 409: { description: 'empty, taken' }, default: {} },
  });
  expect(buy?.requestBody).not.toHaveProperty('content.application/json.schema.properties.cartId');
  expect(paths['/carts/{cartId}']?.get).toMatchObject({
    parameters: [{ in: 'path' }, { name: 'deep', in: 'query', required: false }],
    responses: { 200: { content: { 'application/octet-stream': {} } } },
  });
});

test('the bus document has a channel at each subject, and replies without an address', () => {
  const { channels, operations } = asyncApi(all, { version: '1.0.0' }) as {
    channels: Record<string, object>;
    operations: Record<string, object>;
  };
  expect(channels.shop_buy).toMatchObject({ address: 'polyb.rpc.shop.buy.by.{user}', parameters: { user: {} } });
  expect(channels.shop_buy_reply).not.toHaveProperty('address');
  expect(channels.shop_look).toMatchObject({ address: 'polyb.rpc.shop.look.{cartId}', parameters: { cartId: {} } });
  expect(channels.shop_pour).toMatchObject({ address: 'polyb.rpc.shop.pour.{cartId}', parameters: { cartId: {} } });
  expect(channels.shop_bought).toMatchObject({ address: 'polyb.evt.shop.bought' });
  expect(channels.shop_talk_down).toMatchObject({ address: 'polyb.str.{token}' });
  expect(operations.shop_buy).toMatchObject({ action: 'receive', bindings: { nats: { queue: 'shop', bindingVersion: '0.1.0' } } });
  expect(operations.shop_look).not.toHaveProperty('bindings');
  expect(operations.shop_pour).not.toHaveProperty('bindings');
  expect(operations.shop_bought).toMatchObject({ action: 'send' });
});
