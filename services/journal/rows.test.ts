import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { forgetShown } from './rows.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

test('notices go when they are older than the limit, with buttons or without, and no others', async () => {
  await store.db.query(
    `insert into pipelines.approval_notices (row_id, chat, posted_in, message_id, drawn, is_open, changed_at)
     select is_open || ' ' || days, 'c', 'c', 'm', 'd', is_open, now() - days * interval '1 day' from unnest(array[true, false]) is_open, unnest(array[1, 50]) days`,
  );
  await forgetShown(store.db, 30);
  expect(await store.db.query('select row_id from pipelines.approval_notices order by 1')).toEqual([
    { row_id: 'false 1' },
    { row_id: 'true 1' },
  ]);
});
