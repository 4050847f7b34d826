import { expect, test } from '@jest/globals';
import { csvRow, exportCsv } from './csv.ts';
import { eventParser, type StreamEvent } from './events.ts';
import { createFormat } from './format.ts';
import { hrefOf, routeOf, unknownFilters } from './router.ts';

const russian = createFormat('ru', 'Europe/Moscow');
const english = createFormat('en', 'America/New_York');
const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

test.each([
  ['+79995553322', '+7 999 555-33-22'],
  ['+7999***3322', '+7999***3322'],
  ['+442079460958', '+442 079 460 958'],
  ['Анна', 'Анна'],
])('the phone %s is shown as %s', (phone, shown) => {
  expect(plain(russian.phone(phone))).toBe(shown);
});

test.each([
  [400, '400 мс', '400 ms'],
  [59_999, '59 с', '59 secs'],
  [12 * 60_000, '12 мин', '12 mins'],
  [3 * 3_600_000 + 5 * 60_000, '3 ч 5 мин', '3 hrs 5 mins'],
  [2 * 86_400_000, '2 дн.', '2 days'],
])('%d ms are %s, or %s', (ms, ru, en) => {
  expect([plain(russian.duration(ms)), plain(english.duration(ms))]).toEqual([ru, en]);
});

test('an age begins at 0 s', () => {
  expect(plain(russian.age('2026-11-28T06:02:00.000Z', Date.parse('2026-11-28T06:02:00.400Z')))).toBe('0 с');
});

test('a time is that of the viewer, with the zone named', () => {
  expect(plain(russian.fullTime('2026-11-28T09:02:03Z'))).toBe('28.11.2026, 12:02:03 GMT+3');
  expect(plain(english.fullTime('2026-11-28T09:02:03Z'))).toBe('28/11/2026, 04:02:03 GMT-5');
});

test('a filter that the page does not have, or a value that it cannot have, is found', () => {
  const filters = { state: ['proposed', 'queued'], q: 'text', mine: 'flag', since: 'day' } as const;
  expect(unknownFilters(filters, { state: 'queued', q: 'роза', mine: '1', since: '2026-11-28' })).toEqual([]);
  expect(unknownFilters(filters, { state: 'sold', q: ' ', mine: 'yes', since: '2026-13-40', constructor: 'x' })).toEqual([
    'state',
    'q',
    'mine',
    'since',
    'constructor',
  ]);
});

test('an address is read as it was written', () => {
  const href = hrefOf('chats', 'чат/1?', { q: 'роза & мак' });
  expect(routeOf(new URL(href, 'http://desk.example'))).toEqual({ page: 'chats', id: 'чат/1?', query: { q: 'роза & мак' } });
  expect(routeOf(new URL('http://desk.example/desk/chats/%zz'))).toEqual({ page: 'chats', id: '%zz', query: {} });
});

test.each(['=1+1', '+79995553322', '-1', '@SUM(A1)', '\t=1'])('the cell %j is no formula in a spreadsheet', (text) => {
  expect(csvRow([text])).toBe(`'${text}\r\n`);
});

test('a cell may hold what separates cells', () => {
  expect(csvRow(['a;b', 'c"d', 'e\nf', 'обычный'])).toBe('"a;b";"c""d";"e\nf";обычный\r\n');
});

test('an export begins with a byte order mark, goes on page by page, and stops where it is cancelled', async () => {
  const pages = [
    { items: ['a', 'b'], nextCursor: '1' },
    { items: ['c'], nextCursor: null },
  ];
  const options = {
    head: ['Имя'],
    row: (item: string) => [item],
    load: async (cursor: string | undefined) => pages[Number(cursor ?? 0)] ?? { items: [], nextCursor: null },
    signal: new AbortController().signal,
  };
  const seen: number[] = [];
  const file = await exportCsv({ ...options, progress: (rows) => void seen.push(rows) });
  expect([...new Uint8Array(await file.arrayBuffer())].slice(0, 3)).toEqual([0xef, 0xbb, 0xbf]);
  expect(await file.text()).toBe('Имя\r\na\r\nb\r\nc\r\n');
  expect(seen).toEqual([2, 3]);
  const stop = new AbortController();
  const cancelled = exportCsv({ ...options, signal: stop.signal, progress: () => stop.abort() });
  await expect(cancelled).rejects.toThrow(/abort/);
});

test('events are the same in whatever parts their text arrives', () => {
  const text =
    'retry: 3000\n\n: alive\n\nid: 7\nevent: approvals\ndata: {"a":1}\n\ndata: one\ndata:two\r\n\r\nevent: none\n\nid: 8\ndata\n\n';
  const read = (parts: readonly string[]): readonly StreamEvent[] => {
    const told: StreamEvent[] = [];
    const parse = eventParser((event) => void told.push(event));
    for (const part of parts) parse(part);
    return told;
  };
  const whole = read([text]);
  expect(whole).toEqual([
    { event: 'approvals', id: '7', data: '{"a":1}' },
    { event: 'message', id: undefined, data: 'one\ntwo' },
    { event: 'message', id: '8', data: '' },
  ]);
  for (let at = 1; at < text.length; at += 1) expect(read([text.slice(0, at), text.slice(at)])).toEqual(whole);
  expect(read([...text])).toEqual(whole);
});
