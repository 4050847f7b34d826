/** A commit is a success only when it is kept, and a transaction ends when it ends. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id } from '../../contracts/common.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { type Handler, service, type Tx } from '../service.ts';

const shop = contract('shop', '1.0.0', {
  sell: method({ summary: 'x', input: z.strictObject({ what: Id }), output: z.object({ what: Id }), idempotency: 'keyed' }),
  sold: event({ summary: 'x', payload: z.object({ what: Id }), key: 'what' }),
});
let it: World;
beforeEach(async () => {
  it = await world();
  await it.store.query('create table sales (what text, unique (what) deferrable initially deferred)');
});
afterEach(() => it.stop());
const serve = (sell: Handler<typeof shop.sell>) =>
  it.start(
    'shop',
    service({ serves: { shop }, settings: z.object({}) }).start(async () => ({ shop: { sell } })),
  );
const sell = (what: string) => it.bus.call(shop.sell, { what }, { key: what, retry: false });
/** The second insert of a name is refused by its COMMIT, not by its statement. */
const insert = (tx: Tx, what: string) => tx.query('insert into sales values ($1)', [what]);
const rows = () =>
  it.store.query<{ key: string; state: string; output: unknown }>('select key, state, output from journal.rows order by seq');

test('a handler that catches its failed commit returns its own value, not the rolled back one', async () => {
  await insert(it.store as unknown as Tx, 'tea');
  await serve(async ({ what }, { commit }) => {
    try {
      return await commit(async (tx) => insert(tx, what).then(() => ({ what })));
    } catch {
      return { what: 'fallback' };
    }
  });
  expect(await sell('tea')).toEqual({ what: 'fallback' });
  expect(await rows()).toEqual([{ key: 'tea', state: 'done', output: { what: 'fallback' } }]);
});

test('a failed commit may be retried', async () => {
  await insert(it.store as unknown as Tx, 'tea');
  await serve(async ({ what }, { commit }) => {
    const as = (name: string) => commit(async (tx) => insert(tx, name).then(() => ({ what: name })));
    return as(what).catch(() => as(`another ${what}`));
  });
  expect(await sell('tea')).toEqual({ what: 'another tea' });
  expect(await it.store.query('select what from sales order by what')).toEqual([{ what: 'another tea' }, { what: 'tea' }]);
});

test('a stored commit is the success of the call, whatever the handler does after it', async () => {
  await serve(async ({ what }, { commit }) => {
    await commit(async (tx) => insert(tx, what).then(() => ({ what })));
    throw new Error('after the commit');
  });
  expect(await sell('tea')).toEqual({ what: 'tea' });
});

test('a transaction that has ended refuses statements, events and rows, and runs none of them', async () => {
  const late = new Map<string, unknown>();
  let kept: Tx | undefined;
  await serve(async ({ what }, { commit }) =>
    commit(async (tx) => {
      kept = tx;
      await insert(tx, what);
      return { what };
    }),
  );
  await sell('tea');
  const tx = await until(() => kept);
  const uses = {
    query: async () => insert(tx, 'late'),
    emit: async () => tx.emit(shop.sold, { what: 'late' }),
    send: async () => tx.send(shop.sell, { what: 'late' }, { key: 'late' }),
    outdate: async () => tx.outdate(shop.sell, ['tea'], 'late'),
  };
  for (const [name, use] of Object.entries(uses)) late.set(name, await use().catch((error: { reason?: string }) => error.reason));
  expect(Object.fromEntries(late)).toEqual(Object.fromEntries(Object.keys(uses).map((name) => [name, 'transaction_over'])));
  expect(await it.store.query('select what from sales')).toEqual([{ what: 'tea' }]);

  const begun = await it.store.begin();
  await begun.query('select 1');
  await begun.commit();
  await expect(begun.query('select 1')).rejects.toMatchObject({ reason: 'transaction_over' });
  let inner: { query(text: string): Promise<unknown> } | undefined;
  await it.store.transaction(async (own) => {
    inner = own;
  });
  await expect(inner?.query('select 1')).rejects.toMatchObject({ reason: 'transaction_over' });
});
