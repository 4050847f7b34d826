import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until, type World, world } from '../../test/kit/world.ts';
import { learnAliases } from './rows/aliases.ts';

let here: World;
beforeAll(async () => {
  here = await world();
});
afterAll(() => here.stop());

const externalId = 'RU.13491208655302741918';
const of = { externalId: '79995553322', phoneNumber: '+79995553322' };
const at = 1_790_000_000_000;
const waiting = () => here.store.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);

test.each([
  ['tells the phone', of, null],
  ['does not know the phone yet', null, of],
])('while one delivery %s, another about the same person waits', async (_, first, second) => {
  const told = (alias: typeof of | null) =>
    here.store.transaction((tx) => learnAliases(tx, 'whatsapp', [{ externalId, of: alias, at, isFormer: false }]));
  await here.store.query('truncate collector.user_aliases');
  await told(null);
  let meanwhile: Promise<string> | undefined;
  await here.store.transaction(async (tx) => {
    const { idOf, moves } = await learnAliases(tx, 'whatsapp', [{ externalId, of: first, at, isFormer: false }]);
    expect([idOf(externalId, at), moves.map(({ from }) => from)]).toEqual(
      first === null ? [externalId, []] : [of.externalId, [externalId]],
    );
    meanwhile = told(second).then(({ idOf }) => idOf(externalId, at));
    await until(async () => (await waiting()).length > 0 || null);
  });
  expect(await meanwhile).toBe(of.externalId);
  expect((await told(of)).moves).toEqual([]);
});

test('while one delivery tells that a number was given up, what was written under it before waits, and is of whoever gave it up', async () => {
  await here.store.query('truncate collector.user_aliases');
  const now = { externalId: '79995550000', phoneNumber: '+79995550000' };
  const told = { externalId: of.externalId, at, isFormer: false };
  await here.store.transaction((tx) => learnAliases(tx, 'whatsapp', [{ ...told, of: null }]));
  let meanwhile: Promise<readonly string[]> | undefined;
  await here.store.transaction(async (tx) => {
    await learnAliases(tx, 'whatsapp', [{ ...told, of: now, isFormer: true }]);
    meanwhile = here.store.transaction(async (other) => {
      const { idOf } = await learnAliases(other, 'whatsapp', [{ ...told, of: null }]);
      return [idOf(of.externalId, at - 1), idOf(of.externalId, at + 1)];
    });
    await until(async () => (await waiting()).length > 0 || null);
  });
  expect(await meanwhile).toEqual([now.externalId, of.externalId]);
});
