import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type World, world } from '../../test/kit/world.ts';
import { visits } from './contract.ts';
import served from './service.ts';

let it: World;
beforeAll(async () => {
  it = await world();
  await it.start('host', served);
});
afterAll(() => it?.stop());

test('the table is laid for as many as the guest confirms', async () => {
  const key = 'visit-1';
  await it.bus.call(visits.welcome, { visitId: key }, { key });
  await it.bus.call(visits.confirm, { visitId: key, seats: 4 }, { key: `confirm-${key}` });
  // The same key attaches to the run, this time until it ends.
  const run = await it.bus.call(visits.welcome, { visitId: key, waitMs: 20_000 }, { key });
  expect(run).toMatchObject({ status: 'completed', output: { table: 7, laidFor: 4 } });
});
