import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inbox } from '../../contracts/inbox.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { type World, world } from '../../test/kit/world.ts';
import { searchMessages } from './rows/messages.ts';
import { mostGathered, mostWalked } from './rows/search.ts';
import collector from './service.ts';

const messages = mostWalked + 5_000;
let here: World;
beforeAll(async () => {
  here = await world();
  await here.start('collector', collector);
  // Equality of words does not matter here, and stems are built quickly.
  await here.store.query(`select collector.use_words('stems')`);
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
        `select message_id from collector.messages where fts @@ collector.question($1) ${wanted}
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

/** Difficult search input, combined at random. */
const awkward = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'весна',
        'ВЕСНА',
        'вёсна',
        'лилия',
        'пионы',
        '-весна',
        '-',
        '"',
        '""',
        '"пионы',
        ' or ',
        'OR',
        '\\0',
        '\ud800',
        '\u202eлилия',
        '🌷',
        '👩‍👩‍👧',
      ),
      fc.constantFrom(
        '!',
        '&',
        '|',
        '(',
        ')',
        ':*',
        '<->',
        '<2>',
        "'",
        "''",
        '\\\\',
        '%',
        '_',
        '$1',
        ';--',
        '*',
        '\t',
        '\n',
        'a@b.c',
        'http://x.y/z?q=1',
        '+79990001122',
        '12.5',
        '1e99',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(' '));

test('whatever is searched for, the answer is a page of what there is, or that it cannot be searched for', async () => {
  await fc.assert(
    fc.asyncProperty(awkward, fc.integer({ min: 1, max: 5 }), async (q, limit) => {
      try {
        const { items, nextCursor } = await here.bus.call(inbox.list_messages, { q, limit });
        expect(items.length).toBeLessThanOrEqual(limit);
        const ids = items.map(({ messageId }) => messageId);
        expect(new Set(ids).size).toBe(ids.length);
        if (nextCursor === null) return;
        const next = await here.bus.call(inbox.list_messages, { q, limit, cursor: nextCursor });
        expect(next.items.filter(({ messageId }) => ids.includes(messageId))).toEqual([]);
      } catch (error) {
        if (!isPolybError(error) || error.code !== 'invalid_argument') throw error;
        expect(q.length > 200 || q.trim() === '' || /\0/.test(q)).toBe(true);
      }
    }),
    { numRuns: 80 },
  );
});

test.each([
  ['a hundred kilobytes', 'весна '.repeat(17_000)],
  ['a null byte', 'вес\0на'],
  ['blanks', ' \n\t '],
])('a search for %s is refused', async (_, q) => {
  await expect(here.bus.call(inbox.list_messages, { q })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test.each([
  ['ВЕСНА', 'весна'],
  ['"весна"', 'весна'],
  ['лилИя!!!', 'лилия'],
  ['лилия \ud800', 'лилия'],
  ['\u202eлилия', 'лилия'],
  ['лилия 🌷', 'лилия'],
  ['лилия -весна -зима', 'лилия -зима -весна'],
])('%j finds what %j finds', async (q, plain) => {
  const ids = async (asked: string) =>
    (await here.bus.call(inbox.list_messages, { q: asked, limit: 5 })).items.map(({ messageId }) => messageId);
  expect(await ids(q)).toEqual(await ids(plain));
});

test.each(['!!!', '"', '🌷', '- - -', '-весна -пионы', '…'])('%s alone finds nothing', async (q) => {
  expect((await here.bus.call(inbox.list_messages, { q })).items).toEqual([]);
});
