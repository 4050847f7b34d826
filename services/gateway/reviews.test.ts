import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gateway } from '../../contracts/gateway.ts';
import { type Client, type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from '../sender/fixture.ts';

let it: GatewayWorld;
let desk: Fixture;
let ask: Client;
beforeAll(async () => {
  it = await gatewayWorld([]);
  desk = await fixture(it.world, { collector, journal: journalService });
  ask = await it.client('read', 'send');
});
afterAll(async () => {
  await it?.stop();
  await desk?.close();
});

type Reviews = { readonly items: readonly { readonly id: string }[] };
const reviews = async () => ((await ask('GET', '/api/v1/sandbox/reviews')).body as Reviews).items;
const approve = async (id: string) => expect((await ask('POST', `/api/v1/sandbox/${id}/approve`)).status).toBe(200);
const sentTo = (customer: number) => desk.telegram.sent.filter(({ chatId }) => chatId === customer).map(({ text }) => text);

/** A message whose connection is cut while it is sent, an approved answer and a draft behind it. */
async function doubted() {
  const customer = desk.somebody();
  const { chatId } = await desk.says(customer);
  const ids: string[] = [];
  for (const text of ['первое', 'второе', 'третье']) ids.push((await desk.send(chatId, text, `${text} ${customer}`)).id);
  const [doubt = '', approved = '', draft = ''] = ids;
  await cutNext(doubt, customer, () => approve(doubt));
  await approve(approved);
  return { customer, doubt, approved, draft };
}
async function cutNext(id: string, customer: number, act: () => Promise<unknown>): Promise<void> {
  desk.telegram.order({ do: 'cut', on: 'sendMessage', to: customer, after: true });
  await act();
  await until(async () => (await desk.row(id)).state === 'review' || null);
}

test('a message that waits behind a doubt names it, and the doubt is listed with the customer, the words and the cause', async () => {
  const { customer, doubt, approved, draft } = await doubted();
  const delivery = async (id: string) => (await ask('GET', `/api/v1/send/${id}`)).body;
  expect(await delivery(doubt)).toMatchObject({ status: 'queued', inReview: true, waitsFor: null });
  for (const id of [approved, draft]) expect(await delivery(id)).toMatchObject({ status: 'queued', inReview: false, waitsFor: doubt });
  const { items } = (await ask('GET', '/api/v1/sandbox/pending')).body as Reviews;
  expect(items.find(({ id }) => id === draft)).toMatchObject({ waitsFor: doubt });
  expect((await reviews()).find(({ id }) => id === doubt)).toMatchObject({
    state: 'review',
    behind: 1,
    attempts: 1,
    error: expect.stringMatching(/\w/),
    updatedAt: expect.stringMatching(/Z$/),
    input: { text: 'первое', customer: { name: `Клиент ${customer}`, channel: 'telegram', said: 'Здравствуйте' } },
  });
});

test.each([
  ['happened', ['первое', 'второе'], 'sent', /nothing is sent/],
  ['try_again', ['первое', 'первое', 'второе'], 'sent', /happens twice/],
  ['give_up', ['первое', 'второе'], 'failed', /nothing is sent/],
] as const)('%s frees the chat, does what its reply says, and is audited with the key', async (answer, texts, status, effect) => {
  const { customer, doubt, approved } = await doubted();
  const { keyId, key } = await it.key(['send'], { client: `desk-${answer.replace('_', '-')}` });
  const anna = http(it.origin, key);
  const answered = await anna('POST', `/api/v1/sandbox/${doubt}/resolve`, { answer, onBehalfOf: 'boss' });
  expect(answered).toMatchObject({ status: 200, body: { id: doubt, freed: 1, effect: expect.stringMatching(effect) } });
  await desk.comes(approved, 'sent');
  expect(sentTo(customer)).toEqual(texts);
  await desk.comes(doubt, status);
  const client = `desk-${answer.replace('_', '-')}`;
  expect((await desk.row(doubt)).audit.map(({ who, did }) => ({ who, did }))).toContainEqual({
    who: `gateway:${client}/${keyId}`,
    did: `resolved: ${answer}`,
  });
  const { items } = await it.world.bus.call(gateway.list_audit, { client });
  expect(items).toMatchObject([{ keyId, method: 'journal.resolve', target: doubt, code: 'ok' }]);
  expect((await anna('POST', `/api/v1/sandbox/${doubt}/resolve`, { answer: 'give_up' })).body).toMatchObject({ reason: 'wrong_state' });
});

test('an answer to a former doubt of a message does not settle a later one', async () => {
  const { customer, doubt } = await doubted();
  const resolve = (body: object) => ask('POST', `/api/v1/sandbox/${doubt}/resolve`, body);
  await cutNext(doubt, customer, async () => {
    expect((await resolve({ answer: 'try_again', attempts: 1 })).status).toBe(200);
    await until(async () => (await desk.row(doubt)).attempts > 1 || null);
  });
  expect((await resolve({ answer: 'happened', attempts: 1 })).body).toMatchObject({ reason: 'wrong_state' });
  expect((await desk.row(doubt)).state).toBe('review');
  const { attempts } = await desk.row(doubt);
  expect((await resolve({ answer: 'happened', attempts })).status).toBe(200);
  expect(sentTo(customer).slice(0, 2)).toEqual(['первое', 'первое']);
});

test('a key that may only read neither lists doubts nor settles one, and one that may send reads no other rows whole', async () => {
  const { doubt } = await doubted();
  const reader = await it.client('read');
  expect((await reader('GET', '/api/v1/sandbox/reviews')).status).toBe(403);
  expect((await reader('POST', `/api/v1/sandbox/${doubt}/resolve`, { answer: 'happened' })).status).toBe(403);
  expect((await ask('GET', '/api/v1/journal?view=reviews&show=revealed')).status).toBe(403);
  const { items } = (await ask('GET', '/api/v1/sandbox/reviews?view=all&show=heads')).body as Reviews;
  expect(new Set(items.map((item) => (item as { state?: string }).state))).toEqual(new Set(['review']));
});
