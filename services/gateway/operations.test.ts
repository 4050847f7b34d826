import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { every, service } from '../../bus/service.ts';
import { gateway } from '../../contracts/gateway.ts';
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

test.each([
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
