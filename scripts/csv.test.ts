import { expect, test } from '@jest/globals';
import { csvRows, csvText, delimiterOf } from './csv.ts';

const table = 'Имя;"Комментарий; да";Цена\r\n"Анна ""А""";"две\nстроки, с запятой";1 500,50\r\n';
const rows = [{ Имя: 'Анна "А"', 'Комментарий; да': 'две\nстроки, с запятой', Цена: '1 500,50' }];
const utf8 = Buffer.from(table);
const encoder: Readonly<Record<string, number>> = Object.fromEntries(
  Array.from({ length: 256 }, (_, byte) => [new TextDecoder('windows-1251').decode(Uint8Array.of(byte)), byte]),
);
const windows1251 = Uint8Array.from(table, (letter) => encoder[letter] ?? 63);
/** CP866 has capitals from 0x80, small letters from 0xA0 and 0xE0. */
const dos = Uint8Array.from(table, (letter) => {
  const code = letter.charCodeAt(0) - 0x410;
  return code < 0 ? letter.charCodeAt(0) : code < 0x30 ? 0x80 + code : 0xe0 + code - 0x30;
});
async function read(bytes: Uint8Array): Promise<unknown[]> {
  const text = csvText(bytes);
  const found: unknown[] = [];
  for await (const row of csvRows([text], delimiterOf(text))) found.push(row);
  return found;
}

test.each([
  ['UTF-8', utf8],
  ['UTF-8 with a byte-order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), utf8])],
  ['windows-1251', windows1251],
])('a file in %s is read', async (_, bytes) => {
  expect(await read(bytes)).toEqual(rows);
});

test.each([
  ['UTF-16', Buffer.from(`\ufeff${table}`, 'utf16le'), undefined],
  ['a DOS code page', dos, undefined],
  ['windows-1251 named UTF-8', windows1251, 'utf-8'],
  ['UTF-8 named windows-1251', utf8, 'windows-1251'],
] as const)('a file in %s is one clear error', (_, bytes, encoding) => {
  let thrown: unknown;
  try {
    csvText(bytes, encoding);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ name: 'PolybError', code: 'invalid_argument', reason: 'bad_encoding' });
});

test('the error for a file that is not UTF-8 names its first such line', () => {
  const bytes = Buffer.concat([Buffer.from('name\nanna\n'), Buffer.from([0xc0, 0xed, 0xed, 0xe0])]);
  expect(() => csvText(bytes, 'utf-8')).toThrow(/line 3/);
});

test.each([
  ['a,b', ','],
  ['a;b;c', ';'],
  ['a\tb', '\t'],
  ['"a;b;c",d', ','],
  ['a', ','],
])('the delimiter of %j is %j', (head, delimiter) => {
  expect(delimiterOf(`${head}\n1;2;3;4;5`)).toBe(delimiter);
});
