import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { every, service } from '../../bus/service.ts';
import { gateway } from '../../contracts/gateway.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';

const post = contract('post', '1.0.0', {
  ring: method({
    summary: 'x',
    input: z.strictObject({ nth: z.int() }),
    output: z.object({}),
    idempotency: 'keyed',
    errors: { refused: 'failed_precondition' },
  }),
});

let it: GatewayWorld;
let admin: Client;
let keyId: string;
let swept = 0;
let isRefused = true;
beforeAll(async () => {
  it = await gatewayWorld(['journal']);
  await it.world.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({
      post: {
        ring: {
          attempt: async () => {
            if (isRefused) throw new PolybError('failed_precondition', 'no', { reason: 'refused' });
            return {};
          },
          onUnknown: review,
        },
      },
      loops: [
        every('sweep', '0 0 1 1 *', async () => {
          swept += 1;
        }),
      ],
    })),
  );
  const key = await it.key(['admin'], { client: 'ops' });
  keyId = key.keyId;
  admin = http(it.origin, key.key);
});
afterAll(() => it?.stop());

const rowOf = (id: string, state: string) =>
  it.world.store.query(
    `insert into journal.rows (id, method, key, mode, state, hash, input, ref, on_unknown, error, not_before)
     values ($1, 'post.ring', $1, 'send', $2, 'h', '{"nth":1}', $1, 'review', '{"code":"failed_precondition","reason":"refused"}', now() + interval '1 day')`,
    [id, state],
  );
const audit = async () =>
  (await it.world.bus.call(gateway.list_audit, { client: 'ops', limit: 1 })).items.map(({ method: of, target, code }) => ({
    of,
    target,
    code,
  }));

test('a key with admin retries, cancels and drops rows, and both audits name it', async () => {
  isRefused = false;
  for (const [id, state, verb, becomes] of [
    ['row_retried', 'failed', 'retry', /queued|attempting|done/],
    ['row_cancelled', 'queued', 'cancel', /cancelled/],
    ['row_dropped', 'failed', 'drop', /cancelled/],
  ] as const) {
    await rowOf(id, state);
    const answered = await admin('POST', `/api/v1/journal/${id}/${verb}`, { why: 'by hand', onBehalfOf: 'boss' });
    expect(answered).toMatchObject({ status: 200, body: { id, state: expect.stringMatching(becomes) } });
    const [entry] = (answered.body as { audit: { who: string; why: string }[] }).audit;
    expect(entry).toMatchObject({ who: `gateway:ops/${keyId}`, why: 'by hand' });
    expect(await audit()).toEqual([{ of: `journal.${verb}`, target: id, code: 'ok' }]);
  }
});

test('a pause is listed with the key that made it until it is lifted', async () => {
  expect(await admin('PUT', '/api/v1/pauses/post.*', { why: 'storm' })).toMatchObject({ status: 200, body: { paused: ['post.*'] } });
  expect((await admin('GET', '/api/v1/pauses')).body).toMatchObject({
    pauses: [{ method: 'post.*', who: `gateway:ops/${keyId}`, why: 'storm', since: expect.stringMatching(/Z$/) }],
  });
  expect(await admin('DELETE', '/api/v1/pauses/post.*')).toMatchObject({ status: 200, body: { paused: [] } });
  expect(await audit()).toEqual([{ of: 'journal.resume', target: 'post.*', code: 'ok' }]);
});

test('a loop is listed, and runs when it is requested', async () => {
  const { loops } = (await admin('GET', '/api/v1/loops')).body as { loops: { service: string; name: string }[] };
  expect(loops).toContainEqual(expect.objectContaining({ service: 'post', name: 'sweep' }));
  expect(await admin('POST', '/api/v1/loops/post/sweep/run')).toMatchObject({ status: 200, body: { requested: true } });
  await until(() => swept > 0 || null);
  expect((await admin('POST', '/api/v1/loops/post/none/run')).status).toBe(404);
});

test('dead letters are counted by groups, and a group is replayed at a rate that a key sets', async () => {
  const announced: string[] = [];
  using _listener = it.world.bus.hear(journal.approval_changed, (change) => {
    const { rowId, state } = change as { readonly rowId: string; readonly state: string };
    if (rowId.startsWith('row_dead')) announced.push(state);
  });
  for (const id of ['row_dead1', 'row_dead2', 'row_dead3']) await rowOf(id, 'failed');
  await it.world.store.query(`update journal.rows set ended_at = now() where id like 'row_dead%'`);
  const group = { method: 'post.ring', reason: 'refused', count: 3, isMore: false, exampleId: 'row_dead3' };
  expect((await admin('GET', '/api/v1/dead-letters')).body).toMatchObject({ groups: [group] });
  expect((await admin('GET', '/api/v1/journal/summary')).body).toMatchObject({
    views: expect.arrayContaining([
      expect.objectContaining({ view: 'dead_letters', count: 3 }),
      expect.objectContaining({ view: 'stuck', count: 0 }),
    ]),
    groups: [expect.objectContaining({ view: 'dead_letters', state: 'failed', method: 'post.ring', reason: 'refused', count: 3 })],
  });
  const slow = await admin('POST', '/api/v1/dead-letters/replay', { method: 'post.ring', reason: 'refused', perSecond: 0.01 });
  expect(slow).toMatchObject({ status: 200, body: { state: 'running', who: `gateway:ops/${keyId}` } });
  const { replayId } = slow.body as { replayId: string };
  expect((await admin('POST', '/api/v1/dead-letters/replay', { method: 'post.ring', reason: 'refused' })).body).toMatchObject({
    reason: 'in_progress',
  });
  const replayed = () => it.world.store.query(`select from journal.rows where id like 'row_dead%' and state <> 'failed'`);
  await until(async () => (await replayed()).length === 1 || null);
  expect(await admin('POST', `/api/v1/replays/${replayId}/cancel`)).toMatchObject({
    status: 200,
    body: { state: 'cancelled', retried: 1 },
  });
  await admin('POST', '/api/v1/dead-letters/replay', { method: 'post.ring', reason: 'refused', perSecond: 50 });
  await until(async () => (await replayed()).length === 3 || null);
  // For those who show dead letters.
  await until(() => announced.length >= 3 || null);
  // An instance may take a row at once.
  expect(announced.filter((state) => state !== 'queued' && state !== 'attempting')).toEqual([]);
  expect((await admin('GET', '/api/v1/replays')).body).toMatchObject({
    replays: [{ retried: expect.any(Number) }, { replayId, state: 'cancelled' }],
  });
});

test.each([
  ['GET', '/api/v1/dead-letters'],
  ['POST', '/api/v1/dead-letters/replay'],
  ['GET', '/api/v1/replays'],
  ['POST', '/api/v1/replays/replay_none/cancel'],
  ['GET', '/api/v1/journal/summary'],
  ['POST', '/api/v1/journal/row_none/retry'],
  ['POST', '/api/v1/journal/row_none/cancel'],
  ['POST', '/api/v1/journal/row_none/drop'],
  ['PUT', '/api/v1/pauses/post.ring'],
  ['DELETE', '/api/v1/pauses/post.ring'],
  ['GET', '/api/v1/pauses'],
  ['GET', '/api/v1/loops'],
  ['POST', '/api/v1/loops/post/sweep/run'],
])('%s %s is refused to a key without admin', async (verb, path) => {
  const sender = await it.client('read', 'send');
  expect((await sender(verb, path)).status).toBe(403);
});
