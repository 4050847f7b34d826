import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { on, service } from '../../bus/service.ts';
import { Id, Key } from '../../contracts/common.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, method, review, settled } from '../../contracts/kit/define.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import journalService from './service.ts';

const post = contract('post', '1.0.0', {
  draft: method({
    summary: 'Propose a mail.',
    input: z.strictObject({
      text: z.string().max(100),
      undoMs: z.int(),
      approvers: z.int(),
      approval: z.enum(['staff', 'customer', 'both']).default('staff'),
      ttlMs: z.int().optional(),
    }),
    output: z.object({ id: Id }),
    idempotency: 'keyed',
  }),
  mail: method({
    summary: 'An effect that needs approval.',
    input: z.strictObject({ text: z.string().max(100) }),
    output: z.object({ mailId: Id }),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
    reaches: 'customer',
    settles: true,
  }),
  customer_wrote: method({
    summary: 'What was drafted under these keys answers nothing any more.',
    input: z.strictObject({ keys: z.array(Key).max(100) }),
    output: z.object({}),
    idempotency: 'keyed',
  }),
});
let it: World;
/** Proves who decides, as the gateway does by their keys. */
let gateway: BusHost;
/** Proves the customer's act. */
let dialog: BusHost;
const mailed: string[] = [];
const heard: { key: string; state: string; reason: string | null }[] = [];
beforeAll(async () => {
  it = await world();
  gateway = createBus({ transport: it.broker.connect('gateway'), name: 'gateway', log: quiet });
  dialog = createBus({ transport: it.broker.connect('dialog-orchestrator'), name: 'dialog-orchestrator', log: quiet });
  await it.start('journal', journalService);
  await it.start(
    'post',
    service({ serves: { post }, uses: [settled(post.mail)], settings: z.object({}) }).start(async () => ({
      post: {
        draft: async ({ text, ttlMs, ...asked }, { key, commit }) =>
          commit(async (tx) => ({ id: tx.send(post.mail, { text }, { key, ...asked, ...(ttlMs === undefined ? {} : { ttlMs }) }) })),
        mail: { attempt: async ({ text }) => ({ mailId: `m${mailed.push(text)}` }), onUnknown: review },
        customer_wrote: async ({ keys }, { commit }) =>
          commit(async (tx) => {
            tx.outdate(post.mail, keys, 'They have called.');
            return {};
          }),
      },
      on: [on(settled(post.mail), async (ended) => void heard.push(ended))],
    })),
  );
});
afterAll(async () => {
  await Promise.all([gateway.close(), dialog.close()]);
  await it.stop();
});
beforeEach(() => {
  mailed.length = 0;
  heard.length = 0;
});

/** Decided: the worker may have begun it before the reply. */
const goesOut = expect.stringMatching(/^(queued|attempting|done)$/);
const draft = async (key: string, undoMs = 0, approvers = 1) =>
  (await it.bus.call(post.draft, { text: key, undoMs, approvers }, { key })).id;
const [anna, oleg] = [{ onBehalfOf: 'shop/pk_1/anna' }, { onBehalfOf: 'shop/pk_2/oleg' }];
const get = (id: string) => it.bus.call(journal.get, { id });
const ends = (key: string) => until(() => heard.find((one) => one.key === key));

test('what is approved goes out when its undo window is over, and not before', async () => {
  const id = await draft('later', 600);
  const began = Date.now();
  const { state, notBefore } = await gateway.call(journal.approve, { id });
  expect(state).toBe('queued');
  expect(Date.parse(notBefore ?? '')).toBeGreaterThan(began + 500);
  expect(await ends('later')).toMatchObject({ state: 'done' });
  expect(Date.now() - began).toBeGreaterThanOrEqual(590);
});

test('an approval that is recalled within its window never goes out', async () => {
  const id = await draft('recalled', 60_000);
  await expect(gateway.call(journal.recall, { id })).rejects.toMatchObject({ code: 'failed_precondition', reason: 'wrong_state' });
  await gateway.call(journal.approve, { id });
  expect(await gateway.call(journal.recall, { id, why: 'a typo' })).toMatchObject({ state: 'cancelled', reason: 'recalled' });
  expect(await ends('recalled')).toMatchObject({ state: 'cancelled' });
  await expect(gateway.call(journal.approve, { id })).rejects.toMatchObject({ code: 'conflict', reason: 'decided' });
  expect(mailed).toEqual([]);
});

test('of a recall and a sending at the same time exactly one wins', async () => {
  const keys = Array.from({ length: 40 }, (_, n) => `race${n}`);
  const ids = await Promise.all(keys.map((key) => draft(key, 150)));
  const recalled = await Promise.all(
    ids.map(async (id, n) => {
      await gateway.call(journal.approve, { id });
      // Around the end of the window, some before it and some after.
      await new Promise((resolve) => setTimeout(resolve, 120 + n * 3));
      return it.bus.call(n % 2 === 0 ? journal.recall : journal.cancel, { id }).then(
        () => true,
        () => false,
      );
    }),
  );
  await Promise.all(keys.map(ends));
  for (const [n, key] of keys.entries()) expect([key, mailed.filter((text) => text === key).length]).toEqual([key, recalled[n] ? 0 : 1]);
});

test('a draft that was outdated is 409 stale for who approves, edits or rejects it, and never goes out', async () => {
  const id = await draft('old');
  const { hash } = await get(id);
  await it.bus.call(post.customer_wrote, { keys: ['old'] }, { key: 'w1' });
  const stale = { code: 'conflict', reason: 'stale', message: `${id} is stale: They have called.` };
  await expect(gateway.call(journal.approve, { id })).rejects.toMatchObject(stale);
  await expect(gateway.call(journal.edit, { id, hash, input: { text: 'x' } })).rejects.toMatchObject(stale);
  await expect(gateway.call(journal.reject, { id, why: 'x' })).rejects.toMatchObject(stale);
  expect(await ends('old')).toMatchObject({ state: 'stale', reason: 'stale' });
  expect(mailed).toEqual([]);
});

test('what was approved becomes stale within its undo window too, and what has gone out stays done', async () => {
  const sent = await draft('sent');
  await gateway.call(journal.approve, { id: sent });
  await ends('sent');
  await gateway.call(journal.approve, { id: await draft('waits', 60_000) });
  await it.bus.call(post.customer_wrote, { keys: ['sent', 'waits'] }, { key: 'w2' });
  expect(await ends('waits')).toMatchObject({ state: 'stale' });
  expect((await get(sent)).state).toBe('done');
  expect(mailed).toEqual(['sent']);
});

test('of approvals and an outdating at the same time each draft has one end', async () => {
  const keys = Array.from({ length: 40 }, (_, n) => `both${n}`);
  const ids = await Promise.all(keys.map((key) => draft(key, 60_000)));
  const [approved] = await Promise.all([
    Promise.allSettled(ids.map((id) => gateway.call(journal.approve, { id }))),
    it.bus.call(post.customer_wrote, { keys }, { key: 'w3' }),
  ]);
  for (const one of approved) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'conflict', reason: 'stale' });
  await Promise.all(keys.map(ends));
  expect(mailed).toEqual([]);
});

test('whatever happens to what waits for a person is told, and nothing else is', async () => {
  const told = async (id: string) => {
    const rows = await it.store.query<{ payload: { method: string; state: string } }>(
      `select payload from journal.events where event = 'journal.approval_changed' and key = $1 order by id`,
      [id],
    );
    return rows.map(({ payload }) => [payload.method, payload.state]);
  };
  const id = await draft('told', 60_000);
  const { hash } = await get(id);
  await gateway.call(journal.edit, { id, hash, input: { text: 'told better' } });
  await gateway.call(journal.approve, { id });
  await gateway.call(journal.recall, { id });
  await it.bus.call(journal.retry, { id });
  await gateway.call(journal.reject, { id, why: 'x' });
  const states = ['proposed', 'proposed', 'queued', 'cancelled', 'proposed', 'rejected'];
  expect(await told(id)).toEqual(states.map((state) => ['post.mail', state]));
  await it.bus.call(post.customer_wrote, { keys: [] }, { key: 'untold' });
  expect(
    await it.store.query(`select from journal.events where event = 'journal.approval_changed' and payload->>'method' <> 'post.mail'`),
  ).toEqual([]);
});

test('each change by a person is announced at once, for those who show rows', async () => {
  const announced: string[] = [];
  using _listener = it.bus.hear(journal.approval_changed, (change) => {
    const { rowId, state } = change as { readonly rowId: string; readonly state: string };
    if (rowId === id) announced.push(state);
  });
  const id = await draft('announced', 60_000);
  const { hash } = await get(id);
  await gateway.call(journal.hold, { id });
  await gateway.call(journal.release, { id });
  await gateway.call(journal.edit, { id, hash, input: { text: 'better' } });
  await gateway.call(journal.approve, { id });
  await gateway.call(journal.recall, { id });
  await it.bus.call(journal.retry, { id });
  await gateway.call(journal.reject, { id, why: 'x' });
  await until(() => announced.length === 7);
  expect(announced).toEqual(['proposed', 'proposed', 'proposed', 'queued', 'cancelled', 'proposed', 'rejected']);
});

test('a draft that nobody approved waits for a person again when it is retried, however it ended', async () => {
  const id = await draft('retried');
  await it.bus.call(journal.cancel, { id });
  expect((await it.bus.call(journal.retry, { id })).state).toBe('proposed');
  await gateway.call(journal.approve, { id });
  expect(await ends('retried')).toMatchObject({ state: 'cancelled' });
  await until(() => mailed.includes('retried'));
  expect(mailed).toEqual(['retried']);
});

test('what needs two people goes out after the approvals of two, and not after two of one', async () => {
  const id = await draft('two', 0, 2);
  expect(await gateway.call(journal.approve, { id, ...anna })).toMatchObject({
    state: 'proposed',
    approvers: 2,
    approvedBy: ['gateway:shop/pk_1/anna'],
  });
  await expect(gateway.call(journal.approve, { id, ...anna })).rejects.toMatchObject({ code: 'conflict', reason: 'same_person' });
  expect(mailed).toEqual([]);
  expect((await gateway.call(journal.approve, { id, ...oleg })).approvedBy).toEqual(['gateway:shop/pk_1/anna', 'gateway:shop/pk_2/oleg']);
  expect(await ends('two')).toMatchObject({ state: 'done' });
  expect(mailed).toEqual(['two']);
});

test('an approval of the former wording does not count for the new one', async () => {
  const id = await draft('reworded', 0, 2);
  const { hash } = await gateway.call(journal.approve, { id, ...anna });
  const edited = await gateway.call(journal.edit, { id, hash, input: { text: 'reworded!' }, ...oleg });
  expect(edited.approvedBy).toEqual([]);
  expect((await gateway.call(journal.approve, { id, ...oleg })).state).toBe('proposed');
  const late = gateway.call(journal.edit, { id, hash, input: { text: 'late' }, ...oleg });
  await expect(late).rejects.toMatchObject({ code: 'failed_precondition', reason: 'hash_mismatch' });
  await gateway.call(journal.approve, { id, ...anna });
  await ends('reworded');
  expect(mailed).toEqual(['reworded!']);
});

test('of 20 people at once who approve what needs two, two approve it and it goes out once', async () => {
  const id = await draft('crowd', 0, 2);
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) => gateway.call(journal.approve, { id, onBehalfOf: `shop/pk_${n}/manager${n}` })),
  );
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  await ends('crowd');
  expect(mailed).toEqual(['crowd']);
});

test('nobody else decides on what somebody holds, until it is released, and again is not another deed', async () => {
  const id = await draft('held');
  expect((await gateway.call(journal.hold, { id, ...anna })).heldBy).toBe('gateway:shop/pk_1/anna');
  await gateway.call(journal.hold, { id, ...anna });
  const held = { code: 'conflict', reason: 'held' };
  const { hash, audit } = await get(id);
  expect(audit.map(({ did }) => did)).toEqual(['held']);
  await expect(gateway.call(journal.hold, { id, ...oleg })).rejects.toMatchObject(held);
  await expect(gateway.call(journal.approve, { id, ...oleg })).rejects.toMatchObject(held);
  await expect(gateway.call(journal.reject, { id, why: 'x', ...oleg })).rejects.toMatchObject(held);
  await expect(gateway.call(journal.edit, { id, hash, input: { text: 'x' }, ...oleg })).rejects.toMatchObject(held);
  await expect(gateway.call(journal.release, { id, ...oleg })).rejects.toMatchObject(held);
  expect((await gateway.call(journal.release, { id, ...anna })).heldBy).toBeNull();
  expect(await gateway.call(journal.approve, { id, ...oleg })).toMatchObject({ state: goesOut, heldBy: null });
});

test('a hold ends by itself when its time is over', async () => {
  const id = await draft('left');
  await gateway.call(journal.hold, { id, forMs: 1_000, ...anna });
  await until(() =>
    gateway.call(journal.approve, { id, ...oleg }).then(
      () => true,
      () => false,
    ),
  );
  expect(await ends('left')).toMatchObject({ state: 'done' });
});

const press = (id: string) => ({ kind: 'press' as const, id });
const propose = async (key: string, approval: 'staff' | 'customer' | 'both', more: { approvers?: number; ttlMs?: number } = {}) => {
  const { id } = await it.bus.call(post.draft, { text: key, undoMs: 0, approvers: 1, approval, ...more }, { key });
  return { id, hash: (await get(id)).hash };
};

test('what waits for the customer goes out by their own act, and by no approval of staff', async () => {
  const { id, hash } = await propose('customer', 'customer');
  for (const by of [{}, anna]) {
    const refused = gateway.call(journal.approve, { id, ...by });
    await expect(refused).rejects.toMatchObject({ code: 'failed_precondition', reason: 'customer_decides' });
  }
  await expect(dialog.call(journal.confirm, { id, hash: `${hash.slice(1)}0`, evidence: press('q1') })).rejects.toMatchObject({
    reason: 'hash_mismatch',
  });
  const confirmed = await dialog.call(journal.confirm, { id, hash, evidence: press('q1') });
  expect(confirmed).toMatchObject({ state: goesOut, isConfirmed: true });
  expect(confirmed.audit.at(-1)).toMatchObject({ who: 'dialog-orchestrator', did: 'confirmed by the customer', why: 'press/q1' });
  expect(await ends('customer')).toMatchObject({ state: 'done' });
  await expect(dialog.call(journal.confirm, { id, hash, evidence: press('q2') })).rejects.toMatchObject({
    code: 'conflict',
    reason: 'decided',
  });
  expect(mailed).toEqual(['customer']);
});

test('the customer’s act does not confirm what waits for staff', async () => {
  const { id, hash } = await propose('staff', 'staff');
  const refused = dialog.call(journal.confirm, { id, hash, evidence: press('q') });
  await expect(refused).rejects.toMatchObject({ code: 'failed_precondition', reason: 'staff_decides' });
  expect(await get(id)).toMatchObject({ state: 'proposed', isConfirmed: false });
});

test.each(['staff first', 'customer first'])('what needs both goes out after both, in any order: %s', async (order) => {
  const { id, hash } = await propose(order, 'both');
  const acts = [
    () => gateway.call(journal.approve, { id, ...anna }),
    () => dialog.call(journal.confirm, { id, hash, evidence: press('q') }),
  ];
  const [first, second] = order === 'staff first' ? acts : acts.toReversed();
  expect(await first?.()).toMatchObject({ state: 'proposed' });
  expect(await second?.()).toMatchObject({ state: goesOut });
  expect(await ends(order)).toMatchObject({ state: 'done' });
});

test('a second approval of staff does not replace the customer', async () => {
  const { id } = await propose('twice', 'both');
  await gateway.call(journal.approve, { id, ...anna });
  await expect(gateway.call(journal.approve, { id, ...oleg })).rejects.toBeDefined();
  expect(await get(id)).toMatchObject({ state: 'proposed', isConfirmed: false, approvedBy: [`gateway:${anna?.onBehalfOf}`] });
});

test('an edit voids the confirmation of the former version', async () => {
  const { id, hash } = await propose('edited', 'both');
  await dialog.call(journal.confirm, { id, hash, evidence: press('q') });
  expect(await gateway.call(journal.edit, { id, hash, input: { text: 'edited text' }, ...anna })).toMatchObject({ isConfirmed: false });
});

test('a proposal to the customer ends by its own time, and staff does not see it among approvals', async () => {
  const { id, hash } = await propose('short', 'customer', { ttlMs: 300 });
  const { items } = await gateway.call(journal.list, { view: 'approvals', limit: 200 });
  expect(items.map((row) => row.id)).not.toContain(id);
  expect(await ends('short')).toMatchObject({ state: 'expired' });
  await expect(dialog.call(journal.confirm, { id, hash, evidence: press('q') })).rejects.toMatchObject({ code: 'conflict' });
});
