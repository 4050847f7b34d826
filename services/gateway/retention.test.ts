import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { forgetDecisions } from './rows.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

test('decisions go when they are older than the limit, and keys that ended before it; a live key stays however old it is', async () => {
  await store.db.query(
    `insert into gateway.audit (at, key_id, client, method, code, request_id)
     select now() - days * interval '1 day', days::text, 'shop', 'm', 'ok', 'r' from unnest(array[1, 50]) days`,
  );
  await store.db.query(
    `insert into gateway.api_keys (key_id, client, person, secret_hash, scopes, created_at, revoked_at, expires_at)
     select id, 'shop', 'anna', '', '{}', now() - interval '9 years', now() - revoked * interval '1 day', now() - expired * interval '1 day'
     from (values ('live', null, -9), ('endless', null, null), ('revoked', 50, -9), ('expired', null, 50), ('both', 1, 50), ('lately', 1, -9))
       keys (id, revoked, expired)`,
  );
  await forgetDecisions(store.db, 30);
  expect(await store.db.query('select key_id from gateway.audit')).toEqual([{ key_id: '1' }]);
  expect(await store.db.query('select key_id from gateway.api_keys order by 1')).toEqual(
    ['endless', 'lately', 'live'].map((key_id) => ({ key_id })),
  );
});
