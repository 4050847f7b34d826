import { expect, test } from '@jest/globals';
import { Content } from '../../../contracts/content.ts';
import type { ReadPart } from '../../channel/port.ts';
import { readUpdate } from './read.ts';

const date = 1_790_000_000;
const anna = { id: 42, is_bot: false, first_name: 'Анна', last_name: 'Петрова' };
const chat = { id: 42, type: 'private', first_name: 'Анна' };
const parts = (fields: object): readonly ReadPart[] => readUpdate('7001', JSON.stringify({ update_id: 1, ...fields })).parts;
const message = (fields: object) => ({ message_id: 5, date, chat, from: anna, ...fields });
function read(fields: object) {
  const [part] = parts({ message: message(fields) });
  if (part?.is !== 'message') throw new Error(`read as ${part?.is}`);
  return part.message;
}
const file = { file_id: 'f1', file_unique_id: 'u1', file_size: 10 };

test.each([
  ['location', { location: { latitude: 55.75, longitude: 37.61 } }, 'Геопозиция: 55.75, 37.61'],
  [
    'location',
    {
      venue: { location: { latitude: 55.75, longitude: 37.61 }, title: 'Кафе', address: 'Тверская, 1' },
      location: { latitude: 55.75, longitude: 37.61 },
    },
    'Геопозиция: Кафе, Тверская, 1 (55.75, 37.61)',
  ],
  ['contact', { contact: { phone_number: '79990001122', first_name: 'Пётр', user_id: 43 } }, 'Контакт: Пётр, 79990001122'],
  ['sticker', { sticker: { ...file, emoji: '🌹', set_name: 'roses' } }, 'Стикер 🌹'],
  ['dice', { dice: { emoji: '🎲', value: 4 } }, '🎲 4'],
  [
    'poll',
    { poll: { question: 'Какой цвет?', options: [{ text: 'Белый', voter_count: 2 }, { text: 'Красный' }] } },
    'Опрос: Какой цвет? (Белый; Красный)',
  ],
  [
    'checklist',
    {
      checklist: {
        title: 'Свадьба',
        tasks: [
          { id: 1, text: 'Букет', completion_date: date },
          { id: 2, text: 'Арка', completion_date: 0 },
        ],
      },
    },
    'Список «Свадьба»: ☑ Букет; ☐ Арка',
  ],
  ['web_app', { web_app_data: { button_text: 'Корзина', data: '{"розы":25}' } }, 'Данные из приложения «Корзина»: {"розы":25}'],
  ['invoice', { invoice: { title: 'Букет', description: 'Розы', currency: 'RUB', total_amount: 250_050 } }, 'Счёт: Букет, 2 500,50 ₽'],
  ['payment', { successful_payment: { currency: 'RUB', total_amount: 250_000, invoice_payload: 'z1' } }, 'Оплачено: 2 500 ₽'],
  ['payment', { refunded_payment: { currency: 'RUB', total_amount: 250_000 } }, 'Возврат платежа: 2 500 ₽'],
  ['game', { game: { title: 'Цветы', description: 'Лопни шар' } }, 'Игра: Цветы'],
  ['story', { story: { id: 3, chat: { id: 9, type: 'private', first_name: 'Оля', username: 'olya' } } }, 'История: Оля'],
  ['file', { document: { ...file, file_name: 'счёт.pdf', mime_type: 'application/pdf' } }, 'Файл: счёт.pdf'],
  ['file', { photo: [{ ...file, file_id: 'small' }, file] }, 'Фото'],
  ['file', { animation: file, document: file }, 'Анимация'],
  ['file', { video_note: { ...file, duration: 3 } }, 'Видеосообщение'],
  ['notice', { new_chat_members: [anna] }, 'Вошли в чат: Анна Петрова'],
  ['notice', { forum_topic_closed: {} }, 'Событие: forum_topic_closed'],
  ['unknown', { hologram: { depth: 3 } }, 'Сообщение неизвестного вида: hologram'],
] as const)('%s of a message is kept, in the shape of the contract and with a line for people', (type, fields, line) => {
  const { text, content } = read(fields);
  expect([text, content.map((part) => [part.type, part.line])]).toEqual(['', [[type, line]]]);
  expect(content.map((part) => Content.parse(part))).toEqual(content);
});

test('a forward, a quote, links and a story stand beside the words', () => {
  const { text, content, isForwarded } = read({
    text: 'Вот тут 🌹 прайс',
    entities: [
      { type: 'text_link', offset: 11, length: 5, url: 'https://example.org/price' },
      { type: 'bold', offset: 0, length: 3 },
      { type: 'text_link', offset: 900, length: 5, url: 'https://example.org/out' },
    ],
    forward_origin: { type: 'channel', chat: { id: -1009, type: 'channel', title: 'Опт', username: 'opt' }, message_id: 7, date },
    external_reply: { origin: { type: 'hidden_user', sender_user_name: 'Игорь', date }, sticker: { ...file, emoji: '👍' } },
    reply_to_story: { id: 3, chat: { id: 9, type: 'private', first_name: 'Оля' } },
  });
  expect([text, isForwarded]).toEqual(['Вот тут 🌹 прайс', true]);
  expect(content).toEqual([
    expect.objectContaining({ type: 'forward', of: 'channel', from: 'Опт', url: 'https://t.me/opt/7', at: '2026-09-21T14:13:20.000Z' }),
    expect.objectContaining({ type: 'quote', text: 'Стикер 👍', from: 'Игорь' }),
    expect.objectContaining({ type: 'story', from: 'Оля', url: null }),
    expect.objectContaining({ type: 'link', text: 'прайс', url: 'https://example.org/price' }),
  ]);
  expect(read({ text: 'да', quote: { text: 'завтра?', position: 0 } }).content).toEqual([
    { type: 'quote', text: 'завтра?', from: null, line: 'Цитата: завтра?' },
  ]);
});

test('files of every kind are listed with what is known of them', () => {
  const of = (fields: object) => read(fields).files;
  expect(of({ document: { ...file, file_name: 'счёт.pdf', mime_type: 'application/pdf; x=1' } })).toEqual([
    { id: 'f1', kind: 'document', name: 'счёт.pdf', contentType: 'application/pdf', bytes: 10, durationMs: null },
  ]);
  expect(of({ photo: [{ ...file, file_id: 'small' }, file] })).toEqual([
    { id: 'f1', kind: 'photo', name: null, contentType: 'image/jpeg', bytes: 10, durationMs: null },
  ]);
  const kinds = Object.entries({ voice: 'voice', audio: 'audio', video: 'video', video_note: 'round_video', sticker: 'sticker' });
  expect(kinds.map(([field]) => of({ [field]: { ...file, duration: 2 } })[0])).toEqual(
    kinds.map(([, kind]) => expect.objectContaining({ kind, durationMs: 2000 })),
  );
  expect(of({ animation: file, document: file }).map(({ kind }) => kind)).toEqual(['animation']);
  expect(of({ paid_media: { star_count: 1, paid_media: [{ type: 'photo', photo: [file] }, { type: 'preview' }] } })).toHaveLength(1);
});

test('one bad field loses nothing but itself', () => {
  const bad = {
    media_group_id: null,
    reply_to_message: 7,
    forward_origin: 'x',
    entities: [null, { type: 'text_link' }],
    quote: 5,
    photo: 'x',
  };
  expect(read({ text: 'Хочу розы', ...bad })).toMatchObject({ text: 'Хочу розы', albumId: null, replyTo: null, content: [], files: [] });
  expect(read({ text: { a: 1 }, location: { latitude: 'x' } })).toMatchObject({ text: '', content: [{ type: 'unknown', of: 'location' }] });
});

test('the contact of oneself gives the phone, that of another and a forwarded one do not', () => {
  const contact = { phone_number: '7 999 000-11-22', first_name: 'Анна', user_id: 42 };
  const phone = (fields: object) => {
    const { sender, content } = read(fields);
    // The card states the same as the phone of its sender.
    expect(content).toMatchObject([{ type: 'contact', isOwn: sender?.phoneNumber !== null }, ...content.slice(1)]);
    return sender?.phoneNumber;
  };
  expect(phone({ contact })).toBe('+79990001122');
  expect(phone({ contact: { ...contact, user_id: 43 } })).toBeNull();
  expect(phone({ contact: { phone_number: '79990001122', first_name: 'Анна' } })).toBeNull();
  const forwards = [{ forward_origin: { type: 'user', sender_user: anna, date } }, { forward_date: date }, { is_automatic_forward: true }];
  for (const forward of forwards) expect(phone({ contact, ...forward })).toBeNull();
});

test('a press has the title of its button, and none if its data is that of no button', () => {
  const reply_markup = { inline_keyboard: [[{ text: 'Да', callback_data: 'yes' }], 'x', [5, { text: 7, callback_data: 'n' }]] };
  const shown = { message_id: 3, date, chat, text: 'Записать?', reply_markup };
  const title = (data: string, given: unknown = shown) =>
    parts({ callback_query: { id: 'q1', from: anna, message: given, data } }).map((part) => part.is === 'button' && part.press.title);
  expect([title('yes'), title('forged'), title('yes', { ...shown, reply_markup: 5 }), title('yes', null)]).toEqual([
    ['Да'],
    [null],
    [null],
    [null],
  ]);
});

test('a live location that moves is the place of its message, and no message', () => {
  const location = { latitude: 55.75, longitude: 37.61, live_period: 900 };
  expect(read({ location }).content).toEqual([expect.objectContaining({ type: 'location', isLive: true })]);
  const moved = parts({ edited_message: message({ location: { ...location, latitude: 55.76 }, edit_date: date + 60 }) });
  expect(moved).toEqual([
    expect.objectContaining({
      is: 'position',
      externalId: '5',
      place: expect.objectContaining({ latitude: 55.76, at: '2026-09-21T14:14:20.000Z' }),
    }),
  ]);
  const ended = parts({ edited_message: message({ location: { latitude: 55.76, longitude: 37.61 }, edit_date: date + 90 }) });
  expect(ended).toEqual([expect.objectContaining({ is: 'position', place: expect.objectContaining({ isLive: false }) })]);
});

test('a reaction is no message', () => {
  const reaction = {
    chat,
    message_id: 5,
    date,
    user: anna,
    old_reaction: [],
    new_reaction: [{ type: 'emoji', emoji: '❤' }, { type: 'paid' }],
  };
  expect(parts({ message_reaction: reaction })).toEqual([
    expect.objectContaining({ is: 'reaction', externalId: '5', emojis: ['❤', '⭐'], at: date * 1000 }),
  ]);
});

test.each([
  ['an update of an unknown type', { shiny: {} }, 'shiny'],
  ['a message without its numbers', { message: { chat, text: 'x' } }, 'message'],
  ['a message with nothing that is known', { message: message({ hologram: {} }) }, 'message.hologram'],
  ['a reaction without its numbers', { message_reaction: { chat } }, 'message_reaction'],
])('%s is named as unread', (_, fields, type) => {
  expect(parts(fields).filter(({ is }) => is === 'unread')).toEqual([{ is: 'unread', type }]);
});

const business = (fields: object) => message({ business_connection_id: 'c1', ...fields });
test('in a chat of a business account the customer writes in, and everybody else out', () => {
  const said = (fields: object) => {
    const [part] = parts({ business_message: business({ text: 'x', ...fields }) });
    return part?.is === 'message' ? [part.message.chat.externalId, part.message.direction, part.message.sender?.firstRole] : part;
  };
  const owner = { id: 99, is_bot: false, first_name: 'Ольга' };
  expect(said({})).toEqual(['c1:42', 'in', 'client']);
  expect(said({ from: owner })).toEqual(['c1:42', 'out', 'manager']);
  expect(said({ from: owner, sender_business_bot: { id: 7001, is_bot: true, first_name: 'Бот' } })).toEqual([
    'c1:42',
    'out',
    'assistant_bot',
  ]);
  expect(said({ from: owner, sender_business_bot: { id: 7002, is_bot: true, first_name: 'Бот' } })).toEqual([
    'c1:42',
    'out',
    'broadcast_bot',
  ]);
});

test('a connection is usable while it is enabled and the bot may answer; a deletion names its messages', () => {
  const usable = (fields: object) =>
    parts({ business_connection: { id: 'c1', user: anna, user_chat_id: 42, date, is_enabled: true, ...fields } })[0];
  expect(usable({ rights: { can_reply: true } })).toMatchObject({ is: 'connection', connectionId: 'c1', isUsable: true, order: 1 });
  expect(usable({ can_reply: true })).toMatchObject({ isUsable: true });
  expect(usable({ rights: {} })).toMatchObject({ isUsable: false });
  expect(usable({ rights: { can_reply: true }, is_enabled: false })).toMatchObject({ isUsable: false });
  expect(parts({ deleted_business_messages: { business_connection_id: 'c1', chat, message_ids: [5, 6] } })).toEqual([
    { is: 'removal', chat: { externalId: 'c1:42', kind: 'private', title: 'Анна' }, externalIds: ['5', '6'], at: null },
  ]);
});

test('who speaks as a group or as a channel in a group is a client; what a channel posts is a broadcast', () => {
  const group = { id: -1005, type: 'supergroup', title: 'Группа' };
  const channel = { id: -1009, type: 'channel', title: 'Канал' };
  const role = (fields: object) => read({ chat: group, text: 'x', ...fields }).sender?.firstRole;
  expect(role({ sender_chat: group })).toBe('client');
  expect(role({ sender_chat: channel })).toBe('client');
  expect(role({ sender_chat: channel, is_automatic_forward: true })).toBe('broadcast_bot');
  const [post] = parts({ channel_post: { message_id: 5, date, chat: channel, text: 'x' } });
  expect(post?.is === 'message' && post.message.sender?.firstRole).toBe('broadcast_bot');
});
