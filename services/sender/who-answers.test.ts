import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BusHost, createBus } from '../../bus/bus.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

let here: World;
let it: Fixture;
/** A program that calls over HTTP; the test's own bus is the command line, at which a person sits. */
let gateway: BusHost;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
beforeAll(async () => {
  here = await world();
  it = await fixture(here, { collector, journal: journalService }, { settings: { SENDER_APPROVAL_WHATSAPP: 'none' } });
  gateway = createBus({ transport: await here.broker.connect('gateway'), name: 'gateway', log: quiet });
});
afterAll(async () => {
  await gateway.close();
  await here.stop();
  await it.close();
});
const program = (chatId: string, text: string, rest: object = {}) =>
  gateway.call(messages.send_message, { chatId, text, onBehalfOf: 'shop/pk_00000000', ...rest }, { key: text });
const setOwner = (chatId: string, owner: 'bot' | 'human' | 'off') => here.bus.call(inbox.set_chat_owner, { chatId, owner });
const ownerOf = async (chatId: string) => (await here.bus.call(inbox.chat_context, { chatId })).chat.owner;
const sentTo = (chat: number) => it.telegram.sent.filter(({ chatId }) => chatId === chat).map(({ text }) => text);

test('a draft says whether a person or a program wrote it, and which', async () => {
  const { chatId } = await it.says(it.somebody());
  const pipeline = createBus({ transport: await here.broker.connect('pipelines'), name: 'pipelines', log: quiet });
  const onBehalfOf = 'shop/pk_00000000/anna';
  const written = [
    [await program(chatId, 'От программы'), 'program', 'gateway:shop/pk_00000000'],
    [await program(chatId, 'От человека с ключом', { onBehalfOf }), 'person', `gateway:${onBehalfOf}`],
    [await it.send(chatId, 'От человека'), 'person', 'operator'],
    [await it.send(chatId, 'От него же', 'key', { onBehalfOf: 'anna' }), 'person', 'operator:anna'],
    // Only the gateway proves whose key it is.
    [
      await pipeline.call(messages.send_message, { chatId, text: 'Мнимое', onBehalfOf }, { key: 'm' }),
      'program',
      `pipelines:${onBehalfOf}`,
    ],
  ] as const;
  await pipeline.close();
  const { items } = await here.bus.call(journal.list, { view: 'approvals', show: 'revealed' });
  const inputOf = (id: string) => items.find((one) => one.id === id)?.input;
  for (const [{ id }, author, writtenBy] of written) expect(inputOf(id)).toMatchObject({ author, writtenBy });
  // So does the message in the chat, with its approver.
  await it.approve(written[0][0].id);
  const sent = await it.when(async () =>
    (await here.bus.call(inbox.list_messages, { chatId })).items.find(({ text }) => text === 'От программы'),
  );
  expect(sent).toMatchObject({ writtenBy: 'gateway:shop/pk_00000000', approvedBy: ['operator'] });
});

test('a chat that staff has for a set time goes back to the bot by itself, and at once when it is set back', async () => {
  const { chatId } = await it.says(it.somebody());
  const forMs = 1_500;
  expect(await here.bus.call(inbox.set_chat_owner, { chatId, owner: 'human', forMs })).toMatchObject({ owner: 'human' });
  expect(await ownerOf(chatId)).toBe('human');
  await it.when(async () => (await ownerOf(chatId)) === 'bot');
  await here.bus.call(inbox.set_chat_owner, { chatId, owner: 'human', forMs: 86_400_000 });
  expect(await setOwner(chatId, 'bot')).toMatchObject({ owner: 'bot' });
  expect(await ownerOf(chatId)).toBe('bot');
});

test('where nobody answers nothing is drafted, by person or program, and what waits is outdated, until that is lifted', async () => {
  const vera = it.somebody();
  const { chatId } = await it.says(vera);
  const { id } = await it.send(chatId, 'До запрета');
  await setOwner(chatId, 'off');
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'stale' });
  await expect(it.approve(id)).rejects.toMatchObject({ reason: 'stale', message: expect.stringContaining('turned off answers') });
  await expect(it.send(chatId, 'Человек')).rejects.toMatchObject({ code: 'conflict', reason: 'chat_off' });
  await expect(program(chatId, 'Программа')).rejects.toMatchObject({ code: 'conflict', reason: 'chat_off' });
  await setOwner(chatId, 'bot');
  await it.when(async () => (await here.store.query(`select from sender.chats where chat_id = $1 and owner = 'bot'`, [chatId]))[0]);
  const after = await it.send(chatId, 'После запрета');
  await it.approve(after.id);
  await it.comes(after.id, 'sent');
  expect(sentTo(vera)).toEqual(['После запрета']);
});

test('a chat that is turned off between the approval and the attempt gets nothing', async () => {
  const gleb = it.somebody();
  const { chatId } = await it.says(gleb);
  await here.bus.call(journal.pause, { method: messages.deliver.address });
  const { id } = await it.send(chatId, 'Не уйдёт');
  await it.approve(id);
  await here.store.query(`update sender.chats set owner = 'off' where chat_id = $1`, [chatId]);
  await here.bus.call(journal.resume, { method: messages.deliver.address });
  expect(await it.comes(id, 'failed')).toMatchObject({ reason: 'chat_off' });
  expect(sentTo(gleb)).toEqual([]);
});

test('while a person answers, what a program writes waits for approval even where the policy asks for none', async () => {
  const { chatId } = await it.writes({ phone: '79990000101' });
  expect(await program(chatId, 'Бот отвечает')).toMatchObject({ state: 'queued' });
  await setOwner(chatId, 'human');
  expect(await program(chatId, 'Бот предлагает')).toMatchObject({ state: 'pending' });
  expect(await it.send(chatId, 'Человек отвечает')).toMatchObject({ state: 'queued' });
});

test('who takes a chat over outdates the drafts in it; to take it again outdates none', async () => {
  const { chatId } = await it.says(it.somebody());
  const before = await program(chatId, 'Черновик до');
  await setOwner(chatId, 'human');
  expect(await it.comes(before.id, 'failed')).toMatchObject({ reason: 'stale' });
  const after = await program(chatId, 'Черновик после');
  await setOwner(chatId, 'human');
  await it.approve(after.id);
  await it.comes(after.id, 'sent');
});

test('the answer of a person that goes out outdates older drafts, not younger ones, and the chat is theirs for a while', async () => {
  const dina = it.somebody();
  const { chatId, messageId } = await it.says(dina, 'Когда привезут?');
  const older = await program(chatId, 'Привезут завтра');
  const answer = await it.send(chatId, 'Уже едет');
  const younger = await it.send(chatId, 'И открытка с ним');
  await it.approve(answer.id);
  await it.comes(answer.id, 'sent');
  expect(await it.comes(older.id, 'failed')).toMatchObject({ reason: 'stale' });
  await expect(program(chatId, 'Привезут завтра же', { answers: messageId })).rejects.toMatchObject({ reason: 'stale' });
  await it.when(async () => (await ownerOf(chatId)) === 'human');
  await it.approve(younger.id);
  await it.comes(younger.id, 'sent');
  expect(sentTo(dina)).toEqual(['Уже едет', 'И открытка с ним']);
});
