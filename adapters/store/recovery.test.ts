import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AcquireResult, Handling } from '../../bus/durable/store.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { openStore, type PostgresStore } from './index.ts';
import { journalAdmin } from './journal-admin.ts';
import { piles } from './pending-counts.ts';

const leaseMs = 10_000;
const me = { who: 'me', did: 'decided' };
let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
let desk: ReturnType<typeof journalAdmin>;
beforeAll(async () => {
  database = await testDatabase();
  store = openStore({ url: database.url, name: 'test', log: quiet });
  desk = journalAdmin(store);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

interface Seen {
  readonly id: string;
  readonly token: string;
  readonly takeovers: number;
}
interface Stored extends Seen {
  readonly state: string;
  readonly mode: string;
  readonly attempts: number;
  readonly error: { readonly reason?: string } | null;
  readonly log: readonly { readonly reason: string | null }[];
}
const methodOf = (): string => `test.${randomUUID()}`;
const read = async (id: string): Promise<Stored> => {
  const [row] = await store.query<Stored>('select * from journal.rows where id = $1', [id]);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
};
const asked = (method: string, key: string, over: object = {}) => ({
  id: `row_${randomUUID()}`,
  method,
  key,
  hash: 'h',
  mode: 'call' as const,
  input: {},
  lane: null,
  approval: 'none' as const,
  handling: 'function' as const,
  settleMs: 0,
  settles: false,
  notAfter: Date.now() + 60_000,
  deadlineAt: Date.now() + 60_000,
  caller: 'test',
  traceparent: '',
  token: randomUUID(),
  ...over,
});
/** Each test has processes of its own: what one holds counts for whatever it takes. */
const take = (row: ReturnType<typeof asked>, holder = row.method): Promise<AcquireResult> =>
  store.journal.acquire(null, row, holder, leaseMs);
const claim = (method: string, { holder = method, handling = 'function' as Handling } = {}) =>
  store.journal.claim({ [method]: { method, handling, settleMs: 0, settles: false } }, holder, leaseMs, 100);
const sent = (method: string, key: string) => ({
  ...asked(method, key),
  notBefore: null,
  ttlMs: 60_000,
  traceparent: null,
});
/** The lease of each attempt of the method ran out this long ago. */
const expire = (method: string, agoMs: number) =>
  store.query(
    `update journal.rows set lease_until = clock_timestamp() - make_interval(secs => $2 / 1000.0) where method = $1 and state = 'attempting'`,
    [method, agoMs],
  );
/** Long enough for any takeover. */
const longAgoMs = 100 * leaseMs;

/** Makes a row with an attempt under way, as each way in makes it. */
const ways = {
  call: async (method: string) => {
    const row = asked(method, 'k');
    await take(row);
    return row.id;
  },
  run: async (method: string) => {
    const row = asked(method, 'k', { mode: 'run' as const });
    await take(row);
    return row.id;
  },
  send: async (method: string) => {
    await store.journal.send(store, [sent(method, 'k')]);
    return (await claim(method))[0]?.id ?? '';
  },
  event: async (method: string) => {
    const id = `row_${randomUUID()}`;
    await store.journal.deadLetter(
      store,
      method,
      id,
      { id: '1', xid: '1', payload: {}, traceparent: null },
      { code: 'internal', reason: 'bad' },
    );
    await desk.retry(id, me);
    await claim(method);
    return id;
  },
  step: async (method: string) => {
    const run = asked(methodOf(), 'k', { mode: 'run' as const });
    await take(run);
    const id = `row_${randomUUID()}`;
    await store.journal.putStep({
      id,
      run: { id: run.id, token: run.token, traceparent: null },
      method,
      key: 'k',
      hash: 'h',
      step: 's',
      edition: 1,
      input: {},
      mode: 'step' as const,
      state: 'queued',
      waitKey: null,
      untilMs: null,
    });
    await take(asked(method, 'k'));
    return id;
  },
} as const;
const kinds = Object.keys(ways) as (keyof typeof ways)[];

test.each(kinds)(
  'a %s whose holders vanish one after the other is taken over three times and ends as failed with its reason',
  async (kind) => {
    const method = methodOf();
    const id = await ways[kind](method);
    for (const takeovers of [1, 2, 3]) {
      await expire(method, longAgoMs);
      expect(await store.journal.sweep([method])).toBe(0);
      expect(await claim(method, { holder: `holder ${takeovers}` })).toMatchObject([{ id, takeovers }]);
    }
    await expire(method, longAgoMs);
    expect(await claim(method)).toEqual([]);
    expect(await store.journal.sweep([method])).toBe(1);
    const row = await read(id);
    expect(row).toMatchObject({ state: 'failed', error: { code: 'internal', reason: 'holder_gone' } });
    expect(row.log.filter(({ reason }) => reason === 'holder_gone')).toHaveLength(4);
  },
);

test.each(kinds.filter((kind) => kind !== 'step'))(
  'a %s at the limit is a dead letter, is counted, and can be dropped, or tried again from the start',
  async (kind) => {
    const method = methodOf();
    const id = await ways[kind](method);
    const giveUp = async () => {
      await store.query('update journal.rows set takeovers = 3 where id = $1', [id]);
      await expire(method, longAgoMs);
      await store.journal.sweep([method]);
    };
    await giveUp();
    expect((await desk.list({ view: 'dead_letters', method, reason: 'holder_gone', limit: 2 })).map((row) => row.id)).toEqual([id]);
    expect((await piles(store)).filter(({ of }) => of === method)).toMatchObject([{ kind: 'dead', rows: 1 }]);
    expect(await desk.retry(id, me)).toBe(true);
    expect(await claim(method)).toMatchObject([{ id, takeovers: 0 }]);
    await giveUp();
    expect(await desk.drop(id, me)).toBe(true);
    expect((await read(id)).state).toBe('cancelled');
  },
);

test('a caller who repeats the key of a row at the limit gets its end and does not begin it again', async () => {
  const method = methodOf();
  const id = await ways.call(method);
  await store.query('update journal.rows set takeovers = 3 where id = $1', [id]);
  await expire(method, longAgoMs);
  expect(await take(asked(method, 'k'))).toMatchObject({ did: 'settled', row: { state: 'failed', error: { reason: 'holder_gone' } } });
  expect(await take(asked(method, 'k'))).toMatchObject({ did: 'settled', row: { attempts: 1 } });
});

test.each(['claim', 'take'])('the first takeover by %s is at once, each further one waits a lease longer', async (how) => {
  const method = methodOf();
  const id = await ways.call(method);
  const again = async (): Promise<boolean> =>
    how === 'claim' ? (await claim(method)).length === 1 : (await take(asked(method, 'k'))).did === 'taken';
  for (const [takeovers, waitMs] of [
    [1, 0],
    [2, leaseMs],
    [3, 2 * leaseMs],
  ] as const) {
    if (waitMs > 0) {
      await expire(method, waitMs - 1_000);
      expect(await again()).toBe(false);
    }
    await expire(method, waitMs + 1);
    expect(await again()).toBe(true);
    expect(await read(id)).toMatchObject({ takeovers, attempts: takeovers + 1 });
  }
});

test('an attempt that comes to its end starts the count anew', async () => {
  const method = methodOf();
  await store.journal.send(store, [sent(method, 'k')]);
  await claim(method);
  await expire(method, longAgoMs);
  const [row] = await claim(method);
  expect(row?.takeovers).toBe(1);
  await store.journal.end(null, row?.id ?? '', row?.token ?? '', {
    state: 'queued',
    error: { code: 'unavailable', reason: 'away' },
    notBefore: Date.now(),
  });
  expect(await claim(method)).toMatchObject([{ takeovers: 0 }]);
});

test('a process holds one suspect at a time, beside all that is no suspect; other processes hold the others', async () => {
  const method = methodOf();
  await store.journal.send(
    store,
    Array.from({ length: 5 }, (_, nth) => sent(method, `suspect ${nth}`)),
  );
  await claim(method, { holder: 'dead' });
  await expire(method, longAgoMs);
  expect(await claim(method, { holder: 'dead' })).toHaveLength(5);
  await expire(method, longAgoMs);
  await store.journal.send(
    store,
    Array.from({ length: 20 }, (_, nth) => sent(method, `fresh ${nth}`)),
  );
  const first = await claim(method);
  expect([first.length, first.filter(({ takeovers }) => takeovers === 2).length]).toEqual([21, 1]);
  expect(await claim(method)).toEqual([]);
  expect(await take(asked(method, 'suspect 4'))).toMatchObject({ did: 'later' });
  expect(await claim(method, { holder: 'b' })).toMatchObject([{ takeovers: 2 }]);
  const suspect = first.find(({ takeovers }) => takeovers === 2);
  await store.journal.end(null, suspect?.id ?? '', suspect?.token ?? '', { state: 'done', output: {} });
  expect(await claim(method)).toMatchObject([{ takeovers: 2 }]);
});

test('two claims of one process at once begin one suspect', async () => {
  const method = methodOf();
  await store.journal.send(
    store,
    Array.from({ length: 8 }, (_, nth) => sent(method, `${nth}`)),
  );
  await claim(method, { holder: 'dead' });
  await store.query('update journal.rows set takeovers = 1 where method = $1', [method]);
  await expire(method, longAgoMs);
  const claims = await Promise.all(Array.from({ length: 6 }, () => claim(method)));
  expect(claims.flat()).toHaveLength(1);
});

test('a holder that outlived its lease ends what nobody else tried, and not what was taken over', async () => {
  const method = methodOf();
  await store.journal.send(store, [sent(method, 'k')]);
  const [slow] = await claim(method);
  await expire(method, 1);
  const done = { state: 'queued' as const, notBefore: Date.now() };
  expect(await store.journal.end(null, slow?.id ?? '', slow?.token ?? '', done)).toBe(true);
  await claim(method);
  await expire(method, 1);
  const [stalled] = await claim(method);
  await expire(method, 1);
  expect(await store.journal.end(null, stalled?.id ?? '', stalled?.token ?? '', done)).toBe(false);
});

test.each(['look_up', 'claim'] as const)(
  'an effect (%s) whose attempts take their process with them goes to a person after four',
  async (handling) => {
    const method = methodOf();
    await store.journal.send(store, [sent(method, 'k')]);
    let id = '';
    for (const takeovers of [1, 2, 3, 4]) {
      await store.query('update journal.rows set not_before = now() where method = $1', [method]);
      const [row] = await claim(method, { handling });
      id = row?.id ?? '';
      expect(id).not.toBe('');
      await expire(method, longAgoMs);
      await store.journal.sweep([method]);
      expect((await read(id)).takeovers).toBe(takeovers);
      // Nothing went out: it is queued again.
      const [unknown] = await store.journal.toLookUp([method], leaseMs, 1);
      if (unknown !== undefined) await store.journal.resolve(unknown, { state: 'queued', error: null });
    }
    expect(await read(id)).toMatchObject({ state: 'review', error: { reason: 'holder_gone' } });
    expect(await desk.resolve(id, 'try_again', undefined, me)).toBe(true);
    expect(await claim(method, { handling })).toMatchObject([{ id, takeovers: 0 }]);
  },
);

test('a look-up that takes its process with it goes to a person after four, and one that answers is not counted', async () => {
  const method = methodOf();
  await store.journal.send(store, [sent(method, 'k')]);
  const [row] = await claim(method, { handling: 'look_up' as const });
  await store.journal.markUnknown(
    row?.id ?? '',
    row?.token ?? '',
    { code: 'upstream_failed' },
    { ms: null, code: 'upstream_failed', reason: null, message: null, evidence: null },
  );
  const lookUp = async () => {
    await store.query('update journal.rows set settle_at = now() where method = $1', [method]);
    return (await store.journal.toLookUp([method], leaseMs, 1))[0];
  };
  for (let nth = 0; nth < 6; nth += 1) {
    const seen = await lookUp();
    expect(seen?.takeovers).toBe(1);
    await store.journal.resolve(seen as Seen & { attempts: number }, { state: 'unknown', notBefore: Date.now() });
  }
  for (const takeovers of [1, 2, 3, 4]) expect((await lookUp())?.takeovers).toBe(takeovers);
  expect(await lookUp()).toBeUndefined();
  await store.journal.sweep([method]);
  expect(await read(row?.id ?? '')).toMatchObject({ state: 'review', error: { reason: 'holder_gone' } });
});
