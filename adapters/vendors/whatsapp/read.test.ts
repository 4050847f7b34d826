import { expect, test } from '@jest/globals';
import { Content } from '../../../contracts/content.ts';
import { changesOf, partsOf } from './read.ts';

const contact = { profile: { name: 'Анна' }, wa_id: '79995553322' };
const base = { from: '79995553322', id: 'wamid.1', timestamp: '1790000000' };
const parts = (message: object) => partsOf({ message: { ...base, ...message }, contact }).filter(({ is }) => is !== 'alias');
function read(fields: object) {
  const part = parts(fields).find(({ is }) => is === 'message');
  if (part?.is !== 'message') throw new Error('no message');
  return part.message;
}

const order = {
  type: 'order',
  order: {
    catalog_id: 'cat1',
    text: 'Доставьте к 18:00',
    product_items: [
      { product_retailer_id: 'rose-red', quantity: 25, item_price: 120.5, currency: 'RUB' },
      { product_retailer_id: 'wrap', quantity: '1', item_price: '300', currency: 'RUB' },
    ],
  },
};
test('an order of the catalog keeps its products, quantities, prices and words', () => {
  const { text, content } = read(order);
  expect(text).toBe('Доставьте к 18:00');
  expect(content).toEqual([
    {
      type: 'order',
      line: 'Заказ из каталога: rose-red × 25 по 120,50 ₽; wrap × 1 по 300 ₽; итого 3 312,50 ₽',
      catalogId: 'cat1',
      items: [
        { productId: 'rose-red', quantity: 25, price: { amountMinor: 12_050, currency: 'RUB' } },
        { productId: 'wrap', quantity: 1, price: { amountMinor: 30_000, currency: 'RUB' } },
      ],
      total: { amountMinor: 331_250, currency: 'RUB' },
    },
  ]);
  const mixed = { ...order.order, product_items: [...order.order.product_items, { product_retailer_id: 'x', quantity: 1 }] };
  expect(read({ type: 'order', order: mixed }).content).toMatchObject([{ total: null }]);
});

test.each([
  [
    'location',
    { type: 'location', location: { latitude: 55.75, longitude: 37.61, name: 'Кафе', address: 'Тверская, 1' } },
    'Геопозиция: Кафе, Тверская, 1 (55.75, 37.61)',
  ],
  [
    'contact',
    {
      type: 'contacts',
      contacts: [{ name: { formatted_name: 'Пётр' }, phones: [{ phone: '+7 999 000-11-22' }], emails: [{ email: 'p@example.org' }] }],
    },
    'Контакт: Пётр, +7 999 000-11-22, p@example.org',
  ],
  [
    'choice',
    { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'slot-7', title: 'В 10:00' } } },
    'Кнопка: В 10:00',
  ],
  [
    'choice',
    { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'slot-8', title: 'В 11:00', description: 'У Ольги' } } },
    'Выбрано: В 11:00 — У Ольги',
  ],
  ['choice', { type: 'button', button: { payload: 'confirm-12', text: 'Подтверждаю' } }, 'Кнопка: Подтверждаю'],
  [
    'choice',
    { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Отправлено', response_json: '{"a":1}' } } },
    'Форма: Отправлено',
  ],
  ['file', { type: 'document', document: { id: 'm1', mime_type: 'application/pdf', filename: 'счёт.pdf' } }, 'Файл: счёт.pdf'],
  ['file', { type: 'video', video: { id: 'm1', mime_type: 'video/mp4' } }, 'Видео'],
  ['sticker', { type: 'sticker', sticker: { id: 'm1', mime_type: 'image/webp' } }, 'Стикер'],
  ['unknown', { type: 'hologram', hologram: {} }, 'Сообщение неизвестного вида: hologram'],
  ['unknown', { type: 'interactive', interactive: { type: 'telepathy' } }, 'Сообщение неизвестного вида: interactive.telepathy'],
] as const)('%s of a message is kept, in the shape of the contract and with a line for people', (type, fields, line) => {
  const { content } = read(fields);
  expect(content.map((part) => [part.type, part.line])).toEqual([[type, line]]);
  expect(content.map((part) => Content.parse(part))).toEqual(content);
});

test('a choice keeps the id of its option', () => {
  const id = (fields: object) => read(fields).content.flatMap((part) => (part.type === 'choice' ? [part.id] : []));
  expect(id({ type: 'interactive', interactive: { list_reply: { id: 'slot-8', title: 'В 11:00' } } })).toEqual(['slot-8']);
  expect(id({ type: 'button', button: { payload: 'confirm-12', text: 'Да' } })).toEqual(['confirm-12']);
});

test('a chosen option is a press beside its message; the answers of a form, an edit and a message of the business are none', () => {
  const presses = (piece: object) => partsOf(piece).flatMap((part) => (part.is === 'button' ? [part.press] : []));
  const context = { from: '15550001', id: 'wamid.of-ours' };
  const list = { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: 'slot-8', title: 'В 11:00' } }, context };
  const reply = { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'x'.repeat(300), title: 'Да' } } };
  const template = { type: 'button', button: { payload: 'confirm-12', text: 'Да' } };
  const form = {
    type: 'interactive',
    interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow', body: 'Отправлено', response_json: '{}' } },
  };
  const edit = { type: 'edit', edit: { original_message_id: 'wamid.0', message: list } };
  const said = (fields: object) => presses({ message: { ...base, ...fields }, contact });
  expect(said(list)).toEqual([
    {
      ...{ chatExternalId: base.from, messageExternalId: 'wamid.of-ours', pressExternalId: 'wamid.1', queryId: null },
      ...{ data: 'slot-8', title: 'В 11:00', person: expect.objectContaining({ externalId: base.from }) },
    },
  ]);
  expect([reply, template, form, edit].map((each) => said(each).map(({ data }) => data.slice(0, 12)))).toEqual([
    ['xxxxxxxxxxxx'],
    ['confirm-12'],
    [],
    [],
  ]);
  expect(said(reply)[0]?.data).toHaveLength(256);
  expect(presses({ echo: { ...base, ...list, to: base.from }, contact })).toEqual([]);
});

test('a card is the own one of its sender when each of its phones is the sender and it is not forwarded', () => {
  const own = { phone: '+7 999 555-33-22', wa_id: base.from };
  const isOwn = (phones: readonly object[], more: object = {}) =>
    read({ type: 'contacts', contacts: [{ name: { formatted_name: 'Анна' }, phones }], ...more }).content.map(
      (part) => part.type === 'contact' && part.isOwn,
    );
  expect(isOwn([own])).toEqual([true]);
  expect(isOwn([{ wa_id: base.from }])).toEqual([true]);
  expect(isOwn([{ ...own, phone: '8 (999) 555-33-22' }])).toEqual([true]);
  const foreign = [
    [],
    [{ phone: own.phone }],
    [{ ...own, phone: '+7 999 000-11-22' }],
    [own, { wa_id: '79990001122' }],
    [{ wa_id: '79990001122' }],
  ];
  for (const phones of foreign) expect(isOwn(phones)).toEqual([false]);
  for (const context of [{ forwarded: true }, { frequently_forwarded: true }]) expect(isOwn([own], { context })).toEqual([false]);
});

test('an advertisement and a product that a message came from are kept beside its words', () => {
  const referral = {
    source_type: 'ad',
    source_id: '1',
    source_url: 'https://fb.me/1',
    headline: 'Розы',
    body: '−20 %',
    ctwa_clid: 'click',
  };
  const context = { referred_product: { catalog_id: 'cat1', product_retailer_id: 'rose-red' } };
  expect(read({ type: 'text', text: { body: 'Сколько?' }, referral, context })).toMatchObject({
    text: 'Сколько?',
    content: [
      { type: 'product', productId: 'rose-red', line: 'Товар: rose-red' },
      { type: 'referral', source: 'ad', clickId: 'click', headline: 'Розы', line: 'Пришли по рекламе: Розы — https://fb.me/1' },
    ],
  });
});

test.each([
  ['a number as the time', { timestamp: 1_790_000_000 }],
  ['null in optional fields', { context: null, referral: null, image: null, system: null, group_id: null }],
  ['other types in optional fields', { context: 'x', contacts: 5, interactive: [], button: 1, errors: {} }],
  ['a bad part of a field', { context: { id: { a: 1 }, forwarded: 'yes', referred_product: [] } }],
])('%s loses no message', (_, fields) => {
  expect(read({ type: 'text', text: { body: 'ЖДУ КУРЬЕРА' }, ...fields })).toMatchObject({
    text: 'ЖДУ КУРЬЕРА',
    sentAt: 1_790_000_000_000,
  });
});

test('a bad profile loses its name alone', () => {
  const message = { ...base, type: 'text', text: { body: 'x' } };
  const [, part] = partsOf({ message, contact: { profile: { name: 7, username: [] }, wa_id: base.from } });
  expect(part).toMatchObject({ is: 'message', message: { sender: { name: '7', username: null } } });
});

test.each([
  ['without a time', { type: 'text', text: { body: 'x' }, timestamp: '' }, 'message.text'],
  ['with a time of no date', { type: 'text', text: { body: 'x' }, timestamp: '1795896400000' }, 'message.text'],
  ['without an id', { type: 'text', text: { body: 'x' }, id: null }, 'message.text'],
  ['of an unknown type', { type: 'hologram' }, 'message.hologram'],
  [
    'that WhatsApp does not pass on',
    { type: 'unsupported', errors: [{ code: 131051, title: 'Message type unknown' }] },
    'message.unsupported',
  ],
])('a message %s is named as unread', (_, fields, type) => {
  expect(parts(fields).filter(({ is }) => is === 'unread')).toEqual([{ is: 'unread', type }]);
});

test('what WhatsApp does not pass on is a notice with its reason', () => {
  expect(read({ type: 'unsupported', errors: [{ code: 131051, title: 'Message type unknown' }] })).toMatchObject({
    kind: 'service',
    text: '',
    content: [{ type: 'notice', of: 'unsupported', line: 'Сообщение, которое WhatsApp не передаёт (131051 Message type unknown)' }],
  });
});

test('a reaction, an edit and a withdrawal are no messages of their own', () => {
  expect(parts({ type: 'reaction', reaction: { message_id: 'wamid.0', emoji: '❤️' } })).toMatchObject([
    { is: 'reaction', externalId: 'wamid.0', emojis: ['❤️'], chat: { externalId: base.from } },
  ]);
  expect(parts({ type: 'reaction', reaction: { message_id: 'wamid.0' } })).toMatchObject([{ is: 'reaction', emojis: [] }]);
  expect(parts({ type: 'revoke', revoke: { original_message_id: 'wamid.0' } })).toMatchObject([
    { is: 'removal', externalIds: ['wamid.0'], at: 1_790_000_000_000 },
  ]);
  const edit = { original_message_id: 'wamid.0', message: { type: 'text', text: { body: 'Отмените' }, context: { id: 'M0' } } };
  expect(parts({ type: 'edit', edit })).toMatchObject([
    { is: 'message', message: { externalId: 'wamid.0', text: 'Отмените', editedAt: 1_790_000_000_000, kind: 'text' } },
  ]);
});

test('a message to a group is of the group, by its writer', () => {
  expect(read({ type: 'text', text: { body: 'x' }, group_id: 'Y2FwaV9ncm91cDox' })).toMatchObject({
    chat: { externalId: 'Y2FwaV9ncm91cDox', kind: 'group', title: null },
    sender: { externalId: base.from, name: 'Анна' },
  });
});

test('what the business writes in its own app is of the chat with the customer, and out', () => {
  const echo = { from: '74950000001', to: base.from, id: 'wamid.2', timestamp: '1790000000', type: 'text', text: { body: 'Уже едем' } };
  const value = { metadata: { phone_number_id: '5550001' }, message_echoes: [echo] };
  const body = { object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'smb_message_echoes', value }] }] };
  const [change] = changesOf(body);
  expect(change?.pieces.flatMap(partsOf).filter(({ is }) => is !== 'alias')).toMatchObject([
    {
      is: 'message',
      message: {
        chat: { externalId: base.from, kind: 'private' },
        sender: { externalId: '74950000001', firstRole: 'manager' },
        ...{ direction: 'out', text: 'Уже едем' },
      },
    },
  ]);
});

test('a change of another field is named as unread by it', () => {
  const body = { object: 'whatsapp_business_account', entry: [{ changes: [{ field: 'account_update', value: { event: 'X' } }] }] };
  expect(changesOf(body).flatMap(({ pieces }) => pieces.flatMap(partsOf))).toEqual([{ is: 'unread', type: 'account_update' }]);
});
