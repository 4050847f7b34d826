import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});
const put = (input: Parameters<typeof here.bus.call<typeof inbox.put_message>>[1], key: string) =>
  here.bus.call(inbox.put_message, input, { key });
const messagesOf = async (chatId: string) => (await here.bus.call(inbox.list_messages, { chatId })).items;

test('what a visitor of the site writes is stored once, and what we answer after an approval is read in the same chat', async () => {
  const asked = { from: 'visitor-17', name: 'Анна', phoneNumber: '8 (999) 555-33-22', text: 'Сколько стоит доставка?', messageId: 'm1' };
  const { messageId, chatId } = await put(asked, 'k1');
  expect(await put(asked, 'k2')).toEqual({ messageId, chatId });
  const { id, state } = await it.send(chatId, 'Доставка 300 рублей');
  expect(state).toBe('pending');
  await it.approve(id);
  await it.comes(id, 'sent');
  const both = await it.when(async () => {
    const items = await messagesOf(chatId);
    return items.length === 2 && items;
  });
  expect(both).toMatchObject([
    { direction: 'out', text: 'Доставка 300 рублей' },
    { direction: 'in', messageId, channel: 'site', text: asked.text, sender: { name: 'Анна', role: 'client' } },
  ]);
});

test('two visitors who write the same have a chat and a message each', async () => {
  const [one, other] = await Promise.all(['visitor-a', 'visitor-b'].map((from) => put({ from, text: 'Привет', messageId: '1' }, from)));
  expect(one?.chatId).not.toBe(other?.chatId);
  expect(one?.messageId).not.toBe(other?.messageId);
});

test('a message without an id of its own is stored under the longest key that there is', async () => {
  const key = 'k'.repeat(255);
  const asked = { from: 'visitor-long', text: 'Привет' };
  const { chatId } = await put(asked, key);
  await put(asked, key);
  expect(await messagesOf(chatId)).toHaveLength(1);
});

test('hostile text of the site is stored as text, and a replay of its updates stores nothing twice', async () => {
  const since = new Date().toISOString();
  const { messageId, chatId } = await put({ from: 'visitor-x', text: '\u202e<img onerror=alert(1)>' }, 'hostile');
  expect((await here.bus.call(inbox.get_message, { messageId })).text).toBe('\u202e<img onerror=alert(1)>');
  const until = new Date(Date.now() + 1_000).toISOString();
  expect(await here.bus.call(inbox.replay_updates, { channel: 'site', since, until })).toMatchObject({ updates: 1, messages: 0 });
  expect(await messagesOf(chatId)).toHaveLength(1);
  for (const text of [' ', 'a\u0000b', 'x'.repeat(4097)])
    await expect(put({ from: 'visitor-x', text }, `bad ${text.length}`)).rejects.toMatchObject({ code: 'invalid_argument' });
});
