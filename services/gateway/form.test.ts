import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import { Bytes, Id } from '../../contracts/common.ts';
import { contract, method } from '../../contracts/kit/define.ts';
import { exported, openApi } from '../../contracts/kit/describe.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { createApp } from './app.ts';
import { callableBy, routesOf } from './routes.ts';

const albums = contract('albums', '1.0.0', {
  add: method({
    summary: 'x',
    input: z.strictObject({
      albumId: Id,
      picture: Bytes.optional(),
      contentType: z.string().max(100).optional(),
      name: z.string().max(100).optional(),
      width: z.int().optional(),
      tags: z.array(z.string().max(70_000)).max(50).optional(),
    }),
    output: z.object({ bytes: z.int() }),
    idempotency: 'idempotent',
    http: {
      route: 'POST /albums/{albumId}',
      body: 'multipart',
      scope: 'none',
      files: { picture: { contentType: 'contentType', name: 'name' } },
    },
  }),
});
let app: FastifyInstance;
let buses: BusHost[];
let added: Record<string, unknown>[];

beforeEach(async () => {
  added = [];
  const broker = memoryBroker();
  const server = createBus({ transport: broker.connect('albums'), name: 'albums', log: quiet });
  const client = createBus({ transport: broker.connect('gateway'), name: 'gateway', log: quiet });
  buses = [client, server];
  await server.serve(Object.values(albums), {
    'albums.add': async (input: { readonly picture?: Uint8Array }) => {
      added.push(input);
      return { bytes: input.picture?.length ?? 0 };
    },
  } as never);
  app = createApp({
    routes: routesOf(callableBy('gateway', [albums]), []),
    ask: (asked, input, options) => client.call(asked, input, options),
    admit: async () => {
      throw new Error('this route needs no key');
    },
    decided: async () => {},
    owners: { ofChats: async () => new Map(), ofPhones: async () => new Map() },
    changed: () => {},
    observed: () => {},
    log: quiet,
    options: {
      bodyLimitBytes: 600_000,
      requestTimeoutMs: 5_000,
      maxConnections: 10,
      maxInFlight: 10,
      trustedProxies: [],
      requireIfMatch: false,
    },
  });
});
afterEach(async () => {
  await app.close();
  for (const bus of buses) await bus.close();
});

type Part = readonly [head: string, body: string | Buffer];
const text = (name: string, value: string): Part => [`form-data; name="${name}"`, value];
const file = (body: Buffer, name = 'picture'): Part => [
  `form-data; name="${name}"; filename="C:\\\\me\\\\фото.png"\r\ncontent-type: image/png`,
  body,
];
const boundary = 'xYz';
function form(parts: readonly Part[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(([head, body]) => [
      Buffer.from(`--${boundary}\r\ncontent-disposition: ${head}\r\n\r\n`),
      Buffer.from(body as Buffer),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}
async function post(payload: Buffer | undefined, type = `multipart/form-data; boundary=${boundary}`) {
  const reply = await app.inject({
    method: 'POST',
    url: '/albums/a1',
    headers: { 'content-type': type },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: reply.statusCode, body: reply.json() as Record<string, unknown> };
}

test('the parts of a form are the fields of the input, a file with its type and its name without a path', async () => {
  const bytes = Buffer.from([0, 255, 13, 10, 45, 45]);
  expect(await post(form([text('width', '640'), text('tags', 'отпуск'), text('tags', 'b'), file(bytes)]))).toEqual({
    status: 200,
    body: { bytes: 6 },
  });
  const { picture, ...rest } = added[0] ?? {};
  expect(Buffer.from(picture as Uint8Array)).toEqual(bytes);
  expect(rest).toEqual({ albumId: 'a1', width: 640, tags: ['отпуск', 'b'], contentType: 'image/png', name: 'фото.png' });
});

test('a part sets the type and the name before the file does, and JSON is accepted as well', async () => {
  await post(form([file(Buffer.from('x')), text('contentType', 'image/webp'), text('name', 'мой')]));
  expect(added[0]).toMatchObject({ contentType: 'image/webp', name: 'мой' });
  expect(await post(Buffer.from(JSON.stringify({ picture: 'AQID' })), 'application/json')).toEqual({ status: 200, body: { bytes: 3 } });
});

test.each<[string, Buffer | undefined, string | undefined, number, object]>([
  ['without a body', undefined, undefined, 400, { reason: 'bad_body' }],
  ['with an empty body', Buffer.alloc(0), undefined, 400, { reason: 'bad_body' }],
  ['without a boundary', form([text('width', '1')]), 'multipart/form-data', 400, { reason: 'bad_body' }],
  ['with another boundary', form([text('width', '1')]), 'multipart/form-data; boundary=other', 400, { reason: 'bad_body' }],
  ['cut off in a file', form([file(Buffer.alloc(500))]).subarray(0, 300), undefined, 400, { reason: 'bad_body' }],
  ['cut off in a text', form([text('name', 'x'.repeat(500))]).subarray(0, 300), undefined, 400, { reason: 'bad_body' }],
  ['with a part without a name', form([['form-data', 'x']]), undefined, 400, { reason: 'bad_body' }],
  ['with a long name', form([text('x'.repeat(65), 'x')]), undefined, 400, { reason: 'bad_body' }],
  ['with an unknown part', form([text('colour', 'red')]), undefined, 400, { reason: 'bad_parameters' }],
  ['with an unknown file', form([file(Buffer.from('x'), 'colour')]), undefined, 400, { reason: 'bad_parameters' }],
  ['with a file for a text', form([file(Buffer.from('x'), 'width')]), undefined, 400, { reason: 'bad_parameters' }],
  ['with two files for a field', form([file(Buffer.from('x')), file(Buffer.from('y'))]), undefined, 400, { reason: 'bad_parameters' }],
  ['with a text for a number', form([text('width', 'wide')]), undefined, 400, { reason: 'bad_parameters' }],
  ['with 33 parts', form(Array.from({ length: 33 }, () => text('tags', 'x'))), undefined, 413, { reason: 'payload_too_large' }],
  ['with a file of 256 KiB and a byte', form([file(Buffer.alloc(262_145))]), undefined, 413, { reason: 'payload_too_large' }],
  ['with a text of 64 KiB and a byte', form([text('tags', 'x'.repeat(65_537))]), undefined, 413, { reason: 'payload_too_large' }],
  ['beyond the limit of a body', form([file(Buffer.alloc(600_000))]), undefined, 413, { reason: 'payload_too_large' }],
  ['of another kind', Buffer.from('a=b'), 'application/x-www-form-urlencoded', 415, { reason: 'unsupported_media_type' }],
])('a form %s is refused, and nothing is called', async (_, payload, type, status, problem) => {
  expect(await post(payload, type)).toMatchObject({ status, body: { code: 'invalid_argument', ...problem } });
  expect(added).toEqual([]);
});

test('a form with the most that is allowed is taken: 32 parts, a file of 256 KiB, a text of 64 KiB', async () => {
  const parts = [file(Buffer.alloc(262_144)), text('tags', 'x'.repeat(65_536)), ...Array.from({ length: 30 }, () => text('tags', 'x'))];
  expect(await post(form(parts))).toEqual({ status: 200, body: { bytes: 262_144 } });
});

test('the document names the form beside JSON, with files as binary', () => {
  const { paths } = openApi(exported([albums], []), { version: '1.0.0' }) as {
    paths: Record<string, Record<string, { requestBody: { content: Record<string, { schema: { properties: Record<string, object> } }> } }>>;
  };
  const content = paths['/albums/{albumId}']?.post?.requestBody.content ?? {};
  expect(Object.keys(content)).toEqual(['multipart/form-data', 'application/json']);
  expect(content['multipart/form-data']?.schema.properties.picture).toMatchObject({ contentMediaType: 'application/octet-stream' });
  expect(content['application/json']?.schema.properties.picture).toMatchObject({ contentEncoding: 'base64' });
});
