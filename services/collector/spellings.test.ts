import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type World, world } from '../../test/kit/world.ts';
import { searchMessages } from './rows/messages.ts';
import { learnWords } from './rows/search.ts';

let here: World;
beforeAll(async () => {
  here = await world();
  await here.store.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('chat', 'telegram', '1', '1', 'private')`,
  );
});
afterAll(() => here.stop());

async function write(texts: readonly string[]): Promise<void> {
  await here.store.query('delete from collector.messages');
  await here.store.query(
    `insert into collector.messages
       (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     select text, 'telegram', '1', '1', text, 'chat', 'in', 'text', text, false, now() from unnest($1::text[]) text`,
    [texts],
  );
  await learnWords(here.store, texts);
}
async function found(q: string): Promise<readonly string[]> {
  const { items } = await here.store.transaction((tx) => searchMessages(tx, q, {}, { limit: 50 }));
  return items.map(({ messageId }) => messageId);
}

const phone = 'мой 8 (921) 555-01-23 звоните';
test.each([
  [phone, ['89215550123', '+79215550123', '9215550123', '921 555 01 23', '+7921', '8921', '0123', '5550', '55-01-2', '15550']],
  ['+7 701 555 01 23', ['87015550123', '7015550123', '8701555', '0123']],
  ['+375291234567', ['375 29 123', '291234567', '4567']],
  ['счёт Б-2077 от мая', ['2077', 'Б-2077', 'б2077', 'счет 2077', '№2077']],
  ['аванс 12 500 рублей', ['12500', '12 500', '2500', 'аванс 12500']],
  ['всего 7300р', ['7300', '7 300', 'всего 7300']],
  ['карта 4000-1234-5678-9010', ['9010', '1234 5678', '12345678', '4000123456789010']],
  ['пишите на maria.k@example.com', ['example', 'example.com', 'maria', 'maria.k', 'maria.k@example.com']],
  ['https://shop.example.org/catalog/rozy-2026', ['shop', 'catalog', 'rozy', 'shop.example.org']],
  ['он-лайн запись', ['онлайн', 'он-лайн']],
  ['онлайн оплата', ['он-лайн']],
  ['гвоздики красные', ['udjplbrb', 'gvozdiki', 'гваздики', 'гвоздеки']],
  ['samsung galaxy', ['самсунг', 'ыфьыгтп', 'samsung']],
  ['zakaz na utro', ['заказ']],
  ['с праздником 🎉', ['🎉']],
  ['ок 👌', ['👌🏿']],
  ['нарциссы', ['норциссы', 'нарцыссы']],
])('%s is found', async (text, questions) => {
  await write([text, 'совсем другое сообщение']);
  const missed: string[] = [];
  for (const q of questions) if (!(await found(q)).includes(text)) missed.push(q);
  expect(missed).toEqual([]);
});

test.each([
  ['8 (921) 555-01-23', ['8 921 555-01-24', '5501 и 23']],
  ['5551', ['555 и 1', '15 55']],
  ['аванс 12500', ['аванс 12501', 'задаток 12500']],
  ['example.com', ['example.org', 'пример']],
  ['🎉', ['🎂', 'с праздником']],
  ['ноты', ['нити', 'нета']],
])('%s finds nothing else', async (q, texts) => {
  await write(texts);
  expect(await found(q)).toEqual([]);
});

test('numbers are found beside words that are misspelled, and quotes, minus and OR keep their meaning', async () => {
  await write(['гвоздики 1500', 'гвоздики 2700', 'тюльпаны 1500']);
  expect(await found('гваздики 1500')).toEqual(['гвоздики 1500']);
  expect(await found('гвоздики -1500')).toEqual(['гвоздики 2700']);
  expect(await found('2700 or тюльпаны')).toHaveLength(2);
});

test('a flood of digits is stored and found by its beginning', async () => {
  const flood = '1234567890'.repeat(5_000);
  await here.store.query('delete from collector.messages');
  await here.store.query(
    `insert into collector.messages
       (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at)
     values ('flood', 'telegram', '1', '1', 'flood', 'chat', 'in', 'text', $1, false, now())`,
    [flood],
  );
  expect(await found('12345678901234')).toEqual(['flood']);
});
