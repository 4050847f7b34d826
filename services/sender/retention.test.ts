import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { forget } from './rows.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

test('deliveries of every state and early statuses go when they are older than the limit, and no others', async () => {
  const { db } = store;
  await db.query(
    `insert into sender.deliveries (id, key, channel, chat_id, bot_id, status, created_at, changed_at)
     select status || days, status || days, 'telegram', 'c', '1', status, now() - days * interval '1 day', now()
     from unnest(array['queued', 'sent', 'delivered', 'read', 'played', 'failed']) status, unnest(array[1, 50]) days`,
  );
  await db.query(
    `insert into sender.early_statuses (channel, bot_id, external_id, status, at)
     select 'whatsapp', '1', days::text, 'read', now() - days * interval '1 day' from unnest(array[1, 50]) days`,
  );
  const before = new Date(Date.now() - 30 * 86_400_000);
  await forget(db, { deliveries: before, statuses: before });
  expect(await db.query('select id from sender.deliveries order by 1')).toEqual(
    ['delivered1', 'failed1', 'played1', 'queued1', 'read1', 'sent1'].map((id) => ({ id })),
  );
  expect(await db.query('select external_id as id from sender.early_statuses')).toEqual([{ id: '1' }]);
});
