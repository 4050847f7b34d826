import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { until } from '../../test/kit/until.ts';
import { type Fixture, fixture } from './fixture.ts';

const phoneNumber = '+79990000001';
let store: TestStore;
let it: Fixture;
beforeAll(async () => {
  store = await testStore();
});
beforeEach(async () => {
  it = await fixture(store);
});
afterAll(() => store.close());

test('a watched call comes once for each change, and no more when it has ended', async () => {
  let looks = 0;
  const db = {
    ...store.db,
    query: ((sql, values) => {
      looks += 1;
      return store.db.query(sql, values);
    }) as typeof store.db.query,
  };
  const watched = await fixture({ ...store, db });
  looks = 0;
  const { callId } = await it.start('k', { phoneNumber });
  const states: string[] = [];
  for await (const call of watched.watch({ callId }, AbortSignal.timeout(20_000))) {
    states.push(call.state);
    if (call.state === 'queued') void until(() => looks > 2).then(() => it.leg(callId, 'ringing'));
    if (call.state === 'ringing') await it.leg(callId, 'ended', { outcome: 'busy' });
  }
  expect(states).toEqual(['queued', 'ringing', 'ended']);
});

test('a watched call ends for a manager when its client is given to another', async () => {
  await it.inCharge('c1', phoneNumber, ['anna']);
  const { callId } = await it.start('k', { phoneNumber });
  const states: string[] = [];
  const watched = async () => {
    for await (const call of it.watch({ callId, viewer: { personId: 'anna', role: 'manager' } }, AbortSignal.timeout(20_000))) {
      states.push(call.state);
      await it.inCharge('c1', phoneNumber, ['boris'], 2);
    }
  };
  await expect(watched()).rejects.toMatchObject({ code: 'not_found' });
  expect(states).toEqual(['queued']);
});

test('a call that is watched no more ends the stream without a failure', async () => {
  const { callId } = await it.start('k', { phoneNumber });
  const leaving = new AbortController();
  for await (const { state } of it.watch({ callId }, leaving.signal)) {
    expect(state).toBe('queued');
    leaving.abort();
  }
});
