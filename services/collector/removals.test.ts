import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ReadMessage, ReadPart } from '../../adapters/channel/port.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { put } from './rows/put.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

const chat = { externalId: '42', kind: 'private', title: 'Анна' } as const;
const sender = { externalId: '42', name: 'Анна', username: null, phoneNumber: null, firstRole: 'client' } as const;
const message: ReadMessage = {
  ...{ chat, sender, externalId: '7', kind: 'text', direction: 'in', text: 'Закажу 5 роз', content: [], threadId: null, albumId: null },
  ...{ replyTo: null, isForwarded: false, sentAt: 1_790_000_000_000, editedAt: null, files: [] },
};
let updates = 0;
const gives = (...parts: readonly ReadPart[]) =>
  store.commit((tx) =>
    put(tx, 'telegram', { botId: '7001', updates: [{ externalId: String(++updates), raw: `{"n":${updates}}`, parts }] }),
  );
const removal = { is: 'removal', chat, externalIds: ['6', '7'], at: 1_790_000_060_000 } as const;
const changes = () => store.emitted.filter(({ event }) => event === 'inbox.message_changed').map(({ payload }) => payload);

test('a message that is withdrawn says nothing any more, once, and no later edit or repeat brings its words back', async () => {
  await gives({ is: 'message', message });
  await store.db.query(`update collector.messages set intent = 'order', is_urgent = true`);
  await gives(removal);
  await gives(removal);
  await gives({ is: 'message', message: { ...message, text: 'Закажу 7 роз', editedAt: 1_790_000_090_000 } });
  await gives({ is: 'message', message });
  const rows = await store.db.query(`select text, removed_at, intent, is_urgent from collector.messages`);
  expect(rows).toEqual([{ text: '', removed_at: new Date(1_790_000_060_000), intent: null, is_urgent: false }]);
  expect(await store.db.query('select text from collector.message_versions')).toEqual([{ text: 'Закажу 5 роз' }]);
  const [act] = await store.db.query<{ id: string }>('select last_act_id as id from collector.chats');
  expect(changes()).toEqual([expect.objectContaining({ change: 'removed', changeId: act?.id, isStaff: false, isBot: false })]);
});
