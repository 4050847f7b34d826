/** Clients of several channels whom a person of the staff merges. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { emptied, type Written, writeTo } from './fixture.ts';
import { movePerson } from './rows/people.ts';
import collector from './service.ts';

let here: World;
let hosted: Awaited<ReturnType<World['start']>>;
beforeAll(async () => {
  here = await world();
  hosted = await here.start('collector', collector);
});
beforeEach(() =>
  emptied(here.store, 'collector.chats, collector.users, collector.client_merges, collector.changed_customers, journal.events'),
);
afterAll(() => here.stop());

const phone = '+79165550101';
const write = (...told: readonly Written[]) => writeTo(hosted.bus, ...told);
const anna = { personId: 'anna', role: 'manager' } as const;
const list = async (wanted: object = {}) => (await here.bus.call(inbox.list_clients, wanted)).items;
const idOf = async (name: string) => (await list({ q: name })).find((client) => client.name === name)?.customerId ?? '';
const chatOf = async (customerId: string) => (await here.bus.call(inbox.list_chats, { customerId })).items[0]?.chatId ?? '';
const merge = (customerId: string, into: string, more: object = {}) => here.bus.call(inbox.merge_clients, { customerId, into, ...more });
const events = async (name: string) =>
  (
    await here.store.query<{ payload: Readonly<Record<string, unknown>> }>(
      'select payload from journal.events where event = $1 order by id',
      [name],
    )
  ).map(({ payload }) => payload);
/** Анна, who has no phone, and her other account with one, which is `into`. */
async function two(): Promise<{ readonly customerId: string; readonly into: string }> {
  await write(
    { text: 'пионы красные', chat: '1', from: '1', name: 'Анна Телеграм' },
    { text: 'розы белые', chat: '2', from: '2', name: 'Анна Вацап', phone },
  );
  return { customerId: await idOf('Анна Телеграм'), into: await idOf('Анна Вацап') };
}

test('merged clients are one in lists, by either id, name, phone and word, with one history and all chats', async () => {
  const { customerId, into } = await two();
  const merged = await merge(customerId, into);
  expect(merged).toMatchObject({ customerId: into, mergedIds: [customerId], messages: 2, phoneNumber: phone });
  for (const wanted of [{}, { q: 'анна теле' }, { q: '5550101' }, { q: 'пионы' }, { q: 'розы' }, { phoneNumber: phone }])
    expect([wanted, (await list(wanted)).map((client) => client.customerId)]).toEqual([wanted, [into]]);
  for (const id of [customerId, into]) {
    expect((await here.bus.call(inbox.get_client, { customerId: id })).customerId).toBe(into);
    const { items } = await here.bus.call(inbox.client_history, { customerId: id });
    expect(items.map(({ message }) => message?.text)).toEqual(['розы белые', 'пионы красные']);
    const said = await here.bus.call(inbox.client_messages, { customerId: id });
    expect(said.items.map(({ text }) => text)).toEqual(['розы белые', 'пионы красные']);
    expect((await here.bus.call(inbox.list_chats, { customerId: id })).items).toHaveLength(2);
  }
  await write({ text: 'ещё', chat: '3', from: '3', name: 'Борис' }, { text: 'снова я', chat: '1', from: '1', name: 'Анна Телеграм' });
  expect((await list())[0]).toMatchObject({ customerId: into, messages: 3 });
});

test('a merge is recorded and announced once, with the person who made it, however often and in whichever direction it is asked for', async () => {
  const { customerId, into } = await two();
  await merge(customerId, into, { onBehalfOf: 'staff/s_1/boris' });
  await merge(customerId, into);
  await merge(into, customerId);
  const made = { customerId, into, who: 'operator:staff/s_1/boris' };
  expect((await here.bus.call(inbox.list_client_merges, {})).items).toMatchObject([made]);
  expect(await events(inbox.clients_merged.address)).toMatchObject([made]);
  await expect(merge(customerId, 'usr_none')).rejects.toMatchObject({ code: 'not_found' });
  await here.bus.call(inbox.set_role, { customerId: await idOf('Анна Вацап'), role: 'manager' });
  await write({ text: 'я', chat: '4', from: '4', name: 'Вера' });
  await expect(merge(await idOf('Вера'), into)).rejects.toMatchObject({ code: 'failed_precondition', reason: 'not_clients' });
});

test('a manager merges only clients of whom they see every chat, and sees no merge of others', async () => {
  const { customerId, into } = await two();
  await write({ text: 'в другом чате', chat: '9', from: '1', name: 'Анна Телеграм' });
  const hidden = (await here.bus.call(inbox.list_messages, { q: '"в другом чате"' })).items[0]?.chatId ?? '';
  await here.bus.call(inbox.assign_chat, { chatId: hidden, personId: 'boris' });
  await expect(merge(customerId, into, { viewer: anna })).rejects.toMatchObject({ code: 'permission_denied', reason: 'not_whole' });
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(into), personId: 'boris' });
  await expect(merge(customerId, into, { viewer: anna })).rejects.toMatchObject({ code: 'not_found' });
  for (const chatId of [hidden, await chatOf(into)]) await here.bus.call(inbox.assign_chat, { chatId, personId: 'anna' });
  await merge(customerId, into, { viewer: anna });
  const merges = async (personId: string) =>
    (await here.bus.call(inbox.list_client_merges, { viewer: { personId, role: 'manager' } })).items.length;
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(into), personId: 'anna' });
  for (const { chatId } of (await here.bus.call(inbox.list_chats, { customerId })).items)
    await here.bus.call(inbox.assign_chat, { chatId, personId: 'anna' });
  expect([await merges('anna'), await merges('boris')]).toEqual([1, 0]);
});

test('the people in charge of the chats of one are in charge of the phone of the other', async () => {
  const { customerId, into } = await two();
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(customerId), personId: 'anna' });
  await here.bus.call(inbox.assign_chat, { chatId: await chatOf(into), personId: 'boris' });
  await merge(customerId, into);
  await until(async () => {
    const last = (await events(inbox.phone_owners_changed.address)).at(-1);
    return JSON.stringify(last?.personIds) === '["anna","boris"]' && last?.phoneNumber === phone;
  });
});

test('an erasure of one erases the other too', async () => {
  const { customerId, into } = await two();
  await merge(customerId, into);
  expect((await here.bus.call(inbox.erase_person, { customerId })).messages).toBe(2);
  const rows = await here.store.query<{ name: string; phone: string | null }>('select name, phone_number as phone from collector.users');
  expect(rows).toEqual([1, 2].map(() => ({ name: '', phone: null })));
  expect((await here.bus.call(inbox.list_messages, {})).items.map(({ text }) => text)).toEqual(['', '']);
});

test.each(['old', 'other', 'third'] as const)('a customer whom the channel merges stays merged, where %s was the client', async (root) => {
  await write(
    { text: 'а', chat: '1', from: '1', name: 'old' },
    { text: 'б', chat: '2', from: '2', name: 'other' },
    { text: 'в', chat: '3', from: '3', name: 'third' },
  );
  const ids = { old: await idOf('old'), other: await idOf('other'), third: await idOf('third') };
  for (const each of ['old', 'third', 'other'] as const) if (each !== root) await merge(ids[each], ids[root]);
  await here.store.transaction((tx) =>
    movePerson(tx, 'telegram', { from: '1', to: { externalId: '2', phoneNumber: null }, isFormer: false }),
  );
  const clients = await list();
  expect(clients).toHaveLength(1);
  expect(clients[0]).toMatchObject({ messages: 3, customerId: root === 'third' ? ids.third : ids.other });
});
