import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import { type Fixture, fixture, token } from './fixture.ts';
import { doomOldFiles } from './rows/files.ts';

let it: GatewayWorld;
let at: Fixture;
let key: string;
beforeAll(async () => {
  it = await gatewayWorld([]);
  ({ key } = await it.key(['read']));
});
beforeEach(async () => {
  await it.world.store.query('truncate collector.files');
  at = await fixture(it.world, { BLOB_KIND: 'memory', INBOX_FILE_MAX_BYTES: '2000000' });
});
afterEach(() => at.close());
afterAll(() => it.stop());

let nextId = 1;
const send = (what: object): void => {
  const id = nextId++;
  at.telegram.update(token, {
    message: {
      message_id: id,
      date: 1_790_000_000 + id,
      chat: { id: 42, type: 'private', first_name: 'Анна' },
      from: { id: 42, is_bot: false, first_name: 'Анна' },
      ...what,
    },
  });
};
const document = (fileId: string, mime: string, name: string) => ({
  document: { file_id: fileId, file_unique_id: fileId, mime_type: mime, file_name: name },
});
const stored = async () => (await at.messages())[0];
const kept = () =>
  until(async () => {
    const message = await stored();
    return message?.files[0]?.isKept ? message : null;
  });
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${it.origin}/api/v1/messages/${path}`, { headers: { 'x-api-key': key, ...headers } });
/** More than one reply of the bus can hold, with no two positions alike. */
const large = Buffer.from(Uint8Array.from({ length: 1_000_003 }, (_, n) => (n * 7 + (n >> 8) + (n >> 16)) % 256));

test('a document larger than any reply of the bus is read whole, under its name', async () => {
  at.telegram.file('d1', large);
  send(document('d1', 'application/pdf', 'смета "май".pdf'));
  const message = await kept();
  expect(message.files).toEqual([
    {
      n: 0,
      kind: 'document',
      name: 'смета "май".pdf',
      contentType: 'application/pdf',
      bytes: large.length,
      durationMs: null,
      isKept: true,
    },
  ]);
  const answer = await get(`${message.messageId}/files/0`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-length')).toBe(String(large.length));
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename*=UTF-8''${encodeURIComponent('смета "май".pdf')}`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true);
});

test('ranges give what they name, across parts, and none beyond the end', async () => {
  at.telegram.file('d1', large);
  send(document('d1', 'video/mp4', 'ролик.mp4'));
  const { messageId } = await kept();
  const path = `${messageId}/files/0`;
  const size = large.length;
  for (const [range, from, to] of [
    ['bytes=0-0', 0, 1],
    ['bytes=262143-262145', 262_143, 262_146],
    ['bytes=100-700000', 100, 700_001],
    ['bytes=999999-', 999_999, size],
    ['bytes=-5', size - 5, size],
    ['bytes=-99999999', 0, size],
    ['bytes=500-99999999', 500, size],
  ] as const) {
    const answer = await get(path, { range });
    expect([range, answer.status, answer.headers.get('content-range')]).toEqual([range, 206, `bytes ${from}-${to - 1}/${size}`]);
    expect(Buffer.from(await answer.arrayBuffer()).equals(large.subarray(from, to))).toBe(true);
  }
  const beyond = await get(path, { range: `bytes=${size}-` });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${size}`]);
  for (const ignored of ['bytes=5-2', 'bytes=0-1,5-6', 'lines=1-2']) expect((await get(path, { range: ignored })).status).toBe(200);
  const etag = (await get(path)).headers.get('etag') ?? '';
  expect((await get(path, { 'if-none-match': etag })).status).toBe(304);
  expect((await get(path, { range: 'bytes=0-1', 'if-range': '"another"' })).status).toBe(200);
  expect((await get(path, { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
});

test.each([
  ['text/html', 'application/octet-stream', 'attachment'],
  ['image/svg+xml', 'application/octet-stream', 'attachment'],
  ['application/xhtml+xml', 'application/octet-stream', 'attachment'],
  ['image/png', 'image/png', 'inline'],
])('a file of type %s is served as %s, %s', async (mime, type, how) => {
  at.telegram.file('d1', Buffer.from('<script>alert(1)</script>'));
  send(document('d1', mime, 'a'));
  const { messageId } = await kept();
  const { headers } = await get(`${messageId}/files/0`);
  expect(headers.get('content-type')).toBe(type);
  expect(headers.get('content-disposition')).toMatch(new RegExp(`^${how};`));
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain('sandbox');
});

test('a recording above what one reply of the bus holds is played whole', async () => {
  at.telegram.file('v1', large);
  send({ voice: { file_id: 'v1', file_unique_id: 'v1', duration: 200, mime_type: 'audio/ogg' } });
  const { messageId } = await kept();
  for (const path of ['voice', 'files/0']) {
    const answer = await get(`${messageId}/${path}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/ogg']);
    expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true);
  }
});

test('a file above the limit is not fetched, and says so', async () => {
  at.telegram.file('d1', Buffer.alloc(2_000_001));
  send(document('d1', 'application/zip', 'большой.zip'));
  await until(async () => (await it.world.store.query(`select from collector.files where state = 'gone'`))[0]);
  const client = http(it.origin, key);
  const answer = await client('GET', `/api/v1/messages/${(await stored())?.messageId}/files/0`);
  expect(answer).toMatchObject({ status: 409, body: { reason: 'not_kept' } });
  expect((await client('GET', `/api/v1/messages/${(await stored())?.messageId}/files/1`)).status).toBe(404);
});

test('erasing a person removes the bytes of what they sent', async () => {
  at.telegram.file('d1', Buffer.from('паспорт'));
  send(document('d1', 'image/png', 'паспорт.png'));
  const message = await kept();
  await it.world.bus.call(inbox.erase_person, { customerId: message.sender?.customerId ?? '' });
  await until(async () => (await it.world.store.query('select from collector.files')).length === 0 || null);
  expect((await get(`${message.messageId}/files/0`)).status).toBe(404);
  expect(JSON.stringify(await stored())).not.toContain('паспорт');
});

test('what is older than its time, or whose message is gone, is removed; the rest stays', async () => {
  for (const id of ['d1', 'd2', 'd3']) {
    at.telegram.file(id, Buffer.from(id));
    send(document(id, 'image/png', id));
  }
  await until(async () => (await it.world.store.query(`select from collector.files where state = 'kept'`)).length === 3 || null);
  const { store } = it.world;
  await store.query(`update collector.files set created_at = now() - interval '91 days' where name = 'd1'`);
  await store.query(`delete from collector.messages where message_id = (select message_id from collector.files where name = 'd2')`);
  await doomOldFiles(store, 90, AbortSignal.timeout(10_000));
  await until(async () => (await store.query('select from collector.files')).length === 1 || null);
  expect(await store.query('select name from collector.files')).toEqual([{ name: 'd3' }]);
});
