import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id } from '../../contracts/common.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import type { Commit } from '../service.ts';
import { service } from '../service.ts';
import { queuedEvent } from './transaction.ts';

const shop = contract('shop', '1.0.0', {
  pack: method({ summary: 'x', input: z.strictObject({ what: Id }), output: z.object({}), idempotency: 'keyed' }),
  sold: event({ summary: 'x', payload: z.object({ what: Id }), key: 'what' }),
});
let it: World;
let commit: Commit;
beforeEach(async () => {
  it = await world();
  const shopping = service({ serves: { shop }, settings: z.object({}) }).start(async ({ bus }) => {
    commit = bus.commit;
    return { shop: { pack: async () => ({}) } };
  });
  await it.start('shop', shopping);
});
afterEach(() => it.stop());

test('a transaction announces each event, and queued rows once per method', async () => {
  const heard: string[] = [];
  it.bus.hear(shop.sold, (payload) => void heard.push((payload as { what: string }).what));
  it.bus.hear(queuedEvent(shop.pack), () => void heard.push('queued'));
  const things = ['a', 'b', 'c'];
  await commit(async (tx) => {
    for (const what of things) {
      tx.emit(shop.sold, { what });
      tx.send(shop.pack, { what }, { key: what });
    }
  });
  await commit(async (tx) => tx.emit(shop.sold, { what: 'last' }));
  await until(() => heard.includes('last') || null);
  expect(heard.sort()).toEqual([...things, 'last', 'queued']);
});
