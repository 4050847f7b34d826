import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type GatewayWorld, gatewayWorld, http } from '../../test/kit/gateway.ts';
import { until } from '../../test/kit/world.ts';

let it: GatewayWorld;
let key: string;
beforeAll(async () => {
  it = await gatewayWorld(['collector', 'journal']);
  ({ key } = await it.key(['read', 'admin']));
});
afterAll(() => it.stop());

const write = (text: string) => it.world.bus.call(inbox.put_message, { from: 'visitor-1', text }, { key: text });

interface StreamEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: { readonly text?: string };
}
const isMessage = ({ event }: StreamEvent) => event === 'messages';
const textsOf = (heard: readonly StreamEvent[]) => heard.filter(isMessage).map(({ data }) => data.text);
/** Reads the stream until left. */
async function follow(topics: string, lastEventId?: string): Promise<{ readonly heard: StreamEvent[]; leave(): void }> {
  const leaving = new AbortController();
  const heard: StreamEvent[] = [];
  const { body, status } = await fetch(`${it.origin}/api/v1/stream?topics=${topics}`, {
    headers: { 'x-api-key': key, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
    signal: leaving.signal,
  });
  expect(status).toBe(200);
  void (async () => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
        const data = field('data');
        if (data !== undefined) heard.push({ event: field('event'), id: field('id'), data: JSON.parse(data) });
      }
    }
  })().catch(() => {}); // Leaving ends the loop with an error.
  return { heard, leave: () => leaving.abort() };
}

test('messages that come while a follower is away are sent when it comes back, each once, and none from before it came first', async () => {
  await write('до подписки');
  await until(async () => (await it.world.bus.call(inbox.list_messages, { order: 'stored' })).items.length === 1 || null);
  const first = await follow('messages');
  const [snapshot] = await until(() => (first.heard.length > 0 ? first.heard : null));
  first.leave();
  for (const text of ['раз', 'два', 'три']) await write(text);

  const second = await follow('messages', snapshot?.id);
  await until(() => textsOf(second.heard).length >= 3 || null);
  second.leave();
  expect(textsOf(second.heard)).toEqual(['раз', 'два', 'три']);

  const third = await follow('messages', second.heard.filter(isMessage)[1]?.id);
  await write('четыре');
  await until(() => textsOf(third.heard).length >= 2 || null);
  third.leave();
  expect(textsOf(third.heard)).toEqual(['три', 'четыре']);
});

test('followers at different places are each sent what comes after theirs', async () => {
  const { items } = await it.world.bus.call(inbox.list_messages, { order: 'stored' });
  const [early, late] = await Promise.all([follow('messages', `~${items[0]?.cursor}`), follow('messages', `~${items.at(-1)?.cursor}`)]);
  await write('обоим');
  await until(() => textsOf(early.heard).at(-1) === 'обоим' && textsOf(late.heard).at(-1) === 'обоим');
  early.leave();
  late.leave();
  expect(textsOf(late.heard)).toEqual(['обоим']);
  expect(textsOf(early.heard)).toEqual([...items.slice(1).map(({ text }) => text), 'обоим']);
});

test('the place among messages is not lost to an event of another topic', async () => {
  const { heard, leave } = await follow('runs,messages');
  await write('после снимка');
  const [message] = await until(() => (textsOf(heard).length > 0 ? heard.filter(isMessage) : null));
  leave();
  const again = await follow('runs,messages', message?.id);
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
