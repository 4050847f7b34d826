import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id, Key } from '../../contracts/common.ts';
import { contract, type Effect, event, lookUp, method, review, settled } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { quickPace, until, type World, world } from '../../test/kit/world.ts';
import { guard, type Handler, on, service } from '../service.ts';
import { mayLeave } from './leases.ts';

const shop = contract('shop', '1.0.0', {
  place_order: method({
    summary: 'A function.',
    input: z.strictObject({ item: Id }),
    output: z.object({ orderId: Id }),
    idempotency: 'keyed',
    errors: { closed: 'failed_precondition' },
  }),
  charge: method({
    summary: 'An effect.',
    input: z.strictObject({ card: Id }),
    output: z.object({ receipt: Id }),
    idempotency: 'keyed',
    lane: 'card',
    settles: true,
    timeoutMs: 5_000,
  }),
  mail: method({
    summary: 'An effect that needs approval.',
    input: z.strictObject({ text: z.string().max(100) }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
    reaches: 'customer',
  }),
  order_placed: event({ summary: 'An order.', payload: z.object({ orderId: Id, key: Key }), key: 'orderId' }),
});
type Charge = Effect<typeof shop.charge>;

let it: World;
beforeEach(async () => {
  it = await world();
});
afterEach(() => it.stop());

/** A shop whose handlers are given; what is not, does nothing. */
function shopWith(
  parts: {
    order?: Parameters<typeof Object>[0];
    charge?: Partial<Charge>;
    heard?: unknown[];
    settled?: unknown[];
    guards?: readonly ReturnType<typeof guard>[];
    mailed?: string[];
  } = {},
) {
  return service({ serves: { shop }, settings: z.object({}) }).start(async () => ({
    shop: {
      place_order:
        (parts.order as never) ??
        (async (_input, { commit, key }) =>
          commit(async (tx) => {
            tx.emit(shop.order_placed, { orderId: `order ${key}`, key });
            tx.send(shop.charge, { card: 'c1' }, { key });
            return { orderId: `order ${key}` };
          })),
      charge: { attempt: async (_input, { ref }) => ({ receipt: ref }), onUnknown: review, ...parts.charge } as Charge,
      mail: { attempt: async ({ text }) => ({ mailId: String(parts.mailed?.push(text)) }), onUnknown: review },
    },
    on: [
      on(shop.order_placed, async (payload) => void parts.heard?.push(payload)),
      on(settled(shop.charge), async (payload) => void parts.settled?.push(payload)),
    ],
    guards: parts.guards ?? [],
  }));
}
const order = (key: string, options: object = {}) => it.bus.call(shop.place_order, { item: 'tea' }, { key, ...options });
const rows = (where: string) =>
  it.store.query<{ id: string; state: string; attempts: number; error: { reason?: string } | null; log: { code: string }[] }>(
    `select * from journal.rows where ${where} order by seq`,
  );

test('a repeated call runs once and gets the stored output', async () => {
  let runs = 0;
  await it.start('shop', shopWith({ order: async () => ({ orderId: `n${++runs}` }) }));
  expect([await order('a'), await order('a'), await order('b')]).toEqual([{ orderId: 'n1' }, { orderId: 'n1' }, { orderId: 'n2' }]);
  expect(runs).toBe(2);
});

test('ten calls of one key at once on two instances run once', async () => {
  let runs = 0;
  const slow = shopWith({
    order: async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { orderId: 'one' };
    },
  });
  await it.start('shop', slow);
  await it.start('shop', slow);
  expect(new Set((await Promise.all(Array.from({ length: 10 }, () => order('a')))).map(({ orderId }) => orderId))).toEqual(
    new Set(['one']),
  );
  expect(runs).toBe(1);
});

test('a key that was used with another input is a conflict', async () => {
  await it.start('shop', shopWith());
  await order('a');
  await expect(it.bus.call(shop.place_order, { item: 'coffee' }, { key: 'a' })).rejects.toMatchObject({
    code: 'conflict',
    reason: 'key_reused',
  });
});

test('events and sends of a commit are handled once each', async () => {
  const heard: unknown[] = [];
  const told: unknown[] = [];
  await it.start('shop', shopWith({ heard, settled: told }));
  await order('a');
  await order('a');
  await until(() => (told.length > 0 && heard.length > 0 ? true : null));
  expect(heard).toEqual([{ orderId: 'order a', key: 'a' }]);
  expect(told).toMatchObject([{ key: 'a', state: 'done', reason: null }]);
});

test('a failed commit stores nothing, and its key may be used again', async () => {
  const heard: unknown[] = [];
  let fail = true;
  await it.start(
    'shop',
    shopWith({
      heard,
      order: (async (
        _input: unknown,
        { commit, key }: { commit: (work: (tx: { emit(...of: unknown[]): void }) => Promise<unknown>) => Promise<unknown>; key: string },
      ) =>
        commit(async (tx) => {
          tx.emit(shop.order_placed, { orderId: 'x', key });
          if (fail) throw new PolybError('failed_precondition', 'closed', { reason: 'closed' });
          return { orderId: 'x' };
        })) as never,
    }),
  );
  await expect(order('a')).rejects.toMatchObject({ reason: 'closed' });
  expect(await it.store.query('select 1 from journal.events')).toEqual([]);
  fail = false;
  expect(await order('a')).toEqual({ orderId: 'x' });
  await until(() => heard[0]);
});

test('an attempt with an unknown outcome is not repeated, and a retry fails with its row', async () => {
  let attempts = 0;
  await it.start(
    'shop',
    shopWith({
      charge: {
        attempt: async () => {
          attempts += 1;
          throw new PolybError('upstream_failed', 'cut');
        },
      },
    }),
  );
  const charge = () => it.bus.call(shop.charge, { card: 'c' }, { key: 'k' });
  await expect(charge()).rejects.toMatchObject({ outcome: 'unknown' });
  await expect(charge()).rejects.toMatchObject({ reason: 'pending', data: { rowId: expect.stringMatching(/^row_/), state: 'review' } });
  expect(attempts).toBe(1);
});

test('an unknown outcome is looked up: found, the row is done; not found, it is attempted again', async () => {
  const provider = new Map<string, { receipt: string }>();
  let attempts = 0;
  const charge: Partial<Charge> = {
    attempt: async ({ card }, { ref }) => {
      attempts += 1;
      if (card === 'kept' || attempts > 2) provider.set(ref, { receipt: 'r1' });
      if (attempts <= 2) throw new PolybError('upstream_failed', 'cut');
      return { receipt: 'r1' };
    },
    onUnknown: lookUp(0, async ({ ref }) => provider.get(ref) ?? null),
  };
  await it.start('shop', shopWith({ charge }));
  const ask = async (card: string) =>
    until(async () => it.bus.call(shop.charge, { card }, { key: card, retry: false } as never).catch(() => null));
  expect(await ask('kept')).toEqual({ receipt: 'r1' });
  expect(attempts).toBe(1);
  expect(await ask('lost')).toEqual({ receipt: 'r1' });
  expect(attempts).toBe(3);
});

test('a sent row is attempted again while its provider is unavailable', async () => {
  let attempts = 0;
  const told: unknown[] = [];
  await it.start(
    'shop',
    shopWith({
      settled: told,
      charge: {
        attempt: async (_input, { ref }) => {
          attempts += 1;
          if (attempts < 3) throw new PolybError('resource_exhausted', 'later', { retryAfterMs: 20 });
          return { receipt: ref };
        },
      },
    }),
  );
  await order('a');
  expect(await until(() => told[0])).toMatchObject({ state: 'done' });
  expect(attempts).toBe(3);
  expect((await rows(`method = 'shop.charge'`))[0]?.log.map(({ code }) => code)).toEqual(['resource_exhausted', 'resource_exhausted']);
});

test('the error of an attempt is stored without phones and credentials', async () => {
  const said = 'no route to +7 999 555-33-22: Bearer canary-7731';
  const thrown = new PolybError('upstream_failed', said, { evidence: { lastBytes: said }, cause: new Error(said) });
  await it.start('shop', shopWith({ charge: { attempt: () => Promise.reject(thrown) }, order: () => Promise.reject(thrown) }));
  await expect(it.bus.call(shop.charge, { card: 'c1' }, { key: 'k', retry: false })).rejects.toMatchObject({
    message: expect.stringContaining('***3322'),
  });
  await expect(it.bus.call(shop.place_order, { item: 'i' }, { key: 'k', retry: false })).rejects.toThrow('***3322');
  const kept = await it.store.query('select error, log from journal.rows');
  expect(kept).toHaveLength(2);
  expect(JSON.stringify(kept)).not.toMatch(/canary|999.{0,3}555/);
});

test('a sent row that fails for good becomes a dead letter and settles for its sender', async () => {
  const told: unknown[] = [];
  await it.start(
    'shop',
    shopWith({
      settled: told,
      charge: {
        attempt: async () => {
          throw new PolybError('failed_precondition', 'no money', { reason: 'no_money' });
        },
      },
    }),
  );
  await order('a');
  expect(await until(() => told[0])).toMatchObject({ key: 'a', state: 'failed', output: null, reason: 'no_money' });
});

test('a function whose instance is killed is finished by another within a lease', async () => {
  let runs = 0;
  const hung = new Promise<never>(() => {});
  const dying = await it.start(
    'shop',
    shopWith({
      order: async () => {
        runs += 1;
        return hung;
      },
    }),
  );
  const first = order('a', { timeoutMs: 2_000, retry: false }).catch((error: unknown) => error);
  await until(() => runs === 1);
  await dying.runtime.stop(0);
  await it.start(
    'shop',
    shopWith({
      order: async () => {
        runs += 1;
        return { orderId: 'taken over' };
      },
    }),
  );
  expect(await first).toMatchObject({ code: 'unavailable' });
  await until(async () => (await rows(`key = 'a' and state = 'done'`))[0]);
  expect(await order('a')).toEqual({ orderId: 'taken over' });
});

test('an effect whose instance is killed goes to review and is not attempted again', async () => {
  let attempts = 0;
  const dying = await it.start(
    'shop',
    shopWith({
      charge: {
        attempt: () => {
          attempts += 1;
          return new Promise<never>(() => {});
        },
      },
    }),
  );
  void it.bus.call(shop.charge, { card: 'c' }, { key: 'k' }).catch(() => {});
  await until(() => attempts === 1);
  await dying.runtime.stop(0);
  await it.start(
    'shop',
    shopWith({
      charge: {
        attempt: async () => {
          attempts += 1;
          return { receipt: 'second' };
        },
      },
    }),
  );
  await until(async () => (await rows(`key = 'k' and state = 'review'`))[0]);
  expect(attempts).toBe(1);
});

test('a row that a stopping process interrupts has not failed: another instance continues it at once, after any number of attempts', async () => {
  const bank = contract('bank', '1.0.0', {
    ask: method({ summary: 'Slow at first.', input: z.strictObject({}), output: z.object({ nth: z.int() }), idempotency: 'read' }),
  });
  let asked = 0;
  const first = Promise.withResolvers<number>();
  const slowAtFirst = async () => ({ nth: ++asked === 1 ? await first.promise : asked });
  await it.start(
    'bank',
    service({ serves: { bank }, settings: z.object({}) }).start(async () => ({ bank: { ask: slowAtFirst } })),
  );
  const place: Handler<typeof shop.place_order> = async ({ item }, { call, commit, key }) => {
    if (item === 'cake') return { orderId: `n${(await call(bank.ask, {})).nth}` };
    const notBefore = new Date(Date.now() + 60_000);
    return commit(async (tx) => ({ orderId: tx.send(shop.place_order, { item: 'cake' }, { key: `${key}:cake`, notBefore }) }));
  };
  const asking = { ...shopWith({ order: place }), uses: [bank.ask] };
  const dying = await it.start('shop', asking);
  await order('a');
  await it.store.query(`update journal.rows set attempts = 12, not_before = now() where key = 'a:cake'`);
  await until(() => asked === 1);
  await dying.stop(0);
  await it.start('shop', asking);
  await until(async () => (await rows(`key = 'a:cake' and state = 'done' and attempts = 14`))[0]);
  first.resolve(1);
});

test('an outcome during an outage of PostgreSQL is written afterwards, without a review', async () => {
  await it.start('shop', shopWith());
  const broken = it.store.journal as { end: (...of: never[]) => Promise<boolean> };
  const { end } = broken;
  let tries = 0;
  broken.end = async (...of) => {
    tries += 1;
    if (tries === 2) await end(...of); // kept, and its answer lost
    if (tries <= 2) throw new PolybError('unavailable', 'away', { reason: 'store_down' });
    return end(...of);
  };
  const answer = it.bus.call(shop.charge, { card: 'c' }, { key: 'k' }).catch(() => null); // its caller may be told too late
  await until(async () => (await rows(`key = 'k' and state = 'done'`))[0]);
  const [row] = await rows(`key = 'k'`);
  expect(row).toMatchObject({ state: 'done', attempts: 1 });
  expect([null, { receipt: row?.id }]).toContainEqual(await answer);
  expect(tries).toBe(3);
});

test('a guard that fails postpones an effect, without a review', async () => {
  let asked = 0;
  const away = guard(shop.charge, async () => {
    asked += 1;
    if (asked === 1) throw new PolybError('unavailable', 'away', { reason: 'store_down' });
    return 'go';
  });
  const settled: unknown[] = [];
  await it.start('shop', shopWith({ guards: [away], settled }));
  await order('a');
  await until(() => settled[0]);
  expect(settled).toMatchObject([{ key: 'a', state: 'done' }]);
  expect(asked).toBe(2);
});

test('a request of an attempt is not sent after its process stalled for the time of a lease', async () => {
  const allowed: boolean[] = [];
  await it.start(
    'shop',
    shopWith({
      charge: {
        attempt: async (_input, { ref, signal }) => {
          allowed.push(mayLeave(signal));
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, quickPace.leaseMs);
          allowed.push(mayLeave(signal));
          return { receipt: ref };
        },
      },
    }),
  );
  // The caller stands still with the process, so its deadline may pass meanwhile.
  await it.bus.call(shop.charge, { card: 'c' }, { key: 'k' }).catch(() => {});
  expect(allowed).toEqual([true, false]);
});

test('a handler that ignores its signal is abandoned: an effect goes to review, a function may be called again', async () => {
  const charge: Partial<Charge> = { attempt: () => new Promise<never>(() => {}) };
  let runs = 0;
  const place = async () => {
    runs += 1;
    return runs === 1 ? new Promise<never>(() => {}) : { orderId: 'second' };
  };
  await it.start('shop', shopWith({ charge, order: place }));
  const effect = it.bus.call(shop.charge, { card: 'c' }, { key: 'k', timeoutMs: 1_500, retry: false }).catch((error: unknown) => error);
  await order('a', { timeoutMs: 1_500, retry: false }).catch(() => {});
  expect(await effect).toMatchObject({ code: 'deadline_exceeded' });
  expect(await until(() => order('a', { retry: false }).catch(() => null))).toEqual({ orderId: 'second' });
  await until(async () => (await rows(`key = 'k' and state = 'review'`))[0]);
});

test('a refusing guard stops a call before its attempt and leaves no row', async () => {
  let attempts = 0;
  await it.start(
    'shop',
    shopWith({
      charge: {
        attempt: async () => {
          attempts += 1;
          return { receipt: 'r' };
        },
      },
      guards: [guard(shop.charge, async ({ card }) => (card === 'stolen' ? { refuse: 'stolen' } : 'go'))],
    }),
  );
  await expect(it.bus.call(shop.charge, { card: 'stolen' }, { key: 'k' })).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'stolen',
    outcome: 'not_executed',
  });
  expect([attempts, await rows('true')]).toEqual([0, []]);
  expect(await it.bus.call(shop.charge, { card: 'good' }, { key: 'k' })).toEqual({ receipt: 'r' });
});

test('a postponing guard fails a call with the time, and makes a sent row wait', async () => {
  let isOpen = false;
  const told: unknown[] = [];
  const opening = guard(shop.charge, async ({ card }) => {
    if (isOpen) return 'go';
    return { notBefore: new Date(Date.now() + (card === 'late' ? 60_000 : 100)), reason: 'closed' };
  });
  await it.start('shop', shopWith({ settled: told, guards: [opening] }));
  const late = it.bus.call(shop.charge, { card: 'late' }, { key: 'k' });
  await expect(late).rejects.toMatchObject({ code: 'failed_precondition', reason: 'closed', retryAfterMs: expect.any(Number) });
  await order('a');
  await until(async () => (await rows(`method = 'shop.charge' and attempts > 0`))[0]);
  isOpen = true;
  expect(await until(() => told[0])).toMatchObject({ state: 'done' });
});

test('a row that needs approval is attempted after its approval, and never after its rejection', async () => {
  const mailed: string[] = [];
  await it.start('shop', shopWith({ mailed }));
  const { journalAdmin } = await import('../../adapters/store/journal-admin.ts');
  const desk = journalAdmin(it.store);
  for (const text of ['yes', 'no'])
    await expect(it.bus.call(shop.mail, { text }, { key: text })).rejects.toMatchObject({ reason: 'pending', data: { state: 'proposed' } });
  const [yes, no] = await rows(`method = 'shop.mail'`);
  expect(mailed).toEqual([]);
  expect(await desk.reject(no?.id ?? '', { who: 'me', did: 'rejected' })).toBe(true);
  expect(await desk.approve(yes?.id ?? '', null, { who: 'me', did: 'approved' })).toBe(true);
  await until(async () => (await rows(`key = 'yes' and state = 'done'`))[0]);
  expect(mailed).toEqual(['yes']);
  await expect(it.bus.call(shop.mail, { text: 'no' }, { key: 'no' })).rejects.toMatchObject({ reason: 'rejected' });
});

test('an event becomes a dead letter after the consumer’s maximum of failures, later events are handled, and it can be retried', async () => {
  const heard: string[] = [];
  let isWell = false;
  const picky = service({ serves: {}, uses: [shop.order_placed], settings: z.object({}) }).start(async () => ({
    on: [
      on(
        shop.order_placed,
        async ({ key }) => {
          if (key === 'bad' && !isWell) throw new Error('cannot');
          heard.push(key);
        },
        { giveUpAfter: 3 },
      ),
    ],
  }));
  await it.start('picky', picky);
  await it.start('shop', shopWith());
  await order('bad');
  await order('good');
  await until(() => heard[0], 20_000);
  expect(heard).toEqual(['good']);
  const [letter] = await rows(`mode = 'event'`);
  expect(letter?.state).toBe('failed');
  isWell = true;
  const { journalAdmin } = await import('../../adapters/store/journal-admin.ts');
  expect(await journalAdmin(it.store).retry(letter?.id ?? '', { who: 'me', did: 'retried' })).toBe(true);
  await until(() => heard[1]);
  expect(heard).toEqual(['good', 'bad']);
});

test('without PostgreSQL a keyed call fails as not executed', async () => {
  await it.start('shop', shopWith());
  const broken = it.store.journal as { acquire: unknown };
  const acquire = broken.acquire;
  broken.acquire = () => {
    throw new PolybError('unavailable', 'away', { reason: 'store_down' });
  };
  await expect(order('a', { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'unavailable',
    reason: 'store_down',
    outcome: 'not_executed',
  });
  broken.acquire = acquire;
  expect(await order('a')).toEqual({ orderId: 'order a' });
});
