import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type World, world } from '../../scripts/testing/world.ts';
import { searchMessages } from './messages.ts';
import { mostGathered, mostWalked } from './search.ts';

const messages = mostWalked + 5_000;
let here: World;
beforeAll(async () => {
  here = await world();
  await here.store.query(
    `insert into collector.chats (chat_id, channel, bot_id, external_id, kind) values ('chat', 'telegram', '1', '1', 'private')`,
  );
  // Youngest first: spring is frequent lately, winter was long ago, a lily is seldom and peonies are everywhere.
  await here.store.query(
    `insert into collector.messages
       (message_id, channel, bot_id, chat_external_id, external_id, chat_id, direction, kind, text, is_forwarded, sent_at, intent)
     select 'msg_' || n, 'telegram', '1', '1', n::text, 'chat', 'in', 'text',
       concat_ws(' ', 'пионы', case when n <= $2::int then 'весна' end, case when n > $1::int - $2::int then 'зима' end, case when n % 2500 = 7 then 'лилия' end),
       false, timestamptz '2026-05-05' - n / 3 * interval '1 second', case when n % 2 = 0 then 'order' end
     from generate_series(1, $1::int) n order by random()`,
    [messages, mostGathered + 500],
  );
});
afterAll(() => here.stop());

async function all(q: string, wanted: object, limit: number, most: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let cursor: string | undefined; found.length < most; ) {
    const page = await here.store.transaction((tx) => searchMessages(tx, q, wanted, { limit, cursor }));
    found.push(...page.items.map(({ messageId }) => messageId));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return found;
}

test.each([
  ['пионы', 'everywhere'],
  ['весна', 'lately'],
  ['зима', 'long ago'],
  ['лилия', 'seldom'],
  ['весна -лилия', 'mostly'],
  ['"пионы зима"', 'side by side'],
])('every page of %s (%s) has what a look at each message finds, with statistics and without', async (q) => {
  const expected = async (wanted: string, most: number) =>
    (
      await here.store.query<{ message_id: string }>(
        `select message_id from collector.messages where fts @@ websearch_to_tsquery('collector.russian', $1) ${wanted}
         order by sent_at desc, seq desc limit $2`,
        [q, most],
      )
    ).map(({ message_id }) => message_id);
  for (const statistics of ['', 'analyze collector.messages']) {
    if (statistics !== '') await here.store.query(statistics);
    expect(await all(q, {}, 200, 600)).toEqual(await expected('', 600));
    expect(await all(q, { intent: 'order' }, 200, 400)).toEqual(await expected(`and intent = 'order'`, 400));
  }
});
