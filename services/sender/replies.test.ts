import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fsBlobs } from '../../adapters/blob/fs.ts';
import { consents } from '../../contracts/consents.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf, PayloadOf } from '../../contracts/kit/define.ts';
import { messages } from '../../contracts/messages.ts';
import { type World, world } from '../../test/kit/world.ts';
import collector from '../collector/service.ts';
import journalService from '../journal/service.ts';
import { type Fixture, fixture } from './fixture.ts';

const token = '7001:AAAA-test';
let here: World;
let it: Fixture;
let BLOB_DIR: string;
beforeAll(async () => {
  BLOB_DIR = await mkdtemp(join(tmpdir(), 'polyb-blobs-'));
  here = await world();
  it = await fixture(here, { collector, journal: journalService }, { settings: { BLOB_DIR } });
});
afterAll(async () => {
  await here.stop();
  await it.close();
  await rm(BLOB_DIR, { recursive: true, force: true });
});

function fail(why: string): never {
  throw new Error(why);
}
type Reply = InputOf<typeof messages.send_reply>;
let nth = 0;
const reply = (chatId: string, more: Partial<Reply> = {}) =>
  here.bus.call(messages.send_reply, { chatId, text: 'Во сколько?', mode: 'auto', ...more }, { key: `reply ${++nth}` });
const yesNo = {
  as: 'buttons' as const,
  options: [
    { id: 'yes', title: 'Да' },
    { id: 'no', title: 'Нет' },
  ],
};
const hours = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `slot:${n}`, title: `В ${n}:00` }));
const out = (chatId: string) =>
  it.when(async () => (await here.bus.call(inbox.list_messages, { chatId })).items.find(({ direction }) => direction === 'out'));
const pressed = (data: string) =>
  it.when(async () => {
    const [row] = await here.store.query<{ payload: PayloadOf<typeof inbox.button_pressed> }>(
      `select payload from journal.events where event = $1 and payload->>'data' = $2 order by id desc limit 1`,
      [inbox.button_pressed.address, data],
    );
    return row?.payload;
  });
/** The press is answered, and what follows from it is done. */
const settled = (press: { readonly id: string }) =>
  it.when(async () => {
    const rows = await here.store.query(`select from journal.rows where method = $1 and input->>'queryId' = $2 and state = 'done'`, [
      messages.settle_press.address,
      press.id,
    ]);
    return rows.length > 0;
  });
const screen = (chat: number) => it.telegram.screen(token, chat).at(-1) ?? fail('nothing is on the screen');

test('options go out without approval in the mode auto; each press is answered with its title, and takes the keyboard away', async () => {
  const anna = it.somebody();
  const { chatId } = await it.says(anna);
  const { id, state } = await reply(chatId, { choices: yesNo });
  expect(state).toBe('queued');
  await it.comes(id, 'sent');
  const options = yesNo.options.map((option) => ({ ...option, description: null }));
  expect(await out(chatId)).toMatchObject({
    ...{ text: 'Во сколько?', kind: 'text' },
    content: [{ type: 'options', as: 'buttons', line: 'Кнопки: Да; Нет', options }],
  });
  const message = screen(anna);
  const [once, twice] = [it.telegram.press(token, anna, message, 'Да'), it.telegram.press(token, anna, message, 'Да')];
  for (const press of [once, twice]) await settled(press);
  expect([once.answer, twice.answer]).toEqual([
    { text: 'Да', isAlert: false },
    { text: 'Да', isAlert: false },
  ]);
  expect(screen(anna).buttons).toEqual([]);
  expect(await pressed('yes')).toMatchObject({ chatId, title: 'Да', messageId: null, messageExternalId: String(message.messageId) });
});

test('a press of a message that is not ours is answered and changes nothing; that of an approval is left to the journal', async () => {
  const [boris, vera] = [it.somebody(), it.somebody()];
  const { chatId } = await it.says(boris);
  await it.says(vera);
  await it.comes((await reply(chatId, { choices: yesNo })).id, 'sent');
  // The number of this message is that of another one in the chat of Boris.
  const shown = it.telegram.show(token, vera, screen(boris));
  const approval = it.telegram.press(token, vera, shown, 'Да', `a:row_1:${'x'.repeat(22)}`);
  const foreign = it.telegram.press(token, vera, shown, 'Да');
  await settled(foreign);
  expect(foreign.answer).toEqual({ text: 'Да', isAlert: false });
  expect(approval.answer).toBeUndefined();
  expect([screen(vera).buttons.length, screen(boris).buttons.length]).toEqual([2, 2]);
});

test('a press of an approval that names no message is answered here, since the journal cannot place it', async () => {
  const from = { id: it.somebody(), is_bot: false, first_name: 'К' };
  it.telegram.update(token, { callback_query: { id: 'placeless', from, chat_instance: '1', data: `a:row_1:${'x'.repeat(22)}` } });
  await settled({ id: 'placeless' });
});

test('a press that the channel refuses for ever is done, so that no operator is asked', async () => {
  const ivan = it.somebody();
  const { chatId } = await it.says(ivan);
  await it.comes((await reply(chatId, { choices: yesNo })).id, 'sent');
  it.telegram.order({ do: 'refuse', on: 'editMessageReplyMarkup', status: 403, description: 'Forbidden: bot was blocked by the user' });
  await settled(it.telegram.press(token, ivan, screen(ivan), 'Нет'));
});

test('a press in an erased chat is answered and leads to no chat', async () => {
  const olga = it.somebody();
  const { chatId, messageId } = await it.says(olga);
  await it.comes((await reply(chatId, { choices: { as: 'buttons', options: [{ id: 'erased', title: 'Да' }] } })).id, 'sent');
  const { sender } = await here.bus.call(inbox.get_message, { messageId });
  await here.bus.call(inbox.erase_person, { customerId: sender?.customerId ?? '' });
  await it.when(async () => (await here.store.query('select from sender.chats where chat_id = $1', [chatId])).length === 0);
  const press = it.telegram.press(token, olga, screen(olga), 'Да');
  await settled(press);
  expect(press.answer).toBeDefined();
  expect(await pressed('erased')).toMatchObject({ chatId: null });
  expect(screen(olga).buttons).toHaveLength(1);
});

test('a receipt reaches the customer although they have written since; a reply beside it becomes stale', async () => {
  const { chatId, messageId } = await it.says(it.somebody());
  const [receipt, plain] = [
    await reply(chatId, { text: 'Записали вас на 10:00', mode: 'draft', isReceipt: true }),
    await reply(chatId, { text: 'Чем помочь?', mode: 'draft' }),
  ];
  expect([receipt.state, plain.state]).toEqual(['pending', 'pending']);
  const { externalId } = (await here.bus.call(inbox.chat_context, { chatId })).chat;
  await it.says(Number(externalId), 'Подождите');
  expect(await it.comes(plain.id, 'failed')).toMatchObject({ reason: 'stale' });
  await it.approve(receipt.id);
  await it.comes(receipt.id, 'sent');
  await expect(reply(chatId, { text: 'поздно', answers: messageId })).rejects.toMatchObject({ reason: 'stale' });
  const late = await reply(chatId, { text: 'Перенесли на 11:00', answers: messageId, isReceipt: true });
  await it.comes(late.id, 'sent');
});

test('a receipt obeys all other rules: a refusal of messages, and a chat that is turned off', async () => {
  const { chatId } = await it.says(it.somebody());
  await here.bus.call(consents.set_consent, { chatId, isGiven: false }, { key: `refused ${chatId}` });
  await expect(reply(chatId, { isReceipt: true })).rejects.toMatchObject({ reason: 'opted_out' });
  await here.bus.call(consents.set_consent, { chatId, isGiven: true }, { key: `agreed ${chatId}` });
  await here.bus.call(inbox.set_chat_owner, { chatId, owner: 'off' });
  await expect(reply(chatId, { isReceipt: true })).rejects.toMatchObject({ reason: 'chat_off' });
});

test('in a chat that staff has taken over a reply in the mode auto waits for approval', async () => {
  const { chatId } = await it.says(it.somebody());
  await here.bus.call(inbox.set_chat_owner, { chatId, owner: 'human' });
  expect(await reply(chatId)).toMatchObject({ state: 'pending' });
});

test('WhatsApp pages a long list; the chosen row is a message and a press of it', async () => {
  const customer = { phone: '79990001234' };
  const { chatId } = await it.writes(customer);
  const list = { as: 'list', button: 'Время', options: hours(12), moreId: 'more', moreTitle: 'Позже' } as const;
  await it.comes((await reply(chatId, { choices: { ...list, options: [...list.options] } })).id, 'sent');
  const shown = [...hours(9), { id: 'more:9', title: 'Позже' }].map((option) => ({ ...option, description: null }));
  expect(await out(chatId)).toMatchObject({ content: [{ type: 'options', as: 'list', options: shown }] });
  const message = it.whatsapp.sent.at(-1) ?? fail('nothing was sent');
  it.whatsapp.choose(customer, message, 'В 3:00');
  const press = await pressed('slot:3');
  expect(press).toMatchObject({ chatId, title: 'В 3:00', queryId: null, messageExternalId: message.id });
  expect(await here.bus.call(inbox.get_message, { messageId: press.messageId ?? '' })).toMatchObject({
    ...{ chatId, text: 'В 3:00', replyToExternalId: message.id },
    content: [{ type: 'choice', of: 'list', id: 'slot:3' }],
  });
});

test('a channel that cannot show a message whole refuses it with its limit, and nothing is drafted', async () => {
  const { chatId } = await it.writes({ phone: '79990001235' });
  const blob = { blobId: 'blob_none', bytes: 5_000_001, contentType: 'image/png' };
  const [image, options] = [{ kind: 'image' as const, blob }, hours(11)];
  const refused = async (more: Partial<Reply>) =>
    reply(chatId, more).then(
      () => fail('it was drafted'),
      ({ reason, message }: { reason: string; message: string }) => [reason, /\d[\d_]*/.exec(message)?.[0]],
    );
  expect(await refused({ text: 'x'.repeat(1025), choices: yesNo })).toEqual(['text_too_long', '1024']);
  expect(await refused({ choices: { as: 'buttons', options } })).toEqual(['too_many_options', '10']);
  expect(await refused({ media: image })).toEqual(['media_too_large', '5000000']);
  expect(await refused({ choices: yesNo, media: { ...image, blob: { ...blob, bytes: 1 } } })).toEqual(['not_together', undefined]);
});

test('a file goes out with its text, and is read like any other file; one that is no longer stored is not sent', async () => {
  const anna = it.somebody();
  const { chatId } = await it.says(anna);
  const bytes = randomBytes(600_000);
  await fsBlobs({ BLOB_DIR }).put('blob_price', Readable.from([bytes]), AbortSignal.timeout(10_000));
  const media = {
    kind: 'document' as const,
    blob: { blobId: 'blob_price', bytes: bytes.length, contentType: 'application/pdf' },
    name: 'Прайс.pdf',
  };
  await it.comes((await reply(chatId, { text: 'Наш прайс', media })).id, 'sent');
  expect(Buffer.compare(screen(anna).file?.bytes ?? new Uint8Array(), bytes)).toBe(0);
  const message = await it.when(async () => {
    const found = await out(chatId);
    return found.files[0]?.isKept && found;
  });
  expect(message).toMatchObject({
    ...{ text: 'Наш прайс', kind: 'document', content: [{ type: 'file', line: 'Файл: Прайс.pdf' }] },
    files: [{ kind: 'document', name: 'Прайс.pdf', contentType: 'application/pdf', bytes: bytes.length }],
  });
  await fsBlobs({ BLOB_DIR }).remove('blob_price', AbortSignal.timeout(10_000));
  const part = { messageId: message.messageId, n: 0, offset: 500_000, length: 100_000 };
  expect(Buffer.compare((await here.bus.call(inbox.read_file, part)).body, bytes.subarray(500_000))).toBe(0);
  const gone = await reply(chatId, { text: 'Ещё раз', media });
  expect(await it.comes(gone.id, 'failed')).toMatchObject({ reason: 'media_gone' });
  await fsBlobs({ BLOB_DIR }).put('blob_price', Readable.from([bytes, bytes]), AbortSignal.timeout(10_000));
  const other = await reply(chatId, { text: 'Другой файл', media });
  expect(await it.comes(other.id, 'failed')).toMatchObject({ reason: 'media_gone' });
});

test('the site reads the options with the message, and names the chosen one', async () => {
  const put = (input: InputOf<typeof inbox.put_message>) => here.bus.call(inbox.put_message, input, { key: `put ${++nth}` });
  const { chatId } = await put({ from: 'visitor-1', text: 'Привет' });
  await it.comes((await reply(chatId, { choices: { as: 'list', button: 'Время', options: hours(40) } })).id, 'sent');
  expect(await out(chatId)).toMatchObject({ content: [{ type: 'options', options: { length: 40 } }] });
  const { messageId } = await put({ from: 'visitor-1', text: 'В 33:00', choice: 'slot:33' });
  expect(await pressed('slot:33')).toMatchObject({ chatId, messageId, channel: 'site', title: 'В 33:00', queryId: null });
  expect(await here.bus.call(inbox.get_message, { messageId })).toMatchObject({ content: [{ type: 'choice', id: 'slot:33' }] });
});
