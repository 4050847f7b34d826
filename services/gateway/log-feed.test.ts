import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { follow, type StreamEvent } from '../../test/kit/stream.ts';
import { until } from '../../test/kit/world.ts';

let it: GatewayWorld;
let key: string;
beforeAll(async () => {
  it = await gatewayWorld(['collector', 'journal']);
  ({ key } = await it.key(['read', 'admin']));
});
afterAll(() => it.stop());

const write = (text: string) => it.world.bus.call(inbox.put_message, { from: 'visitor-1', text }, { key: text });

const isMessage = ({ event }: StreamEvent) => event === 'messages';
const textsOf = (heard: readonly StreamEvent[]) => heard.filter(isMessage).map(({ data }) => (data as { text?: string }).text);
const followTopics = (topics: string, last?: string) =>
  follow(it.origin, topics, { 'x-api-key': key, ...(last === undefined ? {} : { 'last-event-id': last }) });

test('messages that come while a follower is away are sent when it comes back, each once, and none from before it came first', async () => {
  await write('до подписки');
  await until(async () => (await it.world.bus.call(inbox.list_messages, { order: 'stored' })).items.length === 1 || null);
  const first = await followTopics('messages');
  const [snapshot] = await until(() => (first.heard.length > 0 ? first.heard : null));
  first.leave();
  for (const text of ['раз', 'два', 'три']) await write(text);

  const second = await followTopics('messages', snapshot?.id);
  await until(() => textsOf(second.heard).length >= 3 || null);
  second.leave();
  expect(textsOf(second.heard)).toEqual(['раз', 'два', 'три']);

  const third = await followTopics('messages', second.heard.filter(isMessage)[1]?.id);
  await write('четыре');
  await until(() => textsOf(third.heard).length >= 2 || null);
  third.leave();
  expect(textsOf(third.heard)).toEqual(['три', 'четыре']);
});

test('followers at different places are each sent what comes after theirs', async () => {
  const { items } = await it.world.bus.call(inbox.list_messages, { order: 'stored' });
  const [early, late] = await Promise.all([
    followTopics('messages', `~${items[0]?.cursor}`),
    followTopics('messages', `~${items.at(-1)?.cursor}`),
  ]);
  await write('обоим');
  await until(() => textsOf(early.heard).at(-1) === 'обоим' && textsOf(late.heard).at(-1) === 'обоим');
  early.leave();
  late.leave();
  expect(textsOf(late.heard)).toEqual(['обоим']);
  expect(textsOf(early.heard)).toEqual([...items.slice(1).map(({ text }) => text), 'обоим']);
});

test('the place among messages is not lost to an event of another topic', async () => {
  const { heard, leave } = await followTopics('runs,messages');
  await write('после снимка');
  const [message] = await until(() => (textsOf(heard).length > 0 ? heard.filter(isMessage) : null));
  leave();
  const again = await followTopics('runs,messages', message?.id);
  await write('и снова');
  await until(() => textsOf(again.heard).length > 0 || null);
  again.leave();
  expect(textsOf(again.heard)).toEqual(['и снова']);
});

test('a Last-Event-ID with a cursor of another list is refused before the stream begins', async () => {
  const answer = await http(it.origin, key)('GET', '/api/v1/stream?topics=messages', undefined, { 'last-event-id': '~p1.1.AAAAAAAA' });
  expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_argument' } });
});

test('a follower of HTTP pages goes on from nextCursor', async () => {
  const ask = http(it.origin, key);
  const page = async (cursor?: string) =>
    (await ask('GET', `/api/v1/messages?order=stored&limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)).body as {
      items: { text: string }[];
      nextCursor: string;
    };
  const texts: string[] = [];
  for (let at = await page(); at.items.length > 0; at = await page(at.nextCursor)) texts.push(...at.items.map(({ text }) => text));
  expect(texts).toEqual((await it.world.bus.call(inbox.list_messages, { order: 'stored' })).items.map(({ text }) => text));
});
