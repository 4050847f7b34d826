import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { service } from '../../bus/service.ts';
import { Id, Phone } from '../../contracts/common.ts';
import { journal } from '../../contracts/journal.ts';
import { contract, type Method, method, type PersonRole, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import journalService from './service.ts';

const post = contract('post', '1.0.0', {
  mail: method({
    summary: 'x',
    input: z.strictObject({ chatId: Id.nullable(), to: Phone, text: z.string().max(100).meta({ pii: 'text' }) }),
    output: z.object({}),
    idempotency: 'keyed',
    approval: 'staff',
    editable: ['text'],
    reaches: 'customer',
  }),
  ring: method({
    summary: 'x',
    input: z.strictObject({ phoneNumber: Phone }),
    output: z.object({}),
    idempotency: 'keyed',
    approval: 'staff',
    reaches: 'customer',
  }),
  note: method({ summary: 'x', input: z.strictObject({ text: z.string().max(100) }), output: z.object({}), idempotency: 'keyed' }),
});
let it: World;
/** Calls as the gateway does. */
let asGateway: BusHost;
beforeAll(async () => {
  it = await world();
  await it.start('journal', journalService);
  await it.start(
    'post',
    service({ serves: { post }, settings: z.object({}) }).start(async () => ({
      post: {
        mail: {
          attempt: async () => {
            throw new PolybError('upstream_failed', 'cut');
          },
          onUnknown: review,
        },
        note: { attempt: async () => ({}), onUnknown: review },
        ring: { attempt: async () => ({}), onUnknown: review },
      },
    })),
  );
  asGateway = createBus({ transport: it.broker.connect('gateway'), name: 'gateway', log: quiet });
  await assign('chat_anna', 'anna');
  await assign('chat_boris', 'boris');
});
afterAll(async () => {
  await asGateway?.close();
  await it?.stop();
});

const viewer = (personId: string, role: PersonRole = 'manager') => ({ personId, role });
/** As the inbox reports it. */
async function assign(chatId: string, personId: string | null): Promise<void> {
  await it.store.query(
    `insert into journal.events (event, key, payload) values ('inbox.chat_assigned', $1, jsonb_build_object('chatId', $1::text, 'personId', $2::text, 'who', null, 'at', '2026-01-01T00:00:00.000Z'))`,
    [chatId, personId],
  );
  await until(async () => {
    const [row] = await it.store.query<{ person_id: string | null }>('select person_id from journal.chat_owners where chat_id = $1', [
      chatId,
    ]);
    return (row !== undefined && row.person_id === personId) || null;
  });
}
let nth = 0;
async function propose(chatId: string | null): Promise<string> {
  nth += 1;
  const refused = await it.bus
    .call(post.mail, { chatId, to: '+79995553322', text: `canary ${chatId} ${nth}` }, { key: `k${nth}` })
    .catch((error: PolybError) => error);
  return ((refused as PolybError).data as { rowId: string }).rowId;
}
/** An approved message whose outcome is unknown. */
async function doubt(chatId: string): Promise<string> {
  const id = await propose(chatId);
  await it.bus.call(journal.approve, { id });
  await until(async () => (await it.bus.call(journal.get, { id })).state === 'review' || null);
  return id;
}
const listed = async (who: string, role: PersonRole = 'manager', over: object = {}) =>
  (await it.bus.call(journal.list, { viewer: viewer(who, role), view: 'approvals', show: 'revealed', ...over })).items;

test('a manager is shown rows of their own chats, of chats of nobody and of no chat, and others are shown all', async () => {
  const [own, others, free, bare] = [
    await propose('chat_anna'),
    await propose('chat_boris'),
    await propose('chat_free'),
    await propose(null),
  ];
  const among = async (who: string, role?: PersonRole) => {
    const ids = (await listed(who, role)).map(({ id }) => id);
    return [own, others, free, bare].map((id) => ids.includes(id));
  };
  expect(await among('anna')).toEqual([true, false, true, true]);
  expect(await among('boris')).toEqual([false, true, true, true]);
  for (const role of ['director', 'admin', 'operator'] as const) expect(await among('anna', role)).toEqual([true, true, true, true]);
  expect(JSON.stringify(await listed('anna'))).not.toContain('canary chat_boris');
  expect(JSON.stringify(await listed('anna', 'director'))).toContain('canary chat_boris');
  const counted = async (who: string) =>
    (await it.bus.call(journal.summary, { view: 'approvals', viewer: viewer(who) })).views.map(({ count }) => count);
  expect(await counted('anna')).toEqual([(await listed('anna')).length]);
});

test('a row that names a phone and no chat is shown to those in charge of the chats of the phone, and to all where nobody is', async () => {
  const [ofAnna, ofBoris, ofNobody] = ['+79990003301', '+79990003302', '+79990003303'];
  for (const [customerId, phoneNumber, personId] of [
    ['c1', ofAnna, 'anna'],
    ['c2', ofBoris, 'boris'],
  ])
    await it.store.query(`insert into journal.events (event, key, payload) values ('inbox.phone_owners_changed', $1, $2)`, [
      customerId,
      JSON.stringify({ customerId, phoneNumber, personIds: [personId], at: '2026-01-01T00:00:00.000Z' }),
    ]);
  await until(async () => (await it.store.query('select from journal.phone_owners')).length === 2 || null);
  const ring = async (phoneNumber = '') => {
    const refused = await it.bus.call(post.ring, { phoneNumber }, { key: phoneNumber }).catch((error: PolybError) => error);
    return ((refused as PolybError).data as { rowId: string }).rowId;
  };
  const [own, others, nobodys] = [await ring(ofAnna), await ring(ofBoris), await ring(ofNobody)];
  const rings = async (who: string, role?: PersonRole) => (await listed(who, role, { method: 'post.ring' })).map(({ id }) => id).sort();
  expect(await rings('anna')).toEqual([own, nobodys].sort());
  expect(await rings('boris')).toEqual([others, nobodys].sort());
  expect(await rings('anna', 'director')).toEqual([own, others, nobodys].sort());
  for (const act of [journal.get, journal.approve, journal.hold])
    await expect(it.bus.call(act, { id: others, viewer: viewer('anna') })).rejects.toMatchObject({ code: 'not_found' });
  const counted = async (who: string) =>
    (await it.bus.call(journal.summary, { view: 'approvals', viewer: viewer(who) })).views.map(({ count }) => count);
  expect(await counted('anna')).toEqual([(await listed('anna')).length]);
  await it.bus.call(journal.approve, { id: own, viewer: viewer('anna') });
});

test('a manager is shown no row that is about no chat and needs no approval', async () => {
  await it.bus.call(post.note, { text: 'x' }, { key: 'note' });
  const notes = async (of: object) => (await it.bus.call(journal.list, { method: 'post.note', ...of })).items.length;
  expect([await notes({ viewer: viewer('anna') }), await notes({})]).toEqual([0, 1]);
});

const hash = 'x';
const decisions: readonly (readonly [Method, object])[] = [
  [journal.get, {}],
  [journal.get, { reveal: true }],
  [journal.hold, {}],
  [journal.release, {}],
  [journal.approve, {}],
  [journal.reject, { why: 'no' }],
  [journal.edit, { hash, input: { text: 'mine' } }],
  [journal.recall, {}],
  [journal.resolve, { answer: 'give_up' }],
];
test.each(decisions.map(([of, more]) => [of.address, of, more] as const))(
  '%s of a row about the chat of another manager is not found and changes nothing',
  async (_, of, more) => {
    const id = of === journal.resolve ? await doubt('chat_boris') : await propose('chat_boris');
    if (of === journal.recall) {
      await it.store.query(`update journal.rows set not_before = now() + interval '1 day' where id = $1`, [id]);
      await it.bus.call(journal.approve, { id });
    }
    const before = await it.store.query('select * from journal.rows where id = $1', [id]);
    const refused = await it.bus.call(of, { id, ...more, viewer: viewer('anna') } as never).catch((error: PolybError) => error);
    expect(refused).toMatchObject({ code: 'not_found' });
    expect((refused as PolybError).message).not.toContain('boris');
    expect(await it.store.query('select * from journal.rows where id = $1', [id])).toEqual(before);
  },
);

test('a manager decides on rows of their own chats, and is named', async () => {
  const id = await propose('chat_anna');
  const as = { viewer: viewer('anna'), onBehalfOf: 'staff/s_1/anna' };
  expect(await it.bus.call(journal.hold, { id, ...as })).toMatchObject({ heldBy: 'operator:staff/s_1/anna' });
  const edited = await it.bus.call(journal.edit, {
    id,
    hash: (await it.bus.call(journal.get, { id })).hash,
    input: { text: 'new' },
    ...as,
  });
  expect(await it.bus.call(journal.reject, { id, why: 'no', ...as })).toMatchObject({ state: 'rejected' });
  expect(edited.audit.map(({ who }) => who)).toEqual(['operator:staff/s_1/anna', 'operator:staff/s_1/anna']);
  const review = await doubt('chat_anna');
  expect(await it.bus.call(journal.resolve, { id: review, answer: 'give_up', ...as })).toMatchObject({ state: 'cancelled' });
});

test('a chat that is assigned to another manager takes its rows along, former and later ones', async () => {
  const ids = [await propose('chat_given')];
  const sees = async (who: string) => (await listed(who)).filter(({ id }) => ids.includes(id)).length;
  expect([await sees('anna'), await sees('boris')]).toEqual([1, 1]);
  await assign('chat_given', 'boris');
  ids.push(await propose('chat_given'));
  expect([await sees('anna'), await sees('boris')]).toEqual([0, 2]);
  await assign('chat_given', null);
  expect([await sees('anna'), await sees('boris')]).toEqual([2, 2]);
});

test('a watched row ends for a manager when its chat is given to another', async () => {
  await assign('chat_watched', 'anna');
  const id = await propose('chat_watched');
  const states: string[] = [];
  const watched = async () => {
    const rows = it.bus.open(journal.watch, { id, viewer: viewer('anna') }, (async function* () {})(), { timeoutMs: 20_000 });
    for await (const row of rows) {
      states.push(row.state);
      await assign('chat_watched', 'boris');
    }
  };
  await expect(watched()).rejects.toMatchObject({ code: 'not_found' });
  expect(states).toEqual(['proposed']);
});

test('an operator is shown inputs masked, and one whole on request, which the audit names', async () => {
  const id = await propose('chat_anna');
  expect(JSON.stringify(await listed('olga', 'operator'))).not.toContain('canary');
  const shown = await it.bus.call(journal.get, { id, reveal: true, viewer: viewer('olga', 'operator'), onBehalfOf: 'staff/s_2/olga' });
  expect(shown).toMatchObject({ input: { text: expect.stringContaining('canary') } });
  expect(shown.audit).toMatchObject([{ who: 'operator:staff/s_2/olga', did: 'revealed' }]);
});

test('a person who has approved in a session may not approve again in Telegram or with a key, once they are linked', async () => {
  const id = await propose('chat_two');
  await it.store.query('update journal.rows set approvers = 2 where id = $1', [id]);
  for (const [kind, value] of [
    ['key', 'pk_anna'],
    ['key', 'pk_olga'],
  ])
    await it.store.query(
      `insert into journal.events (event, key, payload)
       values ('people.person_linked', $2, jsonb_build_object('personId', 'anna', 'kind', $1::text, 'value', $2::text, 'isLinked', true, 'at', '2026-01-01T00:00:00.000Z'))`,
      [kind, value],
    );
  await until(async () => (await it.store.query('select from journal.person_links')).length === 2 || null);
  const gateway = (onBehalfOf: string) => asGateway.call(journal.approve, { id, onBehalfOf });
  expect(await gateway('staff/s_1/anna')).toMatchObject({ state: 'proposed', approvedBy: ['gateway:staff/s_1/anna'] });
  await expect(gateway('shop/pk_anna')).rejects.toMatchObject({ code: 'conflict', reason: 'same_person' });
  await expect(gateway('site/pk_olga/olga')).rejects.toMatchObject({ code: 'conflict', reason: 'same_person' });
  expect((await gateway('shop/pk_boris')).approvedBy).toEqual(['gateway:staff/s_1/anna', 'gateway:shop/pk_boris']);
});
