import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService });
});
afterAll(async () => {
  await here.stop();
  await it.close();
});
const refuse = (chatId: string, isGiven = false) => here.bus.call(consents.set_consent, { chatId, isGiven }, { key: crypto.randomUUID() });
/** Somebody known by phone in one chat and by a user id in another, and two ways in which it is told that they are one. */
async function somebody(n: number) {
  const [phone, userId] = [`7999000000${n}`, `RU.1349120865530274191${n}`];
  const known = await it.writes({ phone });
  const hidden = await it.writes({ userId });
  expect(hidden.chatId).not.toBe(known.chatId);
  const status = { id: `wamid.${n}`, status: 'sent', timestamp: '1790000000', recipient_id: phone, recipient_user_id: userId };
  return {
    ...{ known: known.chatId, hidden: hidden.chatId },
    writesUnderBoth: () => it.whatsapp.say({ phone, userId }, 'Мой номер снова виден'),
    statusNamesBoth: () => it.whatsapp.deliver({ statuses: [status] }),
  };
}
const merged = (chatId: string) =>
  it.when(async () => (await here.store.query('select from sender.consents where chat_id = $1', [chatId])).length === 0);

test('who asked us not to write in the one chat is not written to in the other, once they are known to be one person', async () => {
  const { known, hidden, statusNamesBoth } = await somebody(1);
  const { id } = await it.send(hidden, 'Скидка до пятницы');
  await refuse(known);
  statusNamesBoth();
  expect(await it.comes(id, 'failed')).toMatchObject({ chatId: known, reason: 'stale' });
  await expect(it.send(hidden, 'Ещё скидка')).rejects.toMatchObject({ reason: 'opted_out' });
  await expect(it.send(known, 'Ещё одна')).rejects.toMatchObject({ reason: 'opted_out' });
  const { items } = await here.bus.call(consents.list_consents, { chatId: known });
  expect(items).toMatchObject([{ isGiven: false }]);
});

test('who agreed again after the refusal is written to', async () => {
  const { known, hidden, statusNamesBoth } = await somebody(2);
  await refuse(hidden);
  await refuse(known, true);
  statusNamesBoth();
  await merged(hidden);
  await expect(it.send(known, 'Ваш букет готов')).resolves.toMatchObject({ state: 'pending' });
});

test('a draft for the one chat is out of date when the customer writes in the other', async () => {
  const { hidden, writesUnderBoth } = await somebody(3);
  const { id } = await it.send(hidden, 'Ждём вас');
  writesUnderBoth();
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
});

/** Somebody known by phone whose number changes. */
async function mover(n: number) {
  const [phone, to] = [`7999000010${n}`, `7999000020${n}`];
  const { chatId } = await it.writes({ phone });
  const system = { type: 'user_changed_number', body: 'Другой номер', wa_id: to };
  const message = { from: phone, id: `wamid.move${n}`, timestamp: String(Math.floor(Date.now() / 1000)), type: 'system', system };
  return { to, chatId, moves: () => it.whatsapp.deliver({ messages: [message] }) };
}

test('a draft to a number that the customer gave up is out of date, and what is written anew goes to the new one', async () => {
  const { to, chatId, moves } = await mover(1);
  const { id } = await it.send(chatId, 'Ваш заказ готов');
  moves();
  expect(await it.comes(id, 'failed')).toMatchObject({ chatId, reason: 'stale' });
  const anew = await it.send(chatId, 'Ваш заказ собран');
  expect(await it.row(anew.id)).toMatchObject({ input: { to } });
});

test.each([
  [2, 'before'],
  [3, 'after'],
])('who asked us not to write is not written to under another number (%i: %s we know it)', async (n, when) => {
  const { to, chatId, moves } = await mover(n);
  await refuse(chatId);
  const other = when === 'after' ? (await it.writes({ phone: to })).chatId : chatId;
  moves();
  await it.when(async () => (await here.bus.call(inbox.chat_context, { chatId })).chat.externalId === to);
  if (other !== chatId) await merged(chatId);
  await expect(it.send(other, `Скидка ${n}`)).rejects.toMatchObject({ reason: 'opted_out' });
});
