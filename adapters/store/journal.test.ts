import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AcquireResult, Handling } from '../../bus/durable/store.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';
import { openStore, type PostgresStore } from './index.ts';
import { journalAdmin } from './journal-admin.ts';

let database: Awaited<ReturnType<typeof testDatabase>>;
let store: PostgresStore;
beforeAll(async () => {
  database = await testDatabase();
  store = openStore({ url: database.url, name: 'test', log: quiet });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const soon = (ms = 10_000): number => Date.now() + ms;
/** What a call asks for; each test has methods of its own, so that tests do not see each other. */
const asked = (over: object = {}) => {
  const id = `row_${randomUUID()}`;
  return {
    id,
    method: `test.${id}`,
    key: 'k',
    hash: 'h',
    mode: 'call' as const,
    input: { a: 1 },
    lane: null,
    approval: 'none' as const,
    handling: 'function' as const,
    settleMs: 0,
    settles: false,
    notAfter: soon(),
    deadlineAt: soon(),
    caller: 'test',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    token: randomUUID(),
    ...over,
  };
};
const take = (row: ReturnType<typeof asked>, leaseMs = 10_000): Promise<AcquireResult> => store.journal.acquire(null, row, 'me', leaseMs);
const sent = (over: object = {}) => {
  const id = `row_${randomUUID()}`;
  return {
    id,
    method: `test.${id}`,
    key: 'k',
    hash: 'h',
    input: { a: 1 },
    lane: null,
    approval: 'none' as const,
    settles: false,
    notBefore: null,
    ttlMs: 60_000,
    caller: 'test',
    traceparent: null,
    ...over,
  };
};
const policies = (method: string, handling: Handling = 'function', settleMs = 0) => ({
  [method]: { method, handling, settleMs, settles: false },
});
const claim = (method: string, handling: Handling = 'function', atMost = 10) =>
  store.journal.claim(policies(method, handling), 'worker', 10_000, atMost);
const stateOf = async (id: string): Promise<string | undefined> => (await store.journal.read(id))?.state;

test('of twenty takes of one key at once, one has the attempt and the others are told that it is busy', async () => {
  const one = asked();
  const all = await Promise.all(Array.from({ length: 20 }, () => take({ ...one, id: `row_${randomUUID()}`, token: randomUUID() })));
  expect(all.filter(({ did }) => did === 'taken')).toHaveLength(1);
  expect(all.filter(({ did }) => did === 'busy')).toHaveLength(19);
});

test('a used key with another input is a clash, with the same input it gives the stored output', async () => {
  const one = asked();
  const taken = await take(one);
  const row = 'row' in taken ? taken.row : undefined;
  await store.journal.end(null, row?.id ?? '', one.token, { state: 'done', output: { b: 2 } });
  expect(await take({ ...one, hash: 'other' })).toMatchObject({ did: 'clash' });
  expect(await take(one)).toMatchObject({ did: 'settled', row: { state: 'done', output: { b: 2 } } });
});

test('an attempt whose deadline is past on the clock of PostgreSQL is not taken and leaves no row', async () => {
  const one = asked({ deadlineAt: Date.now() - 1_000 });
  expect(await take(one)).toEqual({ did: 'late' });
  expect(await stateOf(one.id)).toBeUndefined();
});

test('a write with a lost lease changes nothing', async () => {
  const one = asked();
  await take(one);
  expect(await store.journal.end(null, one.id, 'another token', { state: 'done', output: {} })).toBe(false);
  expect(await stateOf(one.id)).toBe('attempting');
});

test('when the holder is gone a function is taken over and an effect is in doubt', async () => {
  const fn = asked();
  const effect = asked({ handling: 'look_up' as const });
  await take(fn, -1);
  await take(effect, -1);
  expect(await claim(fn.method)).toMatchObject([{ id: fn.id, attempts: 2 }]);
  expect(await claim(effect.method, 'look_up')).toEqual([]);
  await store.journal.sweep([effect.method]);
  expect(await stateOf(effect.id)).toBe('unknown');
  expect(await take({ ...effect, token: randomUUID() })).toMatchObject({ did: 'settled', row: { state: 'unknown' } });
});

test('an effect that nobody can look up goes to a person when its holder is gone', async () => {
  const effect = asked({ handling: 'review' as const });
  await take(effect, -1);
  await store.journal.sweep([effect.method]);
  await store.journal.sweep([effect.method]);
  expect(await stateOf(effect.id)).toBe('review');
});

test('a failure that proves that nothing happened may be attempted again under its key, another may not', async () => {
  const effect = asked({ handling: 'review' as const });
  await take(effect);
  await store.journal.end(null, effect.id, effect.token, { state: 'failed', error: { code: 'unavailable', outcome: 'not_executed' } });
  const again = randomUUID();
  expect(await take({ ...effect, token: again })).toMatchObject({ did: 'taken', row: { id: effect.id } });
  await store.journal.end(null, effect.id, again, { state: 'failed', error: { code: 'internal', outcome: 'unknown' } });
  expect(await take({ ...effect, token: randomUUID() })).toMatchObject({ did: 'settled', row: { state: 'failed' } });
});

test('rows of one lane run in the order in which they were sent, one at a time', async () => {
  const method = `test.${randomUUID()}`;
  const rows = ['a', 'b', 'c'].map((key) => sent({ method, key, lane: `${method}:1` }));
  for (const row of rows) await store.journal.send(store, [row]);
  for (const expected of rows) {
    const claimed = await Promise.all([claim(method), claim(method), claim(method)]);
    const [one, ...more] = claimed.flat();
    expect([one?.id, more]).toEqual([expected.id, []]);
    await store.journal.end(null, one?.id ?? '', one?.token ?? '', { state: 'done', output: {} });
  }
});

test('a call waits while its lane has another attempt under way', async () => {
  const method = `test.${randomUUID()}`;
  const lane = `${method}:1`;
  const first = asked({ method, key: 'a', lane });
  await take(first);
  expect(await take(asked({ method, key: 'b', lane }))).toEqual({ did: 'lane' });
  await store.journal.end(null, first.id, first.token, { state: 'done', output: {} });
  expect(await take(asked({ method, key: 'b', lane }))).toMatchObject({ did: 'taken' });
});

test('a paused method is neither taken nor claimed until it is resumed', async () => {
  const desk = journalAdmin(store);
  const call = asked();
  const row = sent();
  await store.journal.send(store, [row]);
  await desk.pause(call.method, { who: 'test', did: 'paused' });
  await desk.pause(`${row.method.slice(0, -1)}*`, { who: 'test', did: 'paused' });
  expect(await take(call)).toEqual({ did: 'paused' });
  expect(await claim(row.method)).toEqual([]);
  for (const { method } of await desk.pauses()) await desk.resume(method);
  expect(await take(call)).toMatchObject({ did: 'taken' });
  expect(await claim(row.method)).toHaveLength(1);
});

test('a row whose time is over before its first attempt expires instead of being claimed', async () => {
  const row = sent({ ttlMs: -1 });
  await store.journal.send(store, [row]);
  expect(await claim(row.method)).toEqual([]);
  await store.journal.sweep([row.method]);
  expect(await stateOf(row.id)).toBe('expired');
});

test('a lane that is held up does not keep the rows of others from being claimed', async () => {
  const method = `test.${randomUUID()}`;
  const held = Array.from({ length: 12 }, (_, index) => sent({ method, key: `held ${index}`, lane: `${method}:1` }));
  const free = sent({ method, key: 'free', lane: `${method}:2` });
  await store.journal.send(store, [...held, free]);
  expect(await claim(method, 'function', 2)).toMatchObject([{ id: held[0]?.id }, { id: free.id }]);
});

test('the end of a sent row that settles is told once, of one that does not, never', async () => {
  const told = sent({ settles: true });
  const silent = sent();
  await store.journal.send(store, [told, silent]);
  for (const { method } of [told, silent]) {
    const [row] = await claim(method);
    await store.journal.end(null, row?.id ?? '', row?.token ?? '', { state: 'done', output: { x: 1 } });
    await store.journal.end(null, row?.id ?? '', row?.token ?? '', { state: 'done', output: { x: 1 } });
  }
  expect(await store.query('select payload from journal.events where event = $1', [`${told.method}_settled`])).toEqual([
    { payload: { key: 'k', state: 'done', output: { x: 1 }, reason: null } },
  ]);
  expect(await store.query('select payload from journal.events where event = $1', [`${silent.method}_settled`])).toEqual([]);
});

test('the same key sent twice makes one row, and with another input it is a clash', async () => {
  const row = sent();
  expect(await store.journal.send(store, [row])).toEqual([]);
  expect(await store.journal.send(store, [{ ...row, id: `row_${randomUUID()}` }])).toEqual([]);
  expect(await store.journal.send(store, [{ ...row, id: `row_${randomUUID()}`, hash: 'other' }])).toEqual([row.method]);
  expect(await claim(row.method)).toHaveLength(1);
});

test('a new consumer begins with the next event, or with the oldest one where it says so, and one that exists goes on', async () => {
  const event = `test.${randomUUID()}`;
  const emit = (key: string) => store.journal.emit(store, [{ event, key, payload: { key }, traceparent: null }]);
  const read = (consumer: string) =>
    store.transaction(async (tx) => {
      const rows = (await store.journal.nextEvents(tx, consumer, event, 10)) ?? [];
      const last = rows.at(-1);
      if (last !== undefined) await store.journal.advance(tx, consumer, last);
      return rows.map(({ payload }) => (payload as { key: string }).key);
    });
  // A consumer reads below every open transaction, those of other tests too.
  const isReadable = async (events: number) =>
    until(async () => {
      const below = 'select from journal.events where event = $1 and xid < pg_snapshot_xmin(pg_current_snapshot())';
      return (await store.query(below, [event])).length === events || null;
    });
  await emit('before');
  await isReadable(1);
  await store.journal.register(`next@${event}`, event);
  await store.journal.register(`oldest@${event}`, event, { fromOldest: true });
  await emit('after');
  await isReadable(2);
  expect([await read(`next@${event}`), await read(`oldest@${event}`)]).toEqual([['after'], ['before', 'after']]);
  await store.journal.register(`oldest@${event}`, event, { fromOldest: true });
  expect(await read(`oldest@${event}`)).toEqual([]);
});

test('the event of a slow transaction is handed over after the event of a quick one that overtook it', async () => {
  const event = `test.${randomUUID()}`;
  const emit = (on: Parameters<PostgresStore['journal']['emit']>[0], key: string) =>
    store.journal.emit(on, [{ event, key, payload: { key }, traceparent: null }]);
  await store.journal.register(`me@${event}`, event);
  const read = () =>
    store.transaction(async (tx) => {
      const rows = (await store.journal.nextEvents(tx, `me@${event}`, event, 10)) ?? [];
      const last = rows.at(-1);
      if (last !== undefined) await store.journal.advance(tx, `me@${event}`, last);
      return rows.map(({ payload }) => (payload as { key: string }).key);
    });
  const slow = Promise.withResolvers<void>();
  const emitted = Promise.withResolvers<void>();
  const slowly = store.transaction(async (tx) => {
    await emit(tx, 'slow');
    emitted.resolve();
    await slow.promise;
  });
  await emitted.promise;
  await emit(store, 'quick');
  expect(await read()).toEqual([]);
  slow.resolve();
  await slowly;
  const handed: string[] = [];
  // A transaction of any other database on this server holds them back as well.
  await until(async () => handed.push(...(await read())) >= 2);
  expect(handed).toEqual(['slow', 'quick']);
  expect(await read()).toEqual([]);
});

test('events are handed over by the number of their transaction, of however many digits', async () => {
  const event = `test.${randomUUID()}`;
  await store.query(`insert into journal.cursors (consumer, xid, id) values ($1, '1', 0)`, [event]);
  for (const xid of ['9', '10', '99', '100'])
    await store.query(`insert into journal.events (xid, event, key, payload) values ($1, $2, 'k', 'null')`, [xid, event]);
  const handed: string[] = [];
  for (let n = 0; n < 4; n += 1)
    await store.transaction(async (tx) => {
      const [row] = (await store.journal.nextEvents(tx, event, event, 1)) ?? [];
      if (row === undefined) return;
      await store.journal.advance(tx, event, row);
      handed.push(row.xid);
    });
  expect(handed).toEqual(['9', '10', '99', '100']);
});

test('a run does not go to sleep when the step it would wait for has moved', async () => {
  const run = asked({ mode: 'run' as const });
  const taken = await take(run);
  const row = 'row' in taken ? taken.row : undefined;
  const of = { id: row?.id ?? '', token: run.token, traceparent: null };
  const step = await store.journal.putStep({
    id: `row_${randomUUID()}`,
    run: of,
    method: 'test.step',
    key: `${of.id}:a:1`,
    hash: 'h',
    step: 'a',
    edition: 1,
    input: {},
    mode: 'wait',
    state: 'waiting',
    waitKey: 'x',
    untilMs: 60_000,
  });
  expect(await store.journal.park(of, step?.id ?? '', 60_000, null)).toBe(true);
  expect(await stateOf(of.id)).toBe('waiting');
  await store.journal.endStep(step?.id ?? '', { state: 'done', output: 1 });
  expect(await stateOf(of.id)).toBe('queued');
  const [again] = await claim(run.method);
  expect(await store.journal.park({ ...of, token: again?.token ?? '' }, step?.id ?? '', 60_000, null)).toBe(false);
});

test('a step is made with its end once, and only for the process that holds its run', async () => {
  const run = asked({ mode: 'run' as const });
  const taken = await take(run);
  const of = { run: 'row' in taken ? taken.row.id : '', runToken: run.token, edition: 1, name: 'a', isNew: true };
  const step = asked({ mode: 'step' as const, of });
  const make = (over: object) =>
    store.journal.makeDone(null, { ...step, id: `row_${randomUUID()}`, token: randomUUID(), ...over }, 'me', { b: 2 });
  expect(await make({ of: { ...of, runToken: 'another' } })).toBe(false);
  expect(await Promise.all([make({}), make({}), make({ key: 'other' })])).toEqual([true, false, true]);
  expect(await make({})).toBe(false);
  await store.journal.end(null, of.run, run.token, { state: 'done' });
  expect(await make({ key: 'late' })).toBe(false);
});

test('when a pause is answered, no process relies on what it heard before', async () => {
  const desk = journalAdmin(store);
  await until(async () => {
    const row = asked();
    await take(row);
    await store.journal.end(null, row.id, row.token, { state: 'done' });
    return store.journal.isUnpaused();
  });
  await desk.pause('test.paused', { who: 'me', did: 'paused' });
  const heard = store.journal.isUnpaused();
  await desk.resume('test.paused');
  expect(heard).toBe(false);
});

test('a reference is won by the first who claims it, and one that nobody claimed is void', async () => {
  const desk = journalAdmin(store);
  const won = asked({ handling: 'claim' as const });
  const lost = asked({ handling: 'claim' as const });
  await take(won, -1);
  await take(lost, -1);
  expect([await desk.claim(won.id), await desk.claim(won.id)]).toEqual([true, false]);
  for (let swept = 0; swept < 2; swept += 1) await store.journal.sweep([won.method, lost.method]);
  expect([await stateOf(won.id), await stateOf(lost.id)]).toEqual(['review', 'failed']);
  expect(await desk.claim(lost.id)).toBe(false);
});

test('of two approvals at once one wins, and one that saw another text does not', async () => {
  const desk = journalAdmin(store);
  const row = sent({ approval: 'staff' as const });
  await store.journal.send(store, [row]);
  expect(await desk.approve(row.id, 'what was seen before', { who: 'a', did: 'approved' })).toBe(false);
  const both = await Promise.all([
    desk.approve(row.id, 'h', { who: 'a', did: 'approved' }),
    desk.approve(row.id, 'h', { who: 'b', did: 'approved' }),
  ]);
  expect(both.filter(Boolean)).toHaveLength(1);
});

test('a run retried from an edited step keeps the steps before it and renews those after', async () => {
  const desk = journalAdmin(store);
  const run = asked({ mode: 'run' as const });
  await take(run);
  const of = { id: run.id, token: run.token, traceparent: null };
  for (const name of ['a', 'b', 'c'])
    await store.journal.putStep({
      id: `row_${randomUUID()}`,
      run: of,
      method: 'test.step',
      key: `${run.id}:${name}:1`,
      hash: 'h',
      step: name,
      edition: 1,
      input: {},
      mode: 'step' as const,
      state: 'done',
      waitKey: null,
      untilMs: null,
    });
  await store.journal.end(null, run.id, run.token, { state: 'failed', error: { code: 'internal', outcome: 'unknown' } });
  expect(await desk.retryFrom(run.id, 'b', { x: 2 }, { who: 'a', did: 'retried' })).toBeNull();
  expect(await store.journal.read(run.id)).toMatchObject({ state: 'queued', editions: { b: 2, c: 2 }, edits: { b: { x: 2 } } });
});

test('a run is not redone over a step whose outcome is unknown', async () => {
  const desk = journalAdmin(store);
  const run = asked({ mode: 'run' as const });
  await take(run);
  const of = { id: run.id, token: run.token, traceparent: null };
  const step = `row_${randomUUID()}`;
  await store.journal.putStep({
    id: step,
    run: of,
    method: 'test.step',
    key: `${run.id}:a:1`,
    hash: 'h',
    step: 'a',
    edition: 1,
    input: {},
    mode: 'step' as const,
    state: 'queued',
    waitKey: null,
    untilMs: null,
  });
  await store.query(`update journal.rows set state = 'unknown' where id = $1`, [step]);
  await store.journal.end(null, run.id, run.token, { state: 'failed', error: { code: 'internal', outcome: 'unknown' } });
  expect(await desk.retryFrom(run.id, 'a', {}, { who: 'a', did: 'retried' })).toBe('outcome_unknown');
});
